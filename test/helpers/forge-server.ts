/** Programs of the built forge that serve, in processes of their own: `forge webdav`, `forge browse`. */
import type { ChildProcess } from "node:child_process";
import { type ForgeWorld, type RunOptions, ending } from "./forge-program.ts";

export interface ForgeServer {
  /** With a slash at its end. */
  readonly url: string;
  /** One that it made up; absent when it was given one. */
  readonly password: string | undefined;
  readonly child: ChildProcess;
  stop(signal?: NodeJS.Signals): ReturnType<typeof ending>;
}

const running = new Set<ChildProcess>();

/** Starts `command` on a free port of this machine and waits until it serves. */
export async function startServer(
  world: ForgeWorld,
  command: "browse" | "webdav",
  words: readonly string[] = [],
  options: RunOptions = {},
): Promise<ForgeServer> {
  const child = world.start([command, "--json", "--listen", "127.0.0.1:0", ...words], options);
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
      reject(new Error(`forge ${command} ended with ${String(code)}: ${stderr}`)),
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

/** Ends those that still run. For `afterAll`. */
export function endServers(): void {
  for (const child of running) child.kill("SIGKILL");
}
