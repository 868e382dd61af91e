/**
 * The built program under strace, which has the n-th call of one kind fail: the exit status is right,
 * the message is a sentence, and the next run succeeds.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

import { verifyObjects } from "../../engine/maintenance/verify-objects.ts";
import { openRepository } from "../../engine/node.ts";
import { LocalBackend } from "../../engine/storage/node/local.ts";
import {
  type TreeLines,
  PASSPHRASE,
  backUp,
  createSmallRepository,
  directoryLines,
  readSideOf,
  snapshotLines,
  snapshotsOf,
} from "../helpers/backup-fixture.ts";
import { noise } from "../helpers/expected-tree.ts";
import { type Ended, runProgram } from "../helpers/forge-program.ts";
import type { SeededRandom } from "../helpers/seeded-random.ts";

const FORGE = `${import.meta.dirname}/../../bin/forge.cjs`;
const ERRNOS = ["EIO", "ENOSPC", "EACCES"] as const;

/** Calls that the operation makes on the repository or the target, and Node's own start does not. */
const OPERATIONS = {
  backup: ["fsync", "link", "unlink", "fchmod", "mkdir", "getdents64", "pread64"],
  restore: ["pread64", "getdents64", "ftruncate", "utimensat", "fchown", "fchownat", "mkdirat"],
  check: ["pread64", "getdents64"],
  compact: ["fsync", "link", "unlink", "getdents64", "pread64"],
} as const;
type Operation = keyof typeof OPERATIONS;
const NAMES = ["backup", "restore", "check", "compact"] as const satisfies readonly Operation[];

/** Calls are counted by thread; one makes nearly all of them. */
const CALL_MAX = 24;
/** The dynamic linker reads as well, before there is a program that could say anything. */
const LINKER_READS = 8;

export interface CliPoint {
  readonly operation: Operation;
  readonly call: string;
  readonly errno: string;
  readonly number: number;
  readonly code: number | null;
  /** Whether the call was made so often. */
  readonly hit: boolean;
  readonly wrong: readonly string[];
}

export class CliErrors {
  readonly #folder: string;
  readonly #random: SeededRandom;
  #kept: { readonly id: string; readonly lines: TreeLines } | undefined;

  /** @param folder Empty. */
  constructor(folder: string, random: SeededRandom) {
    this.#folder = folder;
    this.#random = random;
  }

  /** Two snapshots, garbage of a third, and a tree that has changed since. */
  async prepare(): Promise<void> {
    mkdirSync(this.#tree);
    const backend = new LocalBackend(`${this.#folder}/before`);
    const repository = await createSmallRepository({ backend, dataPackBytes: 2048 });
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 8; i++)
        writeFileSync(`${this.#tree}/${i}`, noise(2500, 1 + i + round * 5));
      const { snapshot } = await backUp(repository, this.#tree);
      if (round === 1) await backend.delete([{ kind: "snapshots", name: snapshot?.id ?? "" }]);
      if (round === 2) this.#kept = { id: snapshot?.id ?? "", lines: directoryLines(this.#tree) };
    }
    for (let i = 0; i < 4; i++) writeFileSync(`${this.#tree}/${i}`, noise(2500, 100 + i));
    await backend.close();
  }

  async point(): Promise<CliPoint> {
    const operation = this.#random.pick(NAMES);
    const call = this.#random.pick(OPERATIONS[operation]);
    const errno = this.#random.pick(ERRNOS);
    const first = call === "pread64" ? LINKER_READS : 1;
    const number = first + this.#random.below(CALL_MAX);
    for (const name of ["repository", "restored", "home"]) {
      rmSync(`${this.#folder}/${name}`, { recursive: true, force: true });
    }
    execFileSync("cp", ["-a", `${this.#folder}/before`, this.#repository]);
    const log = `${this.#folder}/strace.log`;
    const ended = await this.#run(operation, [
      ...["strace", "-f", "-qq", "-o", log, "-e", `trace=${call}`],
      ...["-e", `inject=${call}:error=${errno}:when=${number}`],
    ]);
    const hit = readFileSync(log, "latin1").includes("(INJECTED)");
    const wrong = [...toldWrongly(ended), ...(await this.#examine(operation))];
    return { operation, call, errno, number, code: ended.code, hit, wrong };
  }

  get #repository(): string {
    return `${this.#folder}/repository`;
  }

  get #tree(): string {
    return `${this.#folder}/tree`;
  }

  #run(operation: Operation, tracer: readonly string[] = []): Promise<Ended> {
    const words: Readonly<Record<Operation, readonly string[]>> = {
      backup: ["backup", this.#tree],
      restore: [
        ...["restore", `${this.#kept?.id ?? ""}:${this.#tree}`],
        ...["--target", `${this.#folder}/restored`],
      ],
      check: ["check", "--read-data"],
      compact: ["compact", "--grace", "0", "--threshold", "0"],
    };
    const [program = "", ...rest] = [...tracer, process.execPath, FORGE, ...words[operation]];
    return runProgram(program, rest, {
      env: {
        PATH: process.env["PATH"],
        HOME: `${this.#folder}/home`,
        UV_THREADPOOL_SIZE: "1",
        FORGE_REPOSITORY: this.#repository,
        FORGE_PASSPHRASE: PASSPHRASE,
      },
    });
  }

  async #examine(operation: Operation): Promise<string[]> {
    const wrong: string[] = [];
    if (operation === "compact") {
      // A lease that could not be taken away keeps the next collection waiting for half an hour.
      rmSync(`${this.#repository}/leases`, { recursive: true, force: true });
      mkdirSync(`${this.#repository}/leases`, { mode: 0o700 });
    }
    const next = await this.#run(operation);
    if (next.code !== 0) wrong.push(`the next run: ${String(next.code)}, ${next.stderr}`);
    const backend = new LocalBackend(this.#repository);
    const repository = await openRepository({
      backend,
      credentials: { passphrase: () => Promise.resolve(PASSPHRASE) },
    });
    const kept = (await snapshotsOf(repository)).find(({ id }) => id === this.#kept?.id);
    if (kept === undefined) wrong.push("the snapshot from before is gone");
    else {
      const lines = await snapshotLines(await readSideOf(repository), kept, this.#tree);
      for (const [path, line] of this.#kept?.lines ?? []) {
        if (lines.get(path) !== line) wrong.push(`${path} differs`);
      }
    }
    await verifyObjects(repository, { onProblem: ({ message }) => wrong.push(message) });
    await backend.close();
    return wrong;
  }
}

/** Status 0, 1 or 3; with 1 a sentence, never the inside of the program. */
function toldWrongly({ code, stdout, stderr }: Ended): string[] {
  const wrong: string[] = [];
  if (code !== 0 && code !== 1 && code !== 3) wrong.push(`exit status ${String(code)}: ${stderr}`);
  if (code !== 0 && !/Cannot |could not|cannot/.test(stdout + stderr))
    wrong.push(`it said: ${stderr}`);
  if (/^\s+at .*:\d+/m.test(stderr)) wrong.push(`a stack trace: ${stderr}`);
  if (stderr.includes("forge has a defect")) wrong.push(stderr);
  return wrong;
}
