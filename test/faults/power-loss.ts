/**
 * Power failures: a file system in an image, forge writing into it, and copies of the image taken while
 * it does. A copy is what the disk would have held; mounting it replays the journal. Everything that
 * was acknowledged before the copy was taken must be there.
 *
 * The images lie on an XFS, where a copy is a clone: of one moment, and not of the time it takes.
 */
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";

import { messageOf } from "../../engine/base/errors.ts";
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
import { type ScratchDisk, canMountXfs, mountXfs } from "../helpers/scratch-disk.ts";
import { hasProgram } from "../helpers/need.ts";
import type { SeededRandom } from "../helpers/seeded-random.ts";
import { runForgeAside } from "./kill-campaign.ts";

export const FILE_SYSTEMS = ["ext4", "xfs", "btrfs"] as const;
export type FileSystem = (typeof FILE_SYSTEMS)[number];

/** The least that mkfs makes, and some room. */
const MEBIBYTES: Readonly<Record<FileSystem, number>> = { ext4: 64, xfs: 320, btrfs: 160 };
const MKFS: Readonly<Record<FileSystem, readonly string[]>> = {
  ext4: ["mkfs.ext4", "-q", "-E", "nodiscard"],
  xfs: ["mkfs.xfs", "-q", "-K"],
  btrfs: ["mkfs.btrfs", "-q", "-K"],
};
/** A copy of an XFS has the same UUID, and its original may not be forgotten yet. */
const MOUNT_OPTIONS: Readonly<Record<FileSystem, string>> = {
  ext4: "loop",
  xfs: "loop,nouuid",
  btrfs: "loop",
};
const OUTER_GIBIBYTES = 6;
const COPIES_A_ROUND = 20;
const COPIES_A_RUN = 4;
const FILES = 8;

export function canLosePower(fileSystem: FileSystem): boolean {
  const [mkfs = ""] = MKFS[fileSystem];
  return canMountXfs() && hasProgram(mkfs) && kernelHas(fileSystem);
}

function kernelHas(fileSystem: FileSystem): boolean {
  const isThere = (): boolean =>
    readFileSync("/proc/filesystems", "utf8").split(/\s+/).includes(fileSystem);
  if (isThere()) return true;
  try {
    execFileSync("modprobe", ["-q", fileSystem], { stdio: "ignore" });
  } catch {
    return false;
  }
  return isThere();
}

interface Acknowledged {
  readonly id: string;
  readonly lines: TreeLines;
}

interface Copy {
  readonly path: string;
  readonly acknowledged: readonly Acknowledged[];
  /** What forge was doing. */
  readonly during: string;
}

export interface PowerLossResult {
  readonly during: string;
  /** Snapshots that had to be there. */
  readonly snapshots: number;
  readonly wrong: string | undefined;
}

export class PowerLoss {
  readonly #fileSystem: FileSystem;
  readonly #folder: string;
  readonly #random: SeededRandom;
  readonly #outer: ScratchDisk;
  /** Each has another repository in the same place, and so another home that remembers it. */
  #rounds = 0;

  /** @param folder Empty; for images, mount points and the tree that is backed up. */
  constructor(fileSystem: FileSystem, folder: string, random: SeededRandom) {
    this.#fileSystem = fileSystem;
    this.#folder = folder;
    this.#random = random;
    this.#outer = mountXfs(`${folder}/outer`, OUTER_GIBIBYTES);
    mkdirSync(`${folder}/inner`);
    mkdirSync(`${folder}/tree`);
  }

  close(): void {
    this.#outer.remove();
  }

  /** One file system from its making to its end, and what became of each copy. */
  async *round({ copies: copiesMin = COPIES_A_ROUND } = {}): AsyncGenerator<PowerLossResult> {
    const copies = await this.#work(copiesMin);
    for (const copy of copies) {
      let wrong: string | undefined;
      try {
        this.#mount(copy.path);
        try {
          await this.#examine(copy);
        } finally {
          this.#unmount();
        }
      } catch (error) {
        wrong = messageOf(error);
      }
      rmSync(copy.path);
      yield { during: copy.during, snapshots: copy.acknowledged.length, wrong };
    }
  }

  get #repository(): string {
    return `${this.#folder}/inner/repository`;
  }

  get #tree(): string {
    return `${this.#folder}/tree`;
  }

  async #work(copiesMin: number): Promise<Copy[]> {
    const image = `${this.#outer.path}/image`;
    this.#rounds++;
    mkdirSync(`${this.#folder}/home-${this.#rounds}`);
    rmSync(image, { force: true });
    writeFileSync(image, "");
    truncateSync(image, MEBIBYTES[this.#fileSystem] * 2 ** 20);
    const [mkfs = "", ...options] = MKFS[this.#fileSystem];
    execFileSync(mkfs, [...options, image]);
    this.#mount(image);
    const copies: Copy[] = [];
    try {
      const backend = new LocalBackend(this.#repository);
      await createSmallRepository({ backend, dataPackBytes: 2048 });
      await backend.close();
      const acknowledged: Acknowledged[] = [];
      for (let run = 0; copies.length < copiesMin; run++) {
        // Now and then the oldest goes, and its space.
        const oldest = run % 3 === 2 ? acknowledged.shift() : undefined;
        const during = oldest === undefined ? "backup" : "delete, compact";
        this.#changeTree();
        const lines = directoryLines(this.#tree);
        const words =
          oldest === undefined
            ? [["backup", this.#tree, "--json"]]
            : [
                ["delete", oldest.id],
                ["compact", "--grace", "0"],
              ];
        const working = this.#forge(words);
        const copying = this.#copy(copies, during, acknowledged, working);
        const stdout = await working;
        await copying;
        if (oldest !== undefined) continue;
        const id = /"(?:snapshotId|id|snapshot)"\s*:\s*"([0-9a-f]{64})"/.exec(stdout)?.[1];
        if (id === undefined) throw new Error(`no snapshot in ${stdout}`);
        acknowledged.push({ id, lines });
        // Also right after it was acknowledged.
        if (this.#random.chance(0.5)) await this.#clone(copies, "just after", acknowledged);
      }
    } finally {
      this.#unmount();
    }
    return copies;
  }

  async #forge(commands: readonly (readonly string[])[]): Promise<string> {
    let stdout = "";
    for (const words of commands) {
      const ended = await runForgeAside(words, {
        repository: this.#repository,
        home: `${this.#folder}/home-${this.#rounds}`,
      });
      if (ended.code !== 0) throw new Error(`forge ${words.join(" ")}: ${ended.stderr}`);
      stdout += ended.stdout;
    }
    return stdout;
  }

  /** Copies at random moments until the work is done. */
  async #copy(
    copies: Copy[],
    during: string,
    acknowledged: readonly Acknowledged[],
    working: Promise<unknown>,
  ): Promise<void> {
    const state = { isDone: false };
    const done = (): void => void (state.isDone = true);
    working.then(done, done);
    // Nothing is written before the program has started and unlocked the repository.
    await this.#waitFor("leases", () => state.isDone);
    for (let i = 0; i < COPIES_A_RUN; i++) {
      await setTimeout(this.#random.below(40));
      if (state.isDone) break;
      await this.#clone(copies, during, acknowledged);
    }
  }

  /** Until something is in a folder of the repository: a lease, when a backup or collection begins. */
  async #waitFor(folder: string, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      if (readdirSync(`${this.#repository}/${folder}`).length > 0) return;
      await setTimeout(2);
    }
  }

  async #clone(
    copies: Copy[],
    during: string,
    acknowledged: readonly Acknowledged[],
  ): Promise<void> {
    const path = `${this.#outer.path}/copy-${copies.length}`;
    const wanted = [...acknowledged];
    await promisify(execFile)("cp", ["--reflink=always", `${this.#outer.path}/image`, path]);
    copies.push({ path, acknowledged: wanted, during });
  }

  #changeTree(): void {
    for (let i = 0; i < FILES; i++) {
      if (!this.#random.chance(0.6)) continue;
      writeFileSync(`${this.#tree}/${i}`, noise(2500, 1 + this.#random.below(1e6)));
    }
  }

  async #examine(copy: Copy): Promise<void> {
    const backend = new LocalBackend(this.#repository);
    try {
      await this.#examineIn(backend, copy);
    } finally {
      await backend.close();
    }
  }

  async #examineIn(backend: LocalBackend, { acknowledged }: Copy): Promise<void> {
    const repository = await openRepository({
      backend,
      credentials: { passphrase: () => Promise.resolve(PASSPHRASE) },
    });
    const readSide = await readSideOf(repository);
    const there = await snapshotsOf(repository);
    for (const { id, lines } of acknowledged) {
      const snapshot = there.find((one) => one.id === id);
      if (snapshot === undefined) throw new Error(`snapshot ${id} was acknowledged and is gone`);
      expectSame(await snapshotLines(readSide, snapshot, this.#tree), lines);
    }
    const { snapshot } = await backUp(repository, this.#tree);
    if (snapshot === undefined) throw new Error("the next backup made no snapshot");
    const after = await snapshotLines(await readSideOf(repository), snapshot, this.#tree);
    expectSame(after, directoryLines(this.#tree));
    const problems: string[] = [];
    await verifyObjects(repository, { onProblem: ({ message }) => problems.push(message) });
    if (problems.length > 0) throw new Error(problems.join("; "));
  }

  #mount(image: string): void {
    const options = ["-t", this.#fileSystem, "-o", MOUNT_OPTIONS[this.#fileSystem]];
    execFileSync("mount", [...options, image, `${this.#folder}/inner`], { stdio: "pipe" });
  }

  #unmount(): void {
    execFileSync("umount", [`${this.#folder}/inner`], { stdio: "pipe" });
    if (this.#fileSystem !== "btrfs") return;
    // Else the next copy is taken for the same device.
    try {
      execFileSync("btrfs", ["device", "scan", "--forget"], { stdio: "pipe" });
    } catch {
      // Nothing is left to be forgotten.
    }
  }
}

function expectSame(lines: TreeLines, wanted: TreeLines): void {
  if (lines.size !== wanted.size) throw new Error(`${lines.size} entries of ${wanted.size}`);
  for (const [path, line] of wanted) {
    if (lines.get(path) !== line) throw new Error(`${path} differs: ${lines.get(path) ?? "gone"}`);
  }
}
