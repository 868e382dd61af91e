/** What is backed up: made from the machine's own files, so that it is real and needs no download. */
import { closeSync, existsSync, openSync, readSync, statSync, writeSync } from "node:fs";
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { SeededRandom } from "../helpers/seeded-random.ts";

/** Paths and sizes of the corpora. `big` shows the originals or the edited files, one at a time. */
export interface Corpus {
  readonly small: string;
  readonly smallEntries: number;
  readonly smallBytes: number;
  /** A small file below `small`, relative to it. */
  readonly oneFile: string;
  /** Paths relative to `small`, NUL after each: files to read one after another. */
  readonly fileList: string;
  readonly fileListCount: number;
  readonly big: string;
  readonly bigFiles: readonly string[];
  readonly bigBytes: number;
  showBig(version: "original" | "edited"): void;
}

const SIZES = {
  full: { trees: ["/usr/share", "/usr/include"], bigFileBytes: 420e6 },
  quick: { trees: ["/usr/share/doc", "/usr/include"], bigFileBytes: 80e6 },
};
const FILE_LIST_COUNT = 7900;
const EDITS_PER_FILE = 20;

/** Makes what is missing below `folder`; what is there is used again. */
export function makeCorpus(folder: string, size: keyof typeof SIZES): Corpus {
  const { trees, bigFileBytes } = SIZES[size];
  const root = join(folder, size);
  mkdirSync(root, { recursive: true });
  const small = join(root, "small");
  if (!existsSync(small)) copyTrees(trees, small);
  const big = join(root, "big");
  const versions = { original: join(root, "big-original"), edited: join(root, "big-edited") };
  const files = ["first.tar", "second.tar"];
  if (!existsSync(join(root, "big-done"))) {
    for (const path of [big, ...Object.values(versions)])
      rmSync(path, { recursive: true, force: true });
    for (const path of Object.values(versions)) mkdirSync(path);
    const originals = files.map((name) => join(versions.original, name));
    writeTars(originals, bigFileBytes);
    files.forEach((name, at) => {
      writeEdited(join(versions.original, name), join(versions.edited, name), at + 1);
    });
    writeFileSync(join(root, "big-done"), "");
  }
  let shown = existsSync(big) ? (existsSync(versions.original) ? "edited" : "original") : undefined;
  const showBig = (version: "original" | "edited"): void => {
    if (shown === version) return;
    if (shown !== undefined) renameSync(big, versions[shown as "original" | "edited"]);
    renameSync(versions[version], big);
    shown = version;
  };
  showBig("original");

  const fileList = join(root, "file-list");
  const include = listFiles(join(small, "include"), "include").slice(0, FILE_LIST_COUNT);
  writeFileSync(fileList, include.map((path) => `${path}\0`).join(""));
  const oneFile = include.find((path) => {
    const { size: bytes } = statSync(join(small, path), { throwIfNoEntry: false }) ?? { size: 0 };
    return bytes > 1000 && bytes < 8000;
  });
  if (oneFile === undefined) throw new Error("/usr/include has no file of a few KB to dump");
  const bigFiles = files.map((name) => join(big, name));
  return {
    small,
    ...countTree(small),
    oneFile,
    fileList,
    fileListCount: include.length,
    big,
    bigFiles,
    bigBytes: bigFiles.reduce((sum, name) => sum + statSync(name).size, 0),
    showBig,
  };
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
