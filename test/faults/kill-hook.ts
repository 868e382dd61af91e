/**
 * Loaded into the program before its own code (`node --import`): counts the file system calls that it
 * makes below some folders, and has the process kill itself with SIGKILL at one of them: before the
 * call, after it, or after the first half of a write. Calls of the other threads of the pool are under
 * way meanwhile, as they happen to be. Imports nothing of forge.
 *
 * `FORGE_TEST_KILL` is a `KillOrder` as JSON.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { isMainThread } from "node:worker_threads";

export interface KillOrder {
  /** Calls on these and below count. */
  readonly folders: readonly string[];
  /** Gets the calls as JSON: all of them at the end, or of a killed process the last one. */
  readonly report: string;
  /** Number of the call from 0; absent to let it run. */
  readonly at?: number;
  readonly when?: KillMoment;
}

export type KillMoment = "before" | "half" | "after";

export interface CountedCall {
  readonly number: number;
  /** Name of the function, without "Sync". */
  readonly name: string;
  /** What it is made on; of a link or a rename what comes of it. */
  readonly path: string;
  /** Of a link or a rename. */
  readonly from?: string;
  /** Something changes, or is made durable. */
  readonly changes: boolean;
}

type Call = (...words: unknown[]) => unknown;
type Functions = Record<string, unknown>;

const READING =
  /^(l?stat|fstat|read|readdir|readFile|access|realpath|readlink|opendir|statfs|exists)$/;
/** Functions whose first argument is a descriptor. */
const BY_DESCRIPTOR = /^(f[a-z]+|close|read|write|writeFile|readv|writev)$/;

const order = JSON.parse(process.env["FORGE_TEST_KILL"] ?? "{}") as Partial<KillOrder>;
delete process.env["FORGE_TEST_KILL"];
const { folders = [], report, at, when } = order;
const writeReport = fs.writeFileSync;
const calls: CountedCall[] = [];
/** Of what was opened: its path, and whether to read a file. */
const opened = new Map<unknown, { readonly path: string; readonly reads: boolean }>();

if (isMainThread && report !== undefined) await install(report);

async function install(to: string): Promise<void> {
  const handle = await fs.promises.open("/dev/null", "r");
  await handle.close();
  wrapAll(fs, "callback");
  wrapAll(fs.promises, "promise");
  wrapAll(Object.getPrototypeOf(handle) as object, "handle");
  syncBuiltinESMExports();
  process.on("exit", () => {
    writeReport(to, JSON.stringify(calls));
  });
}

type Style = "callback" | "promise" | "handle";

function wrapAll(owner: object, style: Style): void {
  const functions = owner as Functions;
  for (const name of Object.getOwnPropertyNames(owner)) {
    // Capitals are classes; streams and watchers make no calls of their own here.
    if (/^[A-Z_]|Stream|watch|constructor|getAsyncId/.test(name)) continue;
    const descriptor = Object.getOwnPropertyDescriptor(owner, name);
    if (typeof descriptor?.value !== "function" || descriptor.writable !== true) continue;
    const original = descriptor.value as Call;
    const isSync = style === "callback" && name.endsWith("Sync");
    functions[name] = Object.assign(
      isSync ? syncWrapper(name, original) : asyncWrapper(name, original, style),
      original,
    );
  }
}

function syncWrapper(fullName: string, original: Call): Call {
  const name = fullName.slice(0, -"Sync".length);
  return function (this: unknown, ...words: unknown[]): unknown {
    const call = count(name, words[0], words);
    if (call === undefined) return original.apply(this, words);
    if (isDue(call, "before") || isDue(call, "half")) kill(call);
    const result = original.apply(this, words);
    if (name === "open") remember(result, words);
    if (isDue(call, "after")) kill(call);
    return result;
  };
}

function asyncWrapper(name: string, original: Call, style: Style): Call {
  return function (this: unknown, ...words: unknown[]): unknown {
    const call = count(name, style === "handle" ? this : words[0], words);
    if (call === undefined) return original.apply(this, words);
    if (isDue(call, "before")) kill(call);
    if (isDue(call, "half")) return writeHalf(this, words[0], call);
    const done = (result: unknown): void => {
      if (name === "open") remember(result, words);
      if (isDue(call, "after")) kill(call);
    };
    if (style !== "callback") {
      return (original.apply(this, words) as Promise<unknown>).then((result) => {
        done(result);
        return result;
      });
    }
    const callback = words.at(-1) as Call;
    const answer = (error: unknown, ...results: unknown[]): unknown => {
      done(results[0]);
      return callback(error, ...results);
    };
    return original.apply(this, [...words.slice(0, -1), answer]);
  };
}

/** @returns `undefined` for what is no business of ours. */
function count(name: string, subject: unknown, words: unknown[]): CountedCall | undefined {
  const known = opened.get(subject);
  const path = known?.path ?? (typeof subject === "string" ? subject : "");
  if (BY_DESCRIPTOR.test(name) && known === undefined && typeof subject === "number") {
    return undefined;
  }
  if (!folders.some((folder) => path === folder || path.startsWith(`${folder}/`))) return undefined;
  const reads =
    known?.reads === true || READING.test(name) || (name === "open" && readsFile(words[1]));
  const moves = name === "link" || name === "rename";
  const number = calls.length;
  const call = moves
    ? { number, name, path: String(words[1]), from: path, changes: true }
    : { number, name, path, changes: !reads };
  calls.push(call);
  // The number of a descriptor is used again.
  if (name === "close") opened.delete(subject);
  return call;
}

function readsFile(flags: unknown): boolean {
  if (typeof flags !== "number") return flags === undefined || flags === "r";
  const { O_WRONLY, O_RDWR, O_DIRECTORY } = fs.constants;
  // A directory is opened to be made durable.
  return (flags & (O_WRONLY | O_RDWR | O_DIRECTORY)) === 0;
}

function remember(handle: unknown, words: readonly unknown[]): void {
  // A handle has this one function of its own, and not from its prototype.
  if (typeof handle === "object" && handle !== null && Object.hasOwn(handle, "close")) {
    const own = handle as { close: Call };
    own.close = asyncWrapper("close", own.close, "handle");
  }
  opened.set(handle, { path: String(words[0]), reads: readsFile(words[1]) });
}

function isDue(call: CountedCall, moment: KillMoment): boolean {
  return call.number === at && (when ?? "before") === moment;
}

/** The first half of what a file is to hold, as a write that was interrupted leaves it. */
async function writeHalf(handle: unknown, data: unknown, call: CountedCall): Promise<void> {
  const { fd } = handle as { readonly fd?: number };
  if (call.name === "writeFile" && fd !== undefined && data instanceof Uint8Array) {
    await new Promise<void>((resolve) => {
      fs.write(fd, data, 0, data.length >> 1, null, () => {
        resolve();
      });
    });
  }
  kill(call);
}

function kill(call: CountedCall): never {
  if (report !== undefined) writeReport(report, JSON.stringify([call]));
  process.kill(process.pid, "SIGKILL");
  // The signal is delivered before the call returns; should it ever not be, nothing more happens.
  for (;;);
}
