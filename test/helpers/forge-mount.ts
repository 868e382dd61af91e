/** Mounts served by the built forge in processes of their own, and the certainty that they end. */
import { type ChildProcess, spawnSync } from "node:child_process";
import { chownSync, mkdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type ForgeWorld, type RunOptions, ending } from "./forge-program.ts";
import { cleanUpMount } from "./mount-process.ts";

export interface ForgeMount {
  /** The mount point. Look at it through other programs, or expect to wait for the server. */
  readonly at: string;
  readonly child: ChildProcess;
  readonly ended: ReturnType<typeof ending>;
  /** Sends a signal, SIGTERM when absent, and waits for the end. */
  stop(signal?: NodeJS.Signals): ReturnType<typeof ending>;
}

/** How long a mount may take to come up or down on a busy machine. */
const PATIENCE_MS = 60_000;
const running = new Set<ForgeMount>();

/** Makes the mount point `name` in the world, starts `forge mount` and waits until it serves. */
export async function mountForge(
  world: ForgeWorld,
  name: string,
  words: readonly string[] = [],
  options: RunOptions = {},
): Promise<ForgeMount> {
  const at = world.path(name);
  mkdirSync(at);
  if (options.uid !== undefined) chownSync(at, options.uid, options.gid ?? options.uid);
  const child = world.start(["mount", at, ...words], options);
  const ended = ending(child);
  const mount: ForgeMount = {
    at,
    child,
    ended,
    stop(signal = "SIGTERM") {
      child.kill(signal);
      return within(ended, `the mount at ${at} to end after ${signal}`);
    },
  };
  running.add(mount);
  void ended.then(() => running.delete(mount));
  const serving = new Promise<void>((resolve) => {
    let said = "";
    child.stdout?.on("data", (text: Buffer) => {
      said += text.toString();
      if (said.includes("Serving")) resolve();
    });
  });
  const failed = ended.then(({ code, stderr }) => {
    throw new Error(`forge mount ended with ${String(code)}: ${stderr}`);
  });
  await within(Promise.race([serving, failed]), `a mount at ${at}`);
  failed.catch(() => undefined);
  return mount;
}

/** For `afterAll`: takes down what a failed test left behind. */
export async function endMounts(): Promise<void> {
  for (const mount of running) {
    mount.child.kill("SIGKILL");
    cleanUpMount(mount.at);
    await within(mount.ended, `the end of the mount at ${mount.at}`).catch(() => undefined);
  }
}

/** Forgets what the kernel has cached of every file system, so that reads reach the server. */
export function dropKernelCaches(): void {
  if (process.geteuid?.() !== 0) return;
  spawnSync("sh", ["-c", "sync; echo 3 > /proc/sys/vm/drop_caches"], { timeout: PATIENCE_MS });
}

async function within<Result>(promise: Promise<Result>, what: string): Promise<Result> {
  const late = new AbortController();
  const timeout = sleep(PATIENCE_MS, undefined, { signal: late.signal }).then(() => {
    throw new Error(`Waited ${PATIENCE_MS} ms for ${what}`);
  });
  timeout.catch(() => undefined);
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    late.abort();
  }
}
