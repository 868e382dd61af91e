/** File browsers served by the built forge in processes of their own, and people who are logged in. */
import type { ChildProcess } from "node:child_process";
import { type ForgeWorld, type RunOptions, ending } from "./forge-program.ts";

export interface ForgeBrowser {
  /** With a slash at its end. */
  readonly url: string;
  readonly password: string | undefined;
  readonly child: ChildProcess;
  stop(signal?: NodeJS.Signals): ReturnType<typeof ending>;
}

const running = new Set<ChildProcess>();

/** Starts `forge browse` on a free port of this machine and waits until it serves. */
export async function browseForge(
  world: ForgeWorld,
  words: readonly string[] = [],
  options: RunOptions = {},
): Promise<ForgeBrowser> {
  const child = world.start(["browse", "--json", "--listen", "127.0.0.1:0", ...words], options);
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
      reject(new Error(`forge browse ended with ${String(code)}: ${stderr}`)),
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

/** Headers of requests of somebody who logged in, also those that change something. */
export async function logInTo(
  url: string,
  secret: { readonly password: string } | { readonly ticket: string },
): Promise<{ readonly cookie: string; readonly "x-forge-csrf": string }> {
  const answer = await fetch(`${url}api/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(secret),
  });
  const body = await answer.text();
  if (!answer.ok) throw new Error(`logging in was answered ${answer.status}: ${body}`);
  const cookie = answer.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  return { cookie, "x-forge-csrf": (JSON.parse(body) as { csrfToken: string }).csrfToken };
}

/** For `afterAll`. */
export function endBrowsers(): void {
  for (const child of running) child.kill("SIGKILL");
}
