/** `forge webdav`: the snapshots as a network drive, until Ctrl-C. */
import { countBuffersWithHeap, messageOf } from "../../../engine/node.ts";
import { Gate, HTTP_USER } from "../../server/auth.ts";
import { listen } from "../../server/listen.ts";
import { createWebdavServer } from "../../server/webdav-server.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { LISTEN_OPTIONS, listenOption, planServer, serveUntilEnd } from "../listen-options.ts";
import { chooseRepository, nameOf, settingsOf } from "../repository-choice.ts";
import { VIEW_OPTIONS, openView } from "../repository-view.ts";
import { withSession } from "../session.ts";

const ADDRESS = "127.0.0.1:8484";

export const webdav: Command = defineCommand({
  description:
    "Show the snapshots as a read-only network drive (WebDAV) that Windows, macOS, Linux desktops, " +
    `phones and rclone map. The user is ${HTTP_USER}; the password comes from --password-file or ` +
    "FORGE_HTTP_PASSWORD, otherwise one is made and printed. It serves until Ctrl-C or SIGTERM.",
  arguments: {},
  options: { listen: listenOption(ADDRESS), ...LISTEN_OPTIONS, ...VIEW_OPTIONS },
  examples: [
    "forge webdav",
    "forge webdav --listen 0.0.0.0:8484 --tls-cert cert.pem --tls-key key.pem",
  ],
  async run(context, values): Promise<ExitCode> {
    countBuffersWithHeap();
    const { output } = context;
    const settings = await settingsOf(context);
    const repository = chooseRepository(context, settings);
    // What was typed wrongly is said before the passphrase is asked for.
    const plan = await planServer(context, values, ADDRESS);
    const gate = new Gate({ password: plan.password, now: () => performance.now() });
    return withSession(
      context,
      repository,
      async (session) => {
        const configured = settings.mount.pathTemplates;
        const fs = await openView(context, session, { values, configured });
        const server = createWebdavServer(fs, {
          gate,
          hosts: plan.hosts,
          onError: (error) => output.warn(`A read failed: ${messageOf(error)}`),
        });
        const listener = await listen(plan.listen, server);
        const { generated } = plan;
        await announce(context, { url: listener.url, repository: nameOf(repository), generated });
        session.readSide.warmUp();
        await serveUntilEnd(context, listener);
        return EXIT.done;
      },
      { cacheBytes: values.cacheSize ?? settings.mount.cacheBytes, withoutSnapshots: true },
    );
  },
});

/** Says where it serves and how to get in. */
async function announce(
  { output }: CommandContext,
  {
    url,
    repository,
    generated,
  }: {
    readonly url: string;
    readonly repository: string;
    readonly generated: string | undefined;
  },
): Promise<void> {
  if (output.json) {
    const password = generated === undefined ? {} : { password: generated };
    await output.jsonLine({ type: "serving", url, repository, user: HTTP_USER, ...password });
    return;
  }
  await output.summary(`Serving the snapshots of ${repository} at ${url}; end with Ctrl-C`);
  // Also with -q: nobody could get in without it.
  if (generated !== undefined) await output.line(`User ${HTTP_USER}, password ${generated}`);
  else await output.summary(`User ${HTTP_USER}, with the password you set`);
}
