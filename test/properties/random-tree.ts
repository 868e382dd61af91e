/** Random directories on this machine, and random changes to them. */
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";

import type { Bytes } from "../../engine/base/bytes.ts";
import type { ChunkerParameters } from "../../engine/chunking/fastcdc.ts";
import type { SeededRandom } from "../helpers/seeded-random.ts";

export interface RandomTreeOptions {
  readonly entries: number;
  readonly chunker: ChunkerParameters;
}

/** Fills `root`, an empty directory. */
export function buildRandomTree(
  root: string,
  random: SeededRandom,
  options: RandomTreeOptions,
): void {
  const directories: Buffer[] = [Buffer.from(root)];
  for (let i = 0; i < options.entries; i++) {
    addEntry(directories, random, options.chunker);
  }
}

/** Adds, changes, moves and removes entries of a tree that `buildRandomTree` made. */
export function changeRandomTree(
  root: string,
  random: SeededRandom,
  options: RandomTreeOptions,
): void {
  for (let i = 0; i < options.entries; i++) {
    const { files, directories } = survey(root);
    const file = files.length === 0 ? undefined : random.pick(files);
    const action = random.below(8);
    if (file === undefined || action === 0) addEntry(directories, random, options.chunker);
    else if (action === 1) rmSync(file);
    else if (action === 2) writeFileSync(file, contentOf(random, options.chunker));
    else if (action === 3) insertInto(file, random);
    else if (action === 4) renameSync(file, join(random.pick(directories), nameOf(random)));
    else if (action === 5) truncateSync(file, random.below(3000));
    else if (action === 6) chmodSync(file, random.pick([0o600, 0o644, 0o4755]));
    else removeDirectory(random.pick(directories), root);
  }
}

function addEntry(directories: Buffer[], random: SeededRandom, chunker: ChunkerParameters): void {
  const parent = random.pick(directories);
  const path = join(parent, nameOf(random));
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return;
  const sort = random.below(20);
  const names = readdirSync(parent, { encoding: "buffer" });
  if (sort < 3) {
    mkdirSync(path);
    directories.push(path);
  } else if (sort === 3) {
    symlinkSync(Buffer.from(random.bytes(1 + random.below(60)).map((byte) => byte | 1)), path);
  } else if (sort === 4) {
    writeSparse(path, random);
  } else if (sort === 5 && names.length > 0) {
    const other = join(parent, random.pick(names));
    if (lstatSync(other).isFile()) linkSync(other, path);
  } else if (sort === 6 && names.length > 0) {
    const other = join(parent, random.pick(names));
    if (lstatSync(other).isFile()) writeFileSync(path, readFileSync(other));
  } else {
    writeFileSync(path, contentOf(random, chunker));
    if (random.chance(0.3)) utimesSync(path, random.below(2 ** 31), random.below(2 ** 31));
  }
}

/** Sizes around where something changes: nothing, the chunk limits, several chunks. */
function contentOf(random: SeededRandom, chunker: ChunkerParameters): Bytes {
  const { minBytes, normalBytes, maxBytes } = chunker;
  const around = random.pick([0, 1, minBytes, normalBytes, maxBytes, 2 * maxBytes, 5 * maxBytes]);
  const sizeBytes = Math.max(0, around + random.below(3) - 1);
  const content = random.chance(0.5) ? random.bytes(sizeBytes) : new Uint8Array(sizeBytes);
  if (random.chance(0.3)) content.fill(random.below(256), 0, sizeBytes >> 1);
  return content;
}

function writeSparse(path: Buffer, random: SeededRandom): void {
  const fd = openSync(path, "w");
  for (let i = random.below(4); i > 0; i--) {
    writeSync(fd, random.bytes(1 + random.below(5000)), 0, null, 4096 * random.below(200));
  }
  ftruncateSync(fd, 4096 * random.below(300) + random.below(4096));
  closeSync(fd);
}

function insertInto(file: Buffer, random: SeededRandom): void {
  const old = readFileSync(file);
  const at = random.below(old.length + 1);
  const parts = [old.subarray(0, at), random.bytes(1 + random.below(50)), old.subarray(at)];
  writeFileSync(file, Buffer.concat(parts));
}

function removeDirectory(directory: Buffer, root: string): void {
  if (!directory.equals(Buffer.from(root))) rmSync(directory, { recursive: true });
}

/** Any bytes but NUL and slash; some long, some with what shells and terminals trip over. */
function nameOf(random: SeededRandom): Buffer {
  const length = random.chance(0.05) ? 255 : 1 + random.below(12);
  const plain = random.chance(0.7);
  const name = Buffer.alloc(length);
  for (let i = 0; i < length; i++) {
    name[i] = plain ? 97 + random.below(26) : 1 + random.below(255);
    if (name[i] === 0x2f) name[i] = 0x5c;
  }
  return name.equals(Buffer.from(".")) || name.equals(Buffer.from("..")) ? Buffer.from("x") : name;
}

function survey(root: string): { files: Buffer[]; directories: Buffer[] } {
  const files: Buffer[] = [];
  const directories: Buffer[] = [Buffer.from(root)];
  for (const directory of directories) {
    for (const name of readdirSync(directory, { encoding: "buffer" })) {
      const path = join(directory, name);
      const stat = lstatSync(path);
      if (stat.isDirectory()) directories.push(path);
      else if (stat.isFile()) files.push(path);
    }
  }
  return { files, directories };
}

function join(directory: Buffer, name: Buffer): Buffer {
  return Buffer.concat([directory, Buffer.from("/"), name]);
}
