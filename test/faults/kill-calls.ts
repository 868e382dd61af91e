/**
 * kill -9 at every file system call of the program's commands that write. The built program runs with
 * `kill-hook.ts` loaded, on a repository on disk, and really dies; then this process opens what is
 * left, and `examineKilled` says whether it is as it must be.
 */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { fileURLToPath } from "node:url";

import { messageOf } from "../../engine/base/errors.ts";
import { PASSPHRASE } from "../helpers/backup-fixture.ts";
import { type Ended, runProgram } from "../helpers/forge-program.ts";
import { SeededRandom } from "../helpers/seeded-random.ts";
import type { CountedCall, KillMoment, KillOrder } from "./kill-hook.ts";
import { examineKilled } from "./kill-examine.ts";
import {
  type KillWorld,
  type KilledOperation,
  NEW_PASSPHRASE,
  createKillWorld,
} from "./kill-world.ts";

/** Calls that change nothing leave what the one before left: so many of them are passed over. */
const READS_EVERY = 8;
/** After every so-manieth kill it is the program that goes on, and not this process. */
const PROGRAM_EVERY = 50;

export interface KillPoint {
  readonly operation: KilledOperation;
  readonly call: CountedCall;
  readonly when: KillMoment;
  /** What was being written: a folder of the repository, or "home". */
  readonly place: string;
  readonly byProgram: boolean;
  /** What is wrong; empty when all is as it must be. */
  readonly wrong: readonly string[];
}

export interface CallKillOptions {
  /** At most so many points of a seed, spread over all. */
  readonly pointsMax?: number;
  readonly isOver?: () => boolean;
}

export class CallKills {
  readonly #folder: string;
  readonly #hook: string;
  #killed = 0;

  /** @param folder Empty; on the file system that is to be proven. The program is built. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#hook = `${folder}/kill-hook.mjs`;
    // Without types it loads in a millisecond.
    const source = readFileSync(fileURLToPath(new URL("kill-hook.ts", import.meta.url)), "utf8");
    mkdirSync(folder, { recursive: true });
    writeFileSync(this.#hook, stripTypeScriptTypes(source));
  }

  /** All points of the command of one seed. */
  async *seed(seed: number, options: CallKillOptions = {}): AsyncGenerator<KillPoint> {
    const world = await createKillWorld(seed, this.#folder);
    await this.#makeHome(world);
    const calls = await this.#callsOf(world);
    const random = new SeededRandom(seed ^ 0x2545f491);
    const points = calls.filter(({ changes }) => changes || random.below(READS_EVERY) === 0);
    const step = Math.max(1, points.length / (options.pointsMax ?? points.length));
    for (let at = random.below(Math.ceil(step)); at < points.length; at += step) {
      if (options.isOver?.() === true) return;
      const call = points[Math.floor(at)];
      if (call === undefined) return;
      const isWhole = call.name !== "writeFile" || placeOf(call, calls, this.#folder) === "home";
      const when = random.pick<KillMoment>(isWhole ? BEFORE_AFTER : MOMENTS);
      const killed = await this.#kill(world, call, when);
      if (killed === undefined) continue;
      const place = placeOf(call, calls, this.#folder);
      // What it remembers in the home only the program looks at.
      const byProgram = this.#killed++ % PROGRAM_EVERY === 0 || place === "home";
      const wrong = await this.#examine(world, byProgram);
      const moment = when === "half" && killed.name !== "writeFile" ? "before" : when;
      const { operation } = world;
      yield { operation, call: killed, when: moment, place, byProgram, wrong };
    }
  }

  /** A home that knows the repository, as it does after the first command. */
  async #makeHome(world: KillWorld): Promise<void> {
    rmSync(`${this.#folder}/home-before`, { recursive: true, force: true });
    mkdirSync(`${this.#folder}/home-before`);
    if (world.operation === "init") return;
    this.#copy();
    const { code, stderr } = await this.run(["snapshots"], PASSPHRASE);
    if (code !== 0) throw new Error(`snapshots ended with ${String(code)}: ${stderr}`);
    cpSync(`${this.#folder}/home`, `${this.#folder}/home-before`, { recursive: true });
  }

  /** The calls of a whole run, which must leave everything as it should be. */
  async #callsOf(world: KillWorld): Promise<readonly CountedCall[]> {
    this.#copy();
    const ended = await this.#start(world.words, {});
    // A repair says that there was damage.
    if (ended.code !== 0 && (world.operation !== "repair" || ended.code !== 1)) {
      throw new Error(`seed ${world.seed}: ${world.words.join(" ")}: ${JSON.stringify(ended)}`);
    }
    const calls = this.#reported();
    const wrong = await this.#examine(world, false);
    if (wrong.length > 0) throw new Error(`seed ${world.seed}, not killed: ${wrong.join("; ")}`);
    return calls;
  }

  /** @returns the call at which it died; `undefined` when it ended before. */
  async #kill(
    world: KillWorld,
    { number }: CountedCall,
    when: KillMoment,
  ): Promise<CountedCall | undefined> {
    this.#copy();
    const { code, signal, stderr } = await this.#start(world.words, { at: number, when });
    if (code !== null) return undefined;
    if (signal !== "SIGKILL") throw new Error(`ended by ${String(signal)}: ${stderr}`);
    return this.#reported()[0];
  }

  #copy(): void {
    for (const [from, to] of COPIES) {
      rmSync(`${this.#folder}/${to}`, { recursive: true, force: true });
      // Of init there is no repository before.
      if (!existsSync(`${this.#folder}/${from}`)) continue;
      const options = { recursive: true, preserveTimestamps: true };
      cpSync(`${this.#folder}/${from}`, `${this.#folder}/${to}`, options);
    }
  }

  #start(
    words: readonly string[],
    order: Pick<KillOrder, "at" | "when">,
  ): Promise<{ code: number | null; signal: string | null; stderr: string }> {
    const report = `${this.#folder}/report.json`;
    rmSync(report, { force: true });
    const folders = [`${this.#folder}/repository`, `${this.#folder}/home`];
    const child = spawn(process.execPath, ["--import", this.#hook, PROGRAM, ...words], {
      env: {
        ...this.#environment(PASSPHRASE),
        FORGE_TEST_KILL: JSON.stringify({ folders, report, ...order } satisfies KillOrder),
      },
      cwd: this.#folder,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    child.stderr.on("data", (part: Buffer) => (stderr += part.toString()));
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => {
        resolve({ code, signal, stderr });
      });
    });
  }

  /** The program, not killed. */
  run(words: readonly string[], passphrase: string): Promise<Ended> {
    const env = this.#environment(passphrase);
    return runProgram(process.execPath, [PROGRAM, ...words], { env, cwd: this.#folder });
  }

  #environment(passphrase: string): Record<string, string | undefined> {
    return {
      PATH: process.env["PATH"],
      HOME: `${this.#folder}/home`,
      FORGE_REPOSITORY: `${this.#folder}/repository`,
      FORGE_PASSPHRASE: passphrase,
      FORGE_NEW_PASSPHRASE: NEW_PASSPHRASE,
    };
  }

  #reported(): readonly CountedCall[] {
    return JSON.parse(readFileSync(`${this.#folder}/report.json`, "utf8")) as CountedCall[];
  }

  async #examine(world: KillWorld, byProgram: boolean): Promise<readonly string[]> {
    const repository = `${this.#folder}/repository`;
    const wrong: string[] = [];
    try {
      await examineKilled(world, repository, {
        wrong,
        program: byProgram ? { repository, run: this.run.bind(this), wrong } : undefined,
      });
    } catch (error) {
      wrong.push(error instanceof Error ? (error.stack ?? error.message) : messageOf(error));
    }
    return wrong;
  }
}

const COPIES = [
  ["before", "repository"],
  ["home-before", "home"],
] as const;
const MOMENTS: readonly KillMoment[] = ["before", "half", "after"];
const BEFORE_AFTER: readonly KillMoment[] = ["before", "after"];
const PROGRAM = fileURLToPath(new URL("../../bin/forge.cjs", import.meta.url));

/** A temporary file counts for what it became in the run that was not killed. */
function placeOf(call: CountedCall, calls: readonly CountedCall[], folder: string): string {
  if (call.path.startsWith(`${folder}/home`)) return "home";
  const folderOf = (path: string): string =>
    path.slice(`${folder}/repository/`.length).split("/")[0] ?? "";
  const first = folderOf(call.path);
  if (first !== "tmp") return first === "" ? "root" : first;
  const link = calls.find(({ name, from }) => name === "link" && from === call.path);
  return link === undefined ? "tmp" : folderOf(link.path);
}
