/** Drives served by the built forge in processes of their own, and programs that use them. */
import type { ChildProcess } from "node:child_process";
import { type ForgeWorld, type RunOptions, ending } from "./forge-program.ts";

export interface ForgeDrive {
  /** With a slash at its end. */
  readonly url: string;
  readonly password: string | undefined;
  readonly child: ChildProcess;
  stop(signal?: NodeJS.Signals): ReturnType<typeof ending>;
}

const running = new Set<ChildProcess>();

/** Starts `forge webdav` on a free port of this machine and waits until it serves. */
export async function serveForge(
  world: ForgeWorld,
  words: readonly string[] = [],
  options: RunOptions = {},
): Promise<ForgeDrive> {
  const child = world.start(["webdav", "--json", "--listen", "127.0.0.1:0", ...words], options);
  running.add(child);
  const ended = ending(child);
  void ended.then(() => running.delete(child));
  const line = await new Promise<string>((resolve, reject) => {
    let said = "";
    child.stdout?.on("data", (text: Buffer) => {
      said += text.toString();
      if (said.includes("\n")) resolve(said);
    });
    void ended.then(({ code, stderr }) =>
      reject(new Error(`forge webdav ended with ${String(code)}: ${stderr}`)),
    );
  });
  const { url, password } = JSON.parse(line) as { url: string; password?: string };
  return {
    url,
    password,
    child,
    stop: (signal = "SIGTERM") => {
      child.kill(signal);
      return ended;
    },
  };
}

/** For `afterAll`. */
export function endDrives(): void {
  for (const child of running) child.kill("SIGKILL");
}
