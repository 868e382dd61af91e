/** What is backed up: made from the machine's own files, so that it is real and needs no download. */
import { closeSync, existsSync, openSync, readSync, statSync, writeSync } from "node:fs";
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { join } from "node:path";
import { SeededRandom } from "../helpers/seeded-random.ts";
import { VersionedFolder } from "./versioned-folder.ts";

/** Paths and sizes of the corpora. */
export interface Corpus {
  readonly small: string;
  readonly smallEntries: number;
  readonly smallBytes: number;
  /** A small file below `small`, relative to it. */
  readonly oneFile: string;
  /** Paths relative to `small`, NUL after each: files to read one after another. */
  readonly fileList: string;
  readonly fileListCount: number;
  /** Two files; after it, the same ones with edits. */
  readonly big: VersionedFolder;
  readonly bigFiles: readonly string[];
  readonly bigBytes: number;
  /** One file that cannot be compressed. */
  readonly random: string;
  readonly randomBytes: number;
  /** Two releases of a source tree, when they were given. */
  readonly releases: VersionedFolder | undefined;
}

const SIZES = {
  full: { trees: ["/usr/share", "/usr/include"], bigFileBytes: 420e6, randomBytes: 400e6 },
  quick: { trees: ["/usr/share/doc", "/usr/include"], bigFileBytes: 80e6, randomBytes: 50e6 },
};
const FILE_LIST_COUNT = 7900;
const EDITS_PER_FILE = 20;

/**
 * Makes what is missing below `folder`; what is there is used again.
 * @param releases Two folders, an older release of a source tree and a newer one; they are copied.
 */
export function makeCorpus(
  folder: string,
  size: keyof typeof SIZES,
  releases?: readonly [string, string],
): Corpus {
  const { trees, bigFileBytes, randomBytes } = SIZES[size];
  const root = join(folder, size);
  mkdirSync(root, { recursive: true });
  const small = join(root, "small");
  if (!existsSync(small)) copyTrees(trees, small);
  const random = join(root, "random");
  once(random, () => writeRandom(random, randomBytes));
  const files = ["first.tar", "second.tar"];
  const bigPath = join(root, "big");
  once(bigPath, () => {
    const [before, after] = [`${bigPath}-before`, `${bigPath}-after`];
    for (const path of [before, after]) mkdirSync(path);
    writeTars(
      files.map((name) => join(before, name)),
      bigFileBytes,
    );
    files.forEach((name, at) => writeEdited(join(before, name), join(after, name), at + 1));
  });
  const big = new VersionedFolder(bigPath);
  const releasesPath = join(root, "releases");
  if (releases !== undefined) {
    once(releasesPath, () => {
      const [before, after] = [`${releasesPath}-before`, `${releasesPath}-after`];
      spawnSync("cp", ["-a", releases[0], before], { stdio: "inherit" });
      spawnSync("cp", ["-a", releases[1], after], { stdio: "inherit" });
    });
  }

  const fileList = join(root, "file-list");
  const include = listFiles(join(small, "include"), "include").slice(0, FILE_LIST_COUNT);
  writeFileSync(fileList, include.map((path) => `${path}\0`).join(""));
  const oneFile = include.find((path) => {
    const { size: bytes } = statSync(join(small, path), { throwIfNoEntry: false }) ?? { size: 0 };
    return bytes > 1000 && bytes < 8000;
  });
  if (oneFile === undefined) throw new Error("/usr/include has no file of a few KB to dump");
  const bigFiles = files.map((name) => join(big.path, name));
  return {
    small,
    ...countTree(small),
    oneFile,
    fileList,
    fileListCount: include.length,
    big,
    bigFiles,
    bigBytes: bigFiles.reduce((sum, name) => sum + statSync(name).size, 0),
    random,
    randomBytes,
    releases: existsSync(`${releasesPath}.done`) ? new VersionedFolder(releasesPath) : undefined,
  };
}

/** What an interrupted run left of `path` and its versions is made anew. */
function once(path: string, make: () => void): void {
  const done = `${path}.done`;
  if (existsSync(done)) return;
  for (const made of [path, `${path}-before`, `${path}-after`]) {
    rmSync(made, { recursive: true, force: true });
  }
  make();
  writeFileSync(done, "");
}

function copyTrees(trees: readonly string[], target: string): void {
  const making = `${target}.making`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making);
  for (const tree of trees) {
    // A file that is not ours to read is left out; the rest is still a corpus.
    if (existsSync(tree)) spawnSync("cp", ["-a", tree, making], { stdio: "ignore" });
  }
  renameSync(making, target);
}

function writeRandom(folder: string, bytes: number): void {
  mkdirSync(folder);
  const output = openSync(join(folder, "random"), "w");
  const buffer = new Uint8Array(1024 * 1024);
  for (let left = bytes; left > 0; left -= buffer.length) {
    writeSync(output, randomFillSync(buffer), 0, Math.min(buffer.length, left));
  }
  closeSync(output);
}

/** One tar of programs and libraries, cut into files of `bytes` each. */
function writeTars(paths: readonly string[], bytes: number): void {
  const sources = ["/usr/lib", "/usr/local", "/opt", "/usr/bin", "/usr/share"].filter(existsSync);
  const quoted = paths.map((path) => `head -c ${bytes} > '${path}'`).join("; ");
  const done = spawnSync(
    "sh",
    ["-c", `tar --create --sort=name "$@" 2>/dev/null | { ${quoted}; }`, "sh", ...sources],
    { stdio: "inherit" },
  );
  if (done.status !== 0) throw new Error(`Cannot make ${paths.join(", ")}`);
}

/** Copies a file with a few KB overwritten or inserted at seeded places. */
function writeEdited(from: string, to: string, seed: number): void {
  const random = new SeededRandom(seed);
  const { size } = statSync(from);
  const places = Array.from({ length: EDITS_PER_FILE }, () => random.below(size)).sort(
    (a, b) => a - b,
  );
  const [input, output] = [openSync(from, "r"), openSync(to, "w")];
  let at = 0;
  places.forEach((place, number) => {
    // Two edits that touch stay in order.
    copyRange(input, output, at, Math.max(at, place));
    at = Math.max(at, place);
    const edit = Uint8Array.from({ length: 1024 + random.below(7 * 1024) }, () =>
      random.below(256),
    );
    writeSync(output, edit);
    if (number % 2 === 0) at = Math.min(size, at + edit.length);
  });
  copyRange(input, output, at, size);
  closeSync(input);
  closeSync(output);
}

function copyRange(input: number, output: number, from: number, to: number): void {
  const buffer = new Uint8Array(4 * 1024 * 1024);
  for (let at = from; at < to;) {
    const got = readSync(input, buffer, 0, Math.min(buffer.length, to - at), at);
    if (got === 0) throw new Error(`A file ended at ${at} of ${to} bytes`);
    writeSync(output, buffer, 0, got);
    at += got;
  }
}

/** Regular files below a folder, in walking order, each as `prefix/…`. */
function listFiles(folder: string, prefix: string): string[] {
  const names = readdirSync(folder, { withFileTypes: true });
  names.sort((a, b) => (a.name < b.name ? -1 : 1));
  return names.flatMap((entry) => {
    const path = `${prefix}/${entry.name}`;
    if (entry.isDirectory()) return listFiles(join(folder, entry.name), path);
    return entry.isFile() ? [path] : [];
  });
}

/** Entries and file bytes below a folder; links are entries and are not followed. */
export function countTree(folder: string): { smallEntries: number; smallBytes: number } {
  let smallEntries = 0;
  let smallBytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    smallEntries++;
    if (entry.isFile()) smallBytes += statSync(path).size;
    if (entry.isDirectory()) {
      const below = countTree(path);
      smallEntries += below.smallEntries;
      smallBytes += below.smallBytes;
    }
  }
  return { smallEntries, smallBytes };
}
