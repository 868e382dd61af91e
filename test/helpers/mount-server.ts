/**
 * A process that mounts the sample. Whoever looks into a mount must not be the process that serves
 * it, so tests start this one and talk to it in lines of JSON.
 *
 * Arguments: mount point, binding, options as JSON. Commands on stdin: `unmount`, `unmount-lazy`,
 * `add NAME`, `exit`.
 */
import { createInterface } from "node:readline";
import * as libc from "../../engine/platform/node/libc.ts";
import { ForgeError, messageOf } from "../../engine/base/errors.ts";
import { type MountBinding, mountFs } from "../../mount/index.ts";
import { sampleFs } from "./sample-fs.ts";

export interface ServerMessage {
  readonly event: "mounted" | "closed" | "unmounted" | "detached" | "added" | "error" | "failed";
  readonly code?: string;
  readonly message?: string;
}

function tell(message: ServerMessage): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function tellError(event: "error" | "failed", error: unknown): void {
  const code = error instanceof ForgeError ? error.code : "defect";
  tell({ event, code, message: messageOf(error) });
}

async function serve(
  mountPoint: string,
  binding: MountBinding,
  allowOther: boolean,
): Promise<void> {
  const sample = sampleFs();
  const mount = await mountFs(sample.fs, mountPoint, {
    native: libc,
    binding,
    allowOther,
    attributeSeconds: 0.2,
    onError: (error) => tellError("error", error),
  });
  tell({ event: "mounted", message: mount.mountPoint });
  void mount.closed.then(() => tell({ event: "closed" }));
  createInterface({ input: process.stdin }).on("line", (line) => {
    const [command, argument = ""] = line.split(" ");
    if (command === "exit") process.exit(0);
    if (command === "add") {
      sample.addSnapshot(argument);
      tell({ event: "added" });
      return;
    }
    mount.unmount({ lazyIfBusy: command === "unmount-lazy" }).then(
      (event) => tell({ event }),
      (error: unknown) => tellError("failed", error),
    );
  });
}

const [mountPoint = "", binding = "kernel", allowOther = "false"] = process.argv.slice(2);
serve(mountPoint, binding === "libfuse" ? "libfuse" : "kernel", allowOther === "true").catch(
  (error: unknown) => {
    tellError("failed", error);
    process.exit(1);
  },
);
