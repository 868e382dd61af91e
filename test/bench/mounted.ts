/** A mount that serves while work is done in it, and what serving cost. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { join } from "node:path";
import { mountWork, run } from "./process.ts";
import type { Mounting } from "./tools/tool.ts";

const READY_SECONDS = 60;

export class Mounted {
  /** Where the newest snapshot's `/` is. */
  readonly root: string;
  /** From the start of the command until the snapshot's root was listed. */
  readonly readySeconds: number;
  readonly #child: ChildProcess;
  readonly #mountPoint: string;

  private constructor(child: ChildProcess, mountPoint: string, root: string, readySeconds: number) {
    this.#child = child;
    this.#mountPoint = mountPoint;
    this.root = root;
    this.readySeconds = readySeconds;
  }

  static start(
    mounting: Mounting,
    { repository, number, work }: { repository: string; number: number; work: string },
  ): Mounted {
    const mountPoint = join(work, "mount");
    mkdirSync(mountPoint, { recursive: true });
    const { words, environment } = mounting.mount(repository, mountPoint);
    const log = openSync(join(work, "mount.log"), "w");
    const [program = "", ...rest] = words;
    const begunSeconds = Number(process.hrtime.bigint()) / 1e9;
    const child = spawn(program, rest, {
      env: { ...process.env, ...environment },
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    const root = mounting.mountedRoot(mountPoint, number);
    try {
      const { atSeconds = 0 } = mountWork(["ready", root, String(READY_SECONDS)]);
      return new Mounted(child, mountPoint, root, atSeconds - begunSeconds);
    } catch (error) {
      child.kill("SIGTERM");
      const said = readFileSync(join(work, "mount.log"), "utf8");
      throw new Error(`${words.join(" ")} did not come up: ${said}`, { cause: error });
    }
  }

  /** CPU seconds of the serving process so far: fields 14 and 15 of proc(5) stat, 100 a second. */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.#pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** The largest resident size so far. */
  peakBytes(): number {
    const status = readFileSync(`/proc/${this.#pid}/status`, "utf8");
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
  }

  async end(): Promise<void> {
    const gone = new Promise((resolve) => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) resolve(undefined);
      else this.#child.once("exit", resolve);
    });
    const asRoot = process.getuid?.() === 0;
    run({
      words: asRoot ? ["umount", this.#mountPoint] : ["fusermount3", "-u", this.#mountPoint],
      environment: {},
    });
    const ended = await Promise.race([gone.then(() => true), wait(10_000, false)]);
    if (!ended) this.#child.kill("SIGKILL");
  }

  get #pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error("The mount was never started");
    return pid;
  }
}
