/** Starts and steers `mount-server.ts`. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { MountBinding } from "../../mount/index.ts";
import { findMountSync } from "../../mount/mount-table.ts";
import type { ServerMessage } from "./mount-server.ts";

import { publicPath } from "./public-clone.ts";

const SERVER = fileURLToPath(new URL("mount-server.ts", import.meta.url));

export interface MountProcess {
  readonly child: ChildProcess;
  /** Everything it said so far. */
  readonly messages: readonly ServerMessage[];
  send(command: string): void;
  /** The first message with one of `events` after the ones already taken. */
  next(...events: readonly ServerMessage["event"][]): Promise<ServerMessage>;
  /** Resolves with the exit code or signal. */
  ended(): Promise<number | string>;
}

export function startMount(
  mountPoint: string,
  options: {
    readonly binding: MountBinding;
    readonly uid?: number;
    readonly allowOther?: boolean;
  },
): MountProcess {
  const { uid } = options;
  const place = uid === undefined ? (path: string): string => path : publicPath;
  const args = [place(SERVER), mountPoint, options.binding, String(options.allowOther ?? false)];
  const child = spawn(place(process.execPath), args, {
    stdio: ["pipe", "pipe", "inherit"],
    ...(uid === undefined ? {} : { uid, gid: uid, cwd: "/", env: { PATH: process.env["PATH"] } }),
  });
  const messages: ServerMessage[] = [];
  let taken = 0;
  createInterface({ input: child.stdout }).on("line", (line) => {
    messages.push(JSON.parse(line) as ServerMessage);
  });
  const exit = once(child, "exit").then(([code, signal]: unknown[]) =>
    typeof code === "number" ? code : String(signal),
  );
  return {
    child,
    messages,
    send: (command) => child.stdin.write(`${command}\n`),
    next: async (...events) =>
      await eventually(
        () => {
          const index = messages.findIndex((m, i) => i >= taken && events.includes(m.event));
          if (index < 0) return undefined;
          taken = index + 1;
          return messages[index];
        },
        `${events.join(" or ")} from the server, which said ${JSON.stringify(messages)}`,
      ),
    ended: () => exit,
  };
}

/** Asks again until there is an answer. */
export async function eventually<Result>(
  find: () => Result | undefined,
  what: string,
  timeoutMs = 20_000,
): Promise<Result> {
  for (const end = performance.now() + timeoutMs; performance.now() < end;) {
    const result = find();
    if (result !== undefined) return result;
    await sleep(20);
  }
  throw new Error(`Waited ${timeoutMs} ms for ${what}`);
}

export function isMounted(path: string): boolean {
  return findMountSync(path) !== undefined;
}

/** Takes away whatever a failed test left behind. */
export function cleanUpMount(path: string): void {
  for (const args of [
    ["umount", "-i", "-l", path],
    ["fusermount3", "-uz", path],
  ] as const) {
    if (!isMounted(path)) return;
    try {
      execFileSync(args[0], args.slice(1), { stdio: "ignore" });
    } catch {
      // The next one may do it.
    }
  }
}
