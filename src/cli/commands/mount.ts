/** `forge mount`: the snapshots as a folder, until Ctrl-C. */
import { setTimeout as wait } from "node:timers/promises";
import {
  countBuffersWithHeap,
  exitNow,
  isReadableWithin,
  makeNonBlocking,
  messageOf,
  mount as mountSyscall,
  readAvailable,
  receiveFd,
  socketPair,
  umount2,
  waitReadable,
  writeMessage,
} from "../../../engine/node.ts";
import { type Mount, mountFs } from "../../../mount/index.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { choice, flag, negated, required, size } from "../option-kinds.ts";
import { chooseRepository, nameOf, settingsOf } from "../repository-choice.ts";
import { VIEW_OPTIONS, openView } from "../repository-view.ts";
import { type Session, localPathOf, withSession } from "../session.ts";

/** Programs that only just let go of the mount get this long before it is given up on them. */
const DETACHED_WAIT_MS = 2000;

export const mount: Command = defineCommand({
  description:
    "Show the snapshots as a read-only folder: by time, host, tag and id. New snapshots appear by " +
    "themselves. It serves until Ctrl-C, SIGTERM or an unmount.",
  arguments: { mountpoint: required("an empty folder") },
  options: {
    allowOther: flag("--allow-other", "other users may look, as far as permissions let them"),
    xattrs: negated(
      "--no-xattrs",
      "leave out extended attributes and ACLs: cp -a takes two thirds of the time",
    ),
    cacheSize: size("--cache-size <size>", "memory for content that was read"),
    binding: choice("--binding <name>", "how to speak to the kernel", ["kernel", "libfuse"]),
    ...VIEW_OPTIONS,
  },
  examples: ["forge mount /mnt/snapshots", "forge mount ~/snapshots --host laptop --tag daily"],
  async run(context, values): Promise<ExitCode> {
    countBuffersWithHeap();
    const settings = await settingsOf(context);
    const repository = chooseRepository(context, settings);
    return withSession(
      context,
      repository,
      async (session) => {
        const configured = settings.mount.pathTemplates;
        const fs = await openView(context, session, { values, configured });
        const localPath = localPathOf(repository);
        const mounted = await mountFs(fs, values.mountpoint, {
          native: {
            mount: mountSyscall,
            umount2,
            socketPair,
            receiveFd,
            exitNow,
            isReadableWithin,
            makeNonBlocking,
            readAvailable,
            waitReadable,
            writeMessage,
          },
          binding: values.binding,
          allowOther: values.allowOther || settings.mount.allowOther,
          xattrs: values.xattrs,
          refuse: localPath === undefined ? [] : [localPath],
          onError: (error) => context.output.warn(`A read failed: ${messageOf(error)}`),
        });
        await serve(context, session, mounted);
        return EXIT.done;
      },
      { cacheBytes: values.cacheSize ?? settings.mount.cacheBytes, withoutSnapshots: true },
    );
  },
});

/** Says that it serves, and returns once nothing is mounted any more. */
async function serve(context: CommandContext, session: Session, mounted: Mount): Promise<void> {
  const { output, signal } = context;
  const name = nameOf(session.settings);
  if (output.json) {
    await output.jsonLine({ type: "serving", mountPoint: mounted.mountPoint, repository: name });
  } else {
    await output.summary(
      `Serving the snapshots of ${name} at ${mounted.mountPoint}; end with Ctrl-C`,
    );
  }
  await output.flush();
  session.readSide.warmUp();
  const stopped = new Promise<"stopped">((resolve) => {
    if (signal.aborted) resolve("stopped");
    signal.addEventListener("abort", () => resolve("stopped"), { once: true });
  });
  const gone = mounted.closed.then(() => "gone" as const);
  if ((await Promise.race([stopped, gone])) === "gone") {
    output.note(`${mounted.mountPoint} was unmounted`);
    return;
  }
  const outcome = await mounted.unmount({ lazyIfBusy: true });
  if (outcome === "unmounted") {
    output.note(`Unmounted ${mounted.mountPoint}`);
    return;
  }
  output.warn(
    `${mounted.mountPoint} is still in use: it was taken out of the tree, and programs that use it will get errors`,
  );
  await Promise.race([mounted.closed, wait(DETACHED_WAIT_MS)]);
}
