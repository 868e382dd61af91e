/**
 * Restores as root into a folder of which somebody swaps directories and files for symlinks and hard
 * links that lead outside, as fast as they can. What is outside must not change in any way.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { FsDirectory, FsEntry } from "../../engine/read/readonly-fs.ts";
import { directory, file, special, symlink } from "../helpers/memory-fs.ts";
import { type StoredTree, restoreInto, storeTree } from "../helpers/restored-snapshot.ts";
import { noise } from "../helpers/expected-tree.ts";

const NOBODY = 65_534;
/** One restore in so many is one by threads, from packs. */
const THREADED_EVERY = 10;
const DIRECTORIES = ["d0", "d1", "d2/sub", "d2/sub/deep"];

/** Renames a directory or file away, puts a link to outside in its place, and takes both back. */
const RACER = `
import os, random, sys
out, canary, seed = sys.argv[1:]
random.seed(int(seed))
names = ["d0", "d1", "d2", "d2/sub", "d2/sub/deep", "d0/a", "d1/b", "d2/sub/a"]
print("ready", flush=True)
while True:
    name = random.choice(names)
    path = os.path.join(out, name)
    try:
        os.rename(path, path + ".away")
    except OSError:
        continue
    is_file = name[-1] in "ab"
    try:
        if is_file and random.random() < 0.5:
            os.link(os.path.join(canary, "a"), path)
        else:
            os.symlink(os.path.join(canary, random.choice(["a", "b"])) if is_file
                       else random.choice([canary, os.path.join(canary, "sub")]), path)
    except OSError:
        pass
    for _ in range(random.choice([0, 0, 10, 300])):
        pass
    try:
        os.unlink(path)
    except OSError:
        pass
    try:
        os.rename(path + ".away", path)
    except OSError:
        pass
`;

export interface RaceCounts {
  restores: number;
  /** In which the restore met something that was swapped. */
  met: number;
  threaded: number;
}

export class SymlinkRace {
  readonly counts: RaceCounts = { restores: 0, met: 0, threaded: 0 };
  readonly #folder: string;
  readonly #root: FsDirectory = sampleRoot();
  #stored: StoredTree | undefined;
  #racer: ChildProcess | undefined;
  #before = "";

  /** @param folder Empty; the racer, who is root as well, works in it. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async start(seed: number): Promise<void> {
    mkdirSync(join(this.#canary, "sub"), { recursive: true, mode: 0o711 });
    for (const name of ["a", "b", "sub/a"]) {
      writeFileSync(join(this.#canary, name), `canary ${name}`, { mode: 0o600 });
    }
    mkdirSync(this.#out);
    const source = join(this.#folder, "source");
    for (const path of DIRECTORIES) {
      mkdirSync(join(source, path), { recursive: true });
      for (let i = 0; i < 4; i++) writeFileSync(join(source, path, `${i}`), noise(2000, i + 1));
      for (const name of ["a", "b"]) writeFileSync(join(source, path, name), noise(40_000, 7));
    }
    this.#stored = await storeTree(source);
    const words = ["-c", RACER, this.#out, this.#canary, String(seed)];
    this.#racer = spawn("python3", words, { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => this.#racer?.stdout?.once("data", resolve));
    this.#before = this.#canaryState();
  }

  stop(): void {
    this.#racer?.kill("SIGKILL");
  }

  /** One restore. @throws Error when anything outside has changed. */
  async restore(): Promise<void> {
    const run = this.counts.restores++;
    const overwrite = run % 3 === 0 ? "if-changed" : "always";
    // One directory open at a time: each use opens it anew, which is the racer's chance.
    const openDirectoriesMax = run % 2 === 0 ? 1 : 64;
    const isThreaded = run % THREADED_EVERY === THREADED_EVERY - 1;
    if (isThreaded) this.counts.threaded++;
    const from = isThreaded ? (this.#stored ?? { root: this.#root }) : { root: this.#root };
    const { problemCount } = await restoreInto(this.#out, {
      ...from,
      overwrite,
      openDirectoriesMax,
    });
    if (problemCount > 0) this.counts.met++;
    const after = this.#canaryState();
    if (after !== this.#before) {
      throw new Error(`restore ${run} changed what is outside:\n${this.#before}\n${after}`);
    }
    // What piles up where nobody finds it any more.
    if (run % 50 === 49) this.#tidy();
  }

  get #out(): string {
    return join(this.#folder, "out");
  }

  get #canary(): string {
    return join(this.#folder, "canary");
  }

  #tidy(): void {
    for (const name of readdirSync(this.#out)) {
      try {
        rmSync(join(this.#out, name), { recursive: true, force: true });
      } catch {
        // The racer was in it: the next time.
      }
    }
  }

  /**
   * All that a restore could change about it. The racer's own hard links change the number of links and
   * with it the ctime of one file: those are left out, its content, mode and owner are not.
   */
  #canaryState(): string {
    const lines = ["", "a", "b", "sub", "sub/a"].map((path) => {
      const full = join(this.#canary, path);
      const { mode, uid, gid, size, mtimeNs, ctimeNs, nlink } = lstatSync(full, { bigint: true });
      const fields: (string | bigint)[] = [path, mode, uid, gid, size, mtimeNs];
      if (path !== "a") fields.push(ctimeNs, nlink);
      if (path.endsWith("a") || path === "b") fields.push(readFileSync(full, "latin1"));
      return fields.join(" ");
    });
    const names = [...readdirSync(this.#canary), ...readdirSync(join(this.#canary, "sub"))];
    return [...lines, ...names].join("\n");
  }
}

/** Modes and owners that would show where they must not. */
function sampleRoot(): FsDirectory {
  const attributes = { mode: 0o777, uid: NOBODY };
  const entries = (): FsEntry[] => [
    file("a", "attack", { attributes }),
    file("b", "attack", { attributes }),
    symlink("link", "somewhere"),
    special("pipe", "fifo"),
  ];
  const deep = directory("deep", entries(), { attributes });
  return directory("", [
    directory("d0", entries(), { attributes }),
    directory("d1", entries(), { attributes }),
    directory("d2", [directory("sub", [...entries(), deep], { attributes })], { attributes }),
  ]);
}
