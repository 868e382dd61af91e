/**
 * A backup under strace, which can kill it, or have a call fail, at the n-th call of one kind. One
 * thread does all file system calls of the storage (libuv's pool, of size one), and strace is attached
 * to that thread alone, so that the n-th call is the same one in every run.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";

import { toHex, utf8 } from "../../engine/base/bytes.ts";

/** Calls by which an object is written, in the order they come. */
export const WRITING_CALLS = [
  "mkdir",
  "openat",
  "write",
  "fchmod",
  "fsync",
  "close",
  "link",
  "unlink",
  "statx",
] as const;
export type WritingCall = (typeof WRITING_CALLS)[number];

/** What was being written. */
export type Phase = "packs" | "index" | "snapshots" | "leases" | "other";

export interface Point {
  readonly call: WritingCall;
  /** The how-many-th such call of the thread, from 1. */
  readonly number: number;
  readonly phase: Phase;
}

export interface TracedRun {
  /** Exit status, or `undefined` when it was killed. */
  readonly code: number | undefined;
  /** What the driver said in the end: nothing, or the code of an error. */
  readonly said: string;
  /** All calls that were traced, the last one being that which was killed. */
  readonly points: readonly Point[];
}

export interface TraceOptions {
  readonly repository: string;
  readonly passphrase: string;
  readonly tree: string;
  /** File for strace's output. */
  readonly log: string;
  readonly inject?:
    | {
        readonly call: WritingCall;
        readonly number: number;
        readonly what: "signal=SIGKILL" | "error=EIO" | "error=ENOSPC";
      }
    | undefined;
}

export async function traceBackup(options: TraceOptions): Promise<TracedRun> {
  const { repository, passphrase, tree, log, inject } = options;
  const driver = `${import.meta.dirname}/backup-driver.ts`;
  const child = spawn(process.execPath, [driver, repository, passphrase, tree], {
    env: { ...process.env, UV_THREADPOOL_SIZE: "1" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = ending(child);
  await says(child.stdout, "ready\n");
  const calls = `trace=${WRITING_CALLS.join(",")}`;
  const tracer = spawn(
    "strace",
    [
      ...["-p", poolThread(child.pid ?? 0), "-y", "-s", "16", "-x", "-o", log, "-e", calls],
      ...(inject === undefined
        ? []
        : ["-e", `inject=${inject.call}:${inject.what}:when=${inject.number}`]),
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const tracerEnded = ending(tracer);
  await says(tracer.stderr, "attached");
  let said = "";
  child.stdout.on("data", (data: Buffer) => (said += data.toString()));
  child.stdin.end("go\n");
  const code = await ended;
  await tracerEnded;
  return { code, said: said.trim(), points: pointsOf(readFileSync(log, "latin1"), repository) };
}

/** The points of a trace; a temporary file counts for what came to be of it, or began to. */
function pointsOf(log: string, repository: string): Point[] {
  const calls: { call: WritingCall; number: number; line: string }[] = [];
  const counts = new Map<string, number>();
  const phases = new Map<string, Phase>();
  for (const line of log.split("\n")) {
    const name = /^([a-z0-9]+)\(/.exec(line)?.[1];
    const call = WRITING_CALLS.find((one) => one === name);
    if (call === undefined) continue;
    const number = (counts.get(call) ?? 0) + 1;
    counts.set(call, number);
    calls.push({ call, number, line });
    const temporary = temporaryOf(line);
    if (call === "write" && temporary !== undefined && !phases.has(temporary)) {
      phases.set(temporary, phaseOfBytes(line));
    }
  }
  let phase: Phase = "other";
  return calls.map(({ call, number, line }) => {
    const temporary = temporaryOf(line);
    // After each call the thread tells the main thread, by a write: killed there, the call was done.
    if (!line.includes("<anon_inode:[eventfd]>")) {
      phase =
        temporary === undefined
          ? phaseOfPath(line, repository)
          : (phases.get(temporary) ?? "other");
    }
    return { call, number, phase };
  });
}

function temporaryOf(line: string): string | undefined {
  return /\/tmp\/([0-9a-f]{32}\.tmp)/.exec(line)?.[1];
}

/** Packs begin with a random nonce, all else with letters: FORMAT.md. */
function phaseOfBytes(line: string): Phase {
  const begin = (/, "([^"]*)"/.exec(line)?.[1] ?? "").replaceAll("\\x", "");
  if (begin.startsWith(toHex(utf8("FIDX")))) return "index";
  if (begin.startsWith(toHex(utf8("FOBJ\x01\x07")))) return "snapshots";
  if (begin.startsWith(toHex(utf8("FOBJ\x01\x08")))) return "leases";
  return "packs";
}

function phaseOfPath(line: string, repository: string): Phase {
  const at = line.indexOf(`${repository}/`);
  const folder = line.slice(at + repository.length + 1).match(/^[a-z]+/)?.[0];
  if (at < 0) return "other";
  return (
    (["packs", "index", "snapshots", "leases"] as const).find((one) => one === folder) ?? "other"
  );
}

function poolThread(pid: number): string {
  const tasks = `/proc/${pid}/task`;
  const pool = readdirSync(tasks).filter((tid) =>
    readFileSync(`${tasks}/${tid}/comm`, "utf8").startsWith("libuv-worker"),
  );
  if (pool.length !== 1 || pool[0] === undefined) throw new Error(`${pool.length} pool threads`);
  return pool[0];
}

function ending(child: ChildProcess): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      resolve(code ?? undefined);
    });
  });
}

function says(stream: NodeJS.ReadableStream, wanted: string): Promise<void> {
  let said = "";
  return new Promise((resolve, reject) => {
    stream.on("data", (data: Buffer) => {
      said += data.toString();
      if (said.includes(wanted)) resolve();
    });
    stream.on("close", () => {
      reject(new Error(`it ended and said only: ${said}`));
    });
  });
}
