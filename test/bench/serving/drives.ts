/**
 * The same snapshot as a network drive: `forge webdav`, and for the peers what their users do,
 * `rclone serve webdav` over their mount.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { join } from "node:path";
import { Mounted } from "../mounted.ts";
import { run } from "../process.ts";
import { PASSPHRASE, type Tool } from "../tools/tool.ts";

export interface Drive {
  /** Of the snapshot's `/`, without a slash at the end. */
  readonly url: string;
  /** curl's words to be let in. */
  readonly login: readonly string[];
  /** Of a peer: the folder that is served, its mount. */
  readonly mounted?: string;
  end(): Promise<void>;
}

const LAUNCHER = join(import.meta.dirname, "../../../bin/forge.cjs");
const PASSWORD = "bench-password";

export function openDrive(tool: Tool, repository: string, work: string): Promise<Drive> {
  return tool.name === "forge" ? openForge(repository) : openRclone(tool, repository, work);
}

async function openForge(repository: string): Promise<Drive> {
  const { url, end } = await serveForge("webdav", repository);
  return { url: `${url}snapshots/latest`, login: ["--user", `forge:${PASSWORD}`], end };
}

/** `forge webdav` or `forge browse` on a free port. */
export async function serveForge(
  command: "webdav" | "browse",
  repository: string,
): Promise<{ url: string; password: string; end: () => Promise<void> }> {
  const extra = command === "browse" ? ["--no-open"] : [];
  const child = spawn(
    LAUNCHER,
    ["--repo", repository, command, "--json", "--listen", "127.0.0.1:0", ...extra],
    {
      env: { ...process.env, FORGE_PASSPHRASE: PASSPHRASE, FORGE_HTTP_PASSWORD: PASSWORD },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, "line")) as [string];
  const { url } = JSON.parse(line) as { url: string };
  return { url, password: PASSWORD, end: () => stop(child) };
}

async function openRclone(tool: Tool, repository: string, work: string): Promise<Drive> {
  if (tool.mounting === undefined) throw new Error(`${tool.name} has no mount`);
  const mounted = Mounted.start(tool.mounting, { repository, number: 1, work });
  const port = 18_000 + Math.floor(Math.random() * 1000);
  const child = spawn(
    "rclone",
    ["serve", "webdav", mounted.root, "--addr", `127.0.0.1:${port}`, "--read-only"],
    { stdio: "ignore" },
  );
  const url = `http://127.0.0.1:${port}`;
  for (let attempt = 0; ; attempt++) {
    try {
      run({ words: ["curl", "-sf", "-o", "/dev/null", `${url}/`], environment: {} });
      break;
    } catch (error) {
      if (attempt > 100) throw error;
      await wait(100);
    }
  }
  return {
    url,
    login: [],
    mounted: mounted.root,
    end: async () => {
      await stop(child);
      await mounted.end();
    },
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  await gone;
}
