/** Child processes of the benchmark: run and measured to the end, or asked for a text. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Words of a command line and what its environment has beyond ours. */
export interface Command {
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface Cost {
  readonly seconds: number;
  /** User and system, threads and waited-for children included. */
  readonly cpuSeconds: number;
  /** The largest resident size of the command, or of a child of it. */
  readonly peakBytes: number;
}

const HERE = import.meta.dirname;

/**
 * Runs a command with its output in `scratch`/stdout and stderr.
 * @throws Error with the last lines of stderr when it ends with anything but 0 or `accept`.
 */
export function measured(command: Command, scratch: string, accept: readonly number[] = []): Cost {
  const [result, stdout, stderr] = ["result.json", "stdout", "stderr"].map((name) =>
    join(scratch, name),
  ) as [string, string, string];
  const wrapper = [join(HERE, "measure.py"), result, stdout, stderr, ...command.words];
  run({ ...command, words: ["/usr/bin/python3", ...wrapper] });
  const report = JSON.parse(readFileSync(result, "utf8")) as Cost & { readonly status: number };
  if (report.status !== 0 && !accept.includes(report.status)) {
    const said = readFileSync(stderr, "utf8").trim().split("\n").slice(-4).join("\n");
    throw new Error(`${command.words.join(" ")} ended with ${report.status}: ${said}`);
  }
  return { seconds: report.seconds, cpuSeconds: report.cpuSeconds, peakBytes: report.peakBytes };
}

/** Runs a command that only prepares something. @returns its stdout. @throws Error when it fails. */
export function run({ words, environment, cwd }: Command): string {
  const [program = "", ...rest] = words;
  const done = spawnSync(program, rest, {
    cwd,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (done.error !== undefined) throw done.error;
  if (done.status !== 0) {
    throw new Error(`${words.join(" ")} ended with ${done.status ?? "a signal"}: ${done.stderr}`);
  }
  return done.stdout;
}

export interface MountWork {
  readonly seconds: number;
  readonly bytes?: number;
  readonly entries?: number;
  readonly files?: number;
  readonly atSeconds?: number;
}

/** Work inside a mount, timed by the process that does it. */
export function mountWork(words: readonly string[]): MountWork {
  const text = run({
    words: ["/usr/bin/python3", join(HERE, "mount_work.py"), ...words],
    environment: {},
  });
  return JSON.parse(text) as MountWork;
}
