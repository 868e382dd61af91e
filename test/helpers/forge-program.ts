/** Runs the built forge as a user does, in a world of its own: folder, home and environment. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { publicPath } from "./public-clone.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TIMEOUT_MS = 60_000;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as it is. */
  readonly bytes: Buffer;
}

export interface RunOptions {
  readonly input?: string | Buffer;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Somebody else runs it; only root can do that. */
  readonly uid?: number;
  readonly gid?: number;
  /** Killed after this long; a minute when absent. */
  readonly timeoutMs?: number;
}

/** Builds `dist/` when a source is newer. Call it once in `beforeAll`. */
export function buildForge(): void {
  const built = spawnSync(
    process.execPath,
    [join(ROOT, "scripts/build.mjs"), "--if-needed", "--no-check"],
    { encoding: "utf8" },
  );
  if (built.status !== 0) throw new Error(`${built.stdout}${built.stderr}`);
}

/** The program and its words; for another user from where that one can read it. */
function programOf(
  words: readonly string[],
  options: Pick<RunOptions, "uid">,
): [program: string, words: string[]] {
  const place = options.uid === undefined ? (path: string): string => path : publicPath;
  return [place(process.execPath), [place(join(ROOT, "bin/forge.cjs")), ...words]];
}

export class ForgeWorld {
  readonly folder: string;
  /** Of a repository that `init` makes. */
  readonly repository: string;

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "forge-e2e-"));
    this.repository = join(this.folder, "repository");
    mkdirSync(join(this.folder, "home"));
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  write(name: string, content: string | Buffer): string {
    const path = this.path(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  /** The environment of the program: nothing of ours but where to find programs. */
  environment(extra: RunOptions["env"] = {}): NodeJS.ProcessEnv {
    return {
      PATH: process.env["PATH"],
      HOME: this.path("home"),
      TZ: "UTC",
      FORGE_PASSPHRASE: "correct horse",
      FORGE_REPOSITORY: this.repository,
      ...extra,
    };
  }

  run(words: readonly string[], options: RunOptions = {}): Ended {
    const ended = spawnSync(...programOf(words, options), {
      cwd: options.cwd ?? this.folder,
      env: this.environment(options.env),
      input: options.input ?? "",
      maxBuffer: 64 * 1024 * 1024,
      timeout: options.timeoutMs ?? TIMEOUT_MS,
      ...userOf(options),
    });
    return {
      code: ended.status,
      stdout: ended.stdout.toString("utf8"),
      stderr: ended.stderr.toString("utf8"),
      bytes: ended.stdout,
    };
  }

  /** Runs and expects success; the failure shows what was said. */
  ok(words: readonly string[], options: RunOptions = {}): Ended {
    const ended = this.run(words, options);
    if (ended.code !== 0) {
      throw new Error(`forge ${words.join(" ")} ended with ${String(ended.code)}: ${ended.stderr}`);
    }
    return ended;
  }

  /** Starts it and does not wait. */
  start(words: readonly string[], options: RunOptions = {}): ChildProcess {
    return spawn(...programOf(words, options), {
      cwd: options.cwd ?? this.folder,
      env: this.environment(options.env),
      stdio: ["pipe", "pipe", "pipe"],
      ...userOf(options),
    });
  }

  /** Runs it without holding up this process: for what takes longer than a few seconds. */
  finish(words: readonly string[], options: RunOptions = {}): Promise<Ended> {
    return runProgram(...programOf(words, options), {
      ...options,
      cwd: options.cwd ?? this.folder,
      env: this.environment(options.env),
    });
  }

  /** A repository whose passphrase costs nothing. */
  init(extra: readonly string[] = [], options: RunOptions = {}): Ended {
    return this.ok(["init", ...CHEAP_KDF, ...extra], options);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export const CHEAP_KDF: readonly string[] = ["--kdf-memory-kib", "64", "--kdf-passes", "1"];

/**
 * Runs any program and tells how it ended, whichever way. Killed with SIGKILL after its time, so that
 * a mount that hangs does not take the test along.
 */
export function runProgram(
  program: string,
  words: readonly string[],
  options: RunOptions = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: options.env ?? process.env,
      stdio: ["pipe", "pipe", "pipe"],
      timeout: options.timeoutMs ?? TIMEOUT_MS,
      killSignal: "SIGKILL",
      ...userOf(options),
    });
    const parts: { out: Buffer[]; err: Buffer[] } = { out: [], err: [] };
    child.stdout.on("data", (part: Buffer) => parts.out.push(part));
    child.stderr.on("data", (part: Buffer) => parts.err.push(part));
    // A program that does not read its input is no failure of ours.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
    child.on("error", reject);
    child.on("close", (code) => {
      const bytes = Buffer.concat(parts.out);
      const stderr = Buffer.concat(parts.err).toString("utf8");
      resolve({ code, stdout: bytes.toString("utf8"), stderr, bytes });
    });
  });
}

function userOf({ uid, gid }: RunOptions): { uid?: number; gid?: number } {
  return uid === undefined ? {} : { uid, gid: gid ?? uid };
}

/** The objects of JSON lines. */
export function jsonLines(text: string): readonly Record<string, unknown>[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** How a started program ended. */
export function ending(child: ChildProcess): Promise<{ code: number | null; stderr: string }> {
  let stderr = "";
  child.stderr?.on("data", (part: Buffer) => (stderr += part.toString()));
  child.stdout?.resume();
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, stderr })));
}
