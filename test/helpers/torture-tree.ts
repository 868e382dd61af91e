/**
 * A tree with everything that a Linux file system can hold and a backup can get wrong. Built twice
 * it is equal twice, so a copy can also be compared with a second building.
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  ftruncateSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { type Bytes, utf8 } from "../../engine/base/bytes.ts";
import { errnoCodeOf } from "../../engine/base/errno-code.ts";
import * as libc from "../../engine/platform/node/libc.ts";

export interface TortureTreeOptions {
  /** Whether to make what only root can: devices, foreign owners, trusted attributes. */
  readonly root: boolean;
  /** A directory of 100,000 entries, a file of 6 GiB, one of 70,000 holes: half a minute, 1.5 GB. */
  readonly big: boolean;
  /** Paths far beyond PATH_MAX, which tools like cp cannot follow. Default true. */
  readonly deep?: boolean | undefined;
}

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/**
 * Builds the tree in `dir`, which exists and is empty.
 * @returns what this file system refused, a line each.
 */
export function buildTortureTree(dir: string, options: TortureTreeOptions): string[] {
  const tree = new TreeBuilder(dir);
  addNames(tree);
  addSizes(tree);
  addSymlinks(tree);
  addHardLinks(tree);
  addSparse(tree);
  addXattrs(tree, options.root);
  addModes(tree, options.root);
  addSpecials(tree, options.root);
  if (options.root) addOwners(tree);
  if (options.big) addBig(tree);
  addTimes(tree);
  tree.setTimes();
  if (options.deep !== false) addDeep(tree);
  return tree.refused;
}

/** Deletes a tree of any depth. */
export function removeTree(dir: string): void {
  execFileSync("chmod", ["-R", "u+rwx", dir], { stdio: "ignore" });
  execFileSync("rm", ["-rf", "--one-file-system", dir]);
}

/** Bytes that differ everywhere, for every seed; an LCG's upper bits. */
export function noise(length: number, seed: number): Bytes {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = (seed * 2654435761) >>> 0;
  for (let i = 0; i < words.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    words[i] = state ^ (state >>> 15);
  }
  return new Uint8Array(words.buffer, 0, length);
}

class TreeBuilder {
  readonly refused: string[] = [];
  readonly #top: Buffer;

  constructor(top: string) {
    this.#top = Buffer.from(top);
  }

  path(...parts: readonly (string | Bytes)[]): Buffer {
    const pieces: Uint8Array[] = [this.#top];
    for (const part of parts) {
      pieces.push(utf8("/"), typeof part === "string" ? utf8(part) : part);
    }
    return Buffer.concat(pieces);
  }

  directory(...parts: readonly (string | Bytes)[]): void {
    mkdirSync(this.path(...parts), 0o755);
  }

  file(content: string | Bytes, ...parts: readonly (string | Bytes)[]): Buffer {
    const path = this.path(...parts);
    writeFileSync(path, content, { flag: "wx", mode: 0o644 });
    return path;
  }

  /** Does what not every file system allows. */
  attempt(what: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      const code = errnoCodeOf(error);
      if (code === undefined) throw error;
      this.refused.push(`${what}: ${code}`);
    }
  }

  /** Times that are the same in every building; `times` has its own. */
  setTimes(): void {
    let next = 1_000_000_000_000_000_001n;
    const visit = (directory: Buffer, isKept: boolean): void => {
      const entries = readdirSync(directory, { encoding: "buffer", withFileTypes: true });
      for (const entry of entries.sort((a, b) => Buffer.compare(a.name, b.name))) {
        const path = Buffer.concat([directory, Buffer.from("/"), entry.name]);
        if (entry.isDirectory()) visit(path, entry.name.equals(Buffer.from("times")));
        else if (!isKept) setTime(path, (next += 86_400_000_000_007n));
      }
      // Last, since everything made inside has moved it.
      setTime(directory, (next += 86_400_000_000_007n));
    };
    visit(this.#top, false);
  }
}

function bytesOf(path: Buffer): Bytes {
  return new Uint8Array(path);
}

function setTime(path: Buffer, mtimeNs: bigint): void {
  libc.utimensat(libc.AT_FDCWD, bytesOf(path), mtimeNs, mtimeNs);
}

function addNames(tree: TreeBuilder): void {
  tree.directory("names");
  for (let byte = 1; byte < 256; byte++) {
    if (byte === 0x2f) continue;
    const single = new Uint8Array([byte]);
    if (byte !== 0x2e) tree.file(single, "names", single);
    tree.file(single, "names", new Uint8Array([0x61, byte]));
  }
  const odd: readonly (string | Bytes)[] = [
    "x".repeat(255),
    new Uint8Array(255).fill(0xff),
    "ü".repeat(127),
    "...",
    "..hidden",
    "-rf",
    "--help",
    " leading and trailing ",
    "new\nline\n",
    "carriage\rreturn",
    "tab\tulator",
    "back\\slash\\",
    "\\n is no newline",
    "quote\"s 'and' `more` $(date) ; | &",
    "*?[a-z]{b,c}",
    "per%cent %2F%00",
    "CON",
    "NUL.txt",
    "a:b",
    "dot.",
    "#hash?query&amp;<tag>",
    "\u00e9 composed",
    "e\u0301 composed",
    "\u202eright to left",
    "\ud83d\ude00 emoji",
    "\ufeffbom",
    "\ufffd replacement",
    new Uint8Array([0xc3]), // a sequence cut short
    new Uint8Array([0xc0, 0xaf]), // an overlong slash
    new Uint8Array([0xed, 0xa0, 0x80]), // half of a surrogate pair
    new Uint8Array([0xf5, 0x80, 0x80, 0x80]), // beyond Unicode
    new Uint8Array([0x1b, 0x5b, 0x33, 0x31, 0x6d]), // a terminal's escape sequence
  ];
  tree.directory("names", "odd");
  for (const name of odd)
    tree.file(typeof name === "string" ? name : "bytes", "names", "odd", name);
  tree.directory("names", "odd", new Uint8Array([0xfe, 0x0a, 0x5c]));
  tree.file("below", "names", "odd", new Uint8Array([0xfe, 0x0a, 0x5c]), new Uint8Array([0xfd]));
}

function addSizes(tree: TreeBuilder): void {
  tree.directory("sizes");
  const edges = [0, 1, 2, 4095, 4096, 4097, 65_535, 65_536, 512 * KIB - 1, 512 * KIB, MIB + 1];
  for (const size of [...edges, 8 * MIB, 8 * MIB + 1, 20 * MIB + 7]) {
    tree.file(noise(size, size), "sizes", `noise-${size}`);
  }
  tree.file(new Uint8Array(3 * MIB), "sizes", "zeros-that-are-data");
  tree.file(noise(MIB + 1, MIB + 1), "sizes", "a-copy");
  tree.directory("empty");
  tree.directory("empty", "empty");
}

function addSymlinks(tree: TreeBuilder): void {
  tree.directory("symlinks");
  const targets: readonly (readonly [string, string | Bytes])[] = [
    ["dangling", "nowhere/at/all"],
    ["absolute", "/etc/passwd"],
    ["itself", "itself"],
    ["loop-a", "loop-b"],
    ["loop-b", "loop-a"],
    ["to-directory", "../empty"],
    ["with-slash", "../empty/"],
    ["outside", "../../../../../../etc/shadow"],
    ["dot", "."],
    ["doubled", "..//.//empty"],
    ["long", "y".repeat(4095)],
    ["bytes", new Uint8Array([0xff, 0x0a, 0x2f, 0x01, 0xfe])],
  ];
  for (const [name, target] of targets) {
    const bytes = typeof target === "string" ? utf8(target) : target;
    tree.attempt(`symlink ${name}`, () => {
      symlinkSync(Buffer.from(bytes), tree.path("symlinks", name));
    });
  }
}

function addHardLinks(tree: TreeBuilder): void {
  tree.directory("hardlinks");
  tree.directory("hardlinks", "a");
  tree.directory("hardlinks", "b");
  const file = tree.file(noise(300_000, 42), "hardlinks", "a", "file");
  linkSync(file, tree.path("hardlinks", "b", "file"));
  linkSync(file, tree.path("hardlinks", "0-first"));
  linkSync(file, tree.path("zz-last-link"));
  tree.file(noise(300_000, 42), "hardlinks", "same-content-no-link");
  const empty = tree.file("", "hardlinks", "empty");
  linkSync(empty, tree.path("hardlinks", "b", "empty"));
  const link = tree.path("hardlinks", "a", "symlink");
  symlinkSync("file", link);
  libc.linkat(libc.AT_FDCWD, bytesOf(link), libc.AT_FDCWD, bytesOf(tree.path("hardlinks", "sl")));
  const fifo = tree.path("hardlinks", "a", "fifo");
  libc.mknodat(libc.AT_FDCWD, bytesOf(fifo), constants.S_IFIFO | 0o600);
  linkSync(fifo, tree.path("hardlinks", "b", "fifo"));
}

/** @param blocks Offsets of noise of 4 KiB; all else is a hole. */
function sparse(path: Buffer, sizeBytes: number, blocks: Iterable<number>): void {
  const fd = openSync(path, "wx");
  ftruncateSync(fd, sizeBytes);
  for (const offset of blocks) {
    const block = noise(Math.min(4 * KIB, sizeBytes - offset), offset / (4 * KIB) + 1);
    writeSync(fd, block, 0, block.length, offset);
  }
  closeSync(fd);
}

function addSparse(tree: TreeBuilder): void {
  tree.directory("sparse");
  const blockOffsets = (count: number, stepBytes: number) =>
    Array.from({ length: count }, (_, i) => i * stepBytes);
  sparse(tree.path("sparse", "nothing-but-hole"), 5 * MIB, []);
  sparse(tree.path("sparse", "hole-first"), MIB, [MIB - 4 * KIB]);
  sparse(tree.path("sparse", "hole-last"), MIB, [0]);
  sparse(tree.path("sparse", "odd-end"), 12_345, [8 * KIB]);
  sparse(tree.path("sparse", "odd-hole-end"), 12_345, [0]);
  sparse(tree.path("sparse", "many-holes"), 8 * MIB, blockOffsets(1000, 8 * KIB));
  const far = [0, 2 ** 32 - 4 * KIB, 2 ** 32, 2 ** 39, 2 ** 40 - 4 * KIB];
  tree.attempt("a sparse file of 1 TiB", () => {
    sparse(tree.path("sparse", "one-tebibyte"), 2 ** 40, far);
  });
  // Allocated zeros are data: neither they nor the holes beside them may turn into the other.
  const fd = openSync(tree.path("sparse", "zeros-and-holes"), "wx");
  ftruncateSync(fd, 4 * MIB);
  writeSync(fd, new Uint8Array(MIB), 0, MIB, MIB);
  closeSync(fd);
}

function addXattrs(tree: TreeBuilder, root: boolean): void {
  tree.directory("xattrs");
  const set = (what: string, path: Buffer, name: string | Bytes, value: Bytes) => {
    const bytes = typeof name === "string" ? utf8(name) : name;
    tree.attempt(what, () => {
      libc.lsetxattr(bytesOf(path), bytes, value);
    });
  };
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  const file = tree.file("x", "xattrs", "file");
  set("a binary value", file, "user.binary", all);
  set("an empty value", file, "user.empty", new Uint8Array(0));
  set("a name that is not UTF-8", file, new Uint8Array([...utf8("user."), 0xff, 0x0a]), utf8("v"));
  set("a name of 255 bytes", file, `user.${"n".repeat(250)}`, utf8("long"));
  tree.directory("xattrs", "directory");
  set("on a directory", tree.path("xattrs", "directory"), "user.directory", all);
  const many = tree.file("m", "xattrs", "many");
  for (let i = 0; i < 50; i++) set("many", many, `user.number-${i}`, utf8(`${i}`));
  const big = tree.file("b", "xattrs", "big");
  set("a value of 64 KiB", big, "user.big", noise(64 * KIB, 7));
  set("a value of 3000 bytes", big, "user.medium", noise(3000, 8));
  const acl = tree.path("xattrs", "acl").toString();
  tree.directory("xattrs", "acl");
  tree.file("a", "xattrs", "acl", "file");
  try {
    execFileSync("setfacl", ["-m", "u:12345:rwx,g:54321:r--", `${acl}/file`], { stdio: "pipe" });
    execFileSync("setfacl", ["-m", "u:12345:r-x,d:u:12345:rwx,d:o::---", acl], { stdio: "pipe" });
  } catch {
    tree.refused.push("ACLs: setfacl failed");
  }
  if (!root) return;
  const link = tree.path("xattrs", "symlink");
  symlinkSync("file", link);
  set("trusted on a symlink", link, "trusted.link", all);
  set("trusted on a file", file, "trusted.file", utf8("t"));
  set("security", file, "security.forge", utf8("label"));
  // cap_net_raw+ep, revision 2 (linux/capability.h); a later chown would remove it.
  const capable = tree.file("c", "xattrs", "capable");
  const cap = new Uint8Array([1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  tree.attempt("file capabilities", () => {
    chownSync(capable, 1234, 1234);
    libc.lsetxattr(bytesOf(capable), utf8("security.capability"), cap);
  });
  const fifo = tree.path("xattrs", "fifo");
  libc.mknodat(libc.AT_FDCWD, bytesOf(fifo), constants.S_IFIFO | 0o600);
  set("trusted on a fifo", fifo, "trusted.fifo", utf8("f"));
}

function addModes(tree: TreeBuilder, root: boolean): void {
  tree.directory("modes");
  const modes = [0o400, 0o444, 0o600, 0o711, 0o777, 0o1644, 0o2755, 0o4755, 0o6711, 0o7777];
  for (const mode of root ? [0, ...modes] : modes) {
    const name = mode.toString(8).padStart(4, "0");
    chmodSync(tree.file(name, "modes", `file-${name}`), mode);
    if (!root && (mode & 0o500) !== 0o500) continue;
    tree.directory("modes", `dir-${name}`);
    tree.file("inside", "modes", `dir-${name}`, "inside");
    chmodSync(tree.path("modes", `dir-${name}`), mode);
  }
}

function addSpecials(tree: TreeBuilder, root: boolean): void {
  tree.directory("specials");
  const make = (name: string, mode: number, device = { major: 0, minor: 0 }) => {
    tree.attempt(name, () => {
      libc.mknodat(libc.AT_FDCWD, bytesOf(tree.path("specials", name)), mode, device);
    });
  };
  make("fifo", constants.S_IFIFO | 0o640);
  make("socket", constants.S_IFSOCK | 0o700);
  if (!root) return;
  make("char-null", constants.S_IFCHR | 0o666, { major: 1, minor: 3 });
  make("char-zero-zero", constants.S_IFCHR | 0o600, { major: 0, minor: 0 });
  make("char-large", constants.S_IFCHR | 0o600, { major: 4095, minor: 1_048_575 });
  make("block-large", constants.S_IFBLK | 0o660, { major: 259, minor: 300_000 });
  make("block-small", constants.S_IFBLK | 0o660, { major: 8, minor: 1 });
}

function addOwners(tree: TreeBuilder): void {
  tree.directory("owners");
  const owners = [
    [1, 2],
    [1000, 1000],
    [65_534, 65_534],
    [123_456, 0],
    [0, 4_294_967_294],
    [4_294_967_294, 7],
  ] as const;
  for (const [uid, gid] of owners) {
    const name = `${uid}-${gid}`;
    const file = tree.file(name, "owners", name);
    chownSync(file, uid, gid);
    // After chown, which takes the bits away.
    chmodSync(file, 0o6755);
    tree.directory("owners", `${name}.d`);
    chownSync(tree.path("owners", `${name}.d`), uid, gid);
    symlinkSync(name, tree.path("owners", `${name}.l`));
    lchownSync(tree.path("owners", `${name}.l`), uid, gid);
  }
}

function addTimes(tree: TreeBuilder): void {
  tree.directory("times");
  const times = [
    0n,
    1n,
    -1n,
    -1_000_000_000n,
    -1_500_000_001n,
    -(2n ** 31n) * 1_000_000_000n,
    2n ** 31n * 1_000_000_000n + 999_999_999n,
    4_102_444_800_123_456_789n,
    // The last second that ext4 can hold, in the year 2446.
    15_032_385_535n * 1_000_000_000n + 7n,
    1_234_567_890_000_000_000n,
  ];
  for (const [i, time] of times.entries()) {
    const file = tree.file(`${time}`, "times", `file-${i}`);
    tree.attempt(`time ${time}`, () => setTime(file, time));
    const link = tree.path("times", `link-${i}`);
    symlinkSync(`file-${i}`, link);
    tree.attempt(`time ${time} of a symlink`, () => setTime(link, time));
    const fifo = tree.path("times", `fifo-${i}`);
    libc.mknodat(libc.AT_FDCWD, bytesOf(fifo), constants.S_IFIFO | 0o600);
    tree.attempt(`time ${time} of a fifo`, () => setTime(fifo, time));
  }
}

function addBig(tree: TreeBuilder): void {
  tree.directory("big");
  tree.directory("big", "entries");
  for (let i = 0; i < 100_000; i++) {
    const fd = openSync(tree.path("big", "entries", `entry-${i}`), "wx");
    if (i % 10 === 0) writeSync(fd, `${i}`);
    closeSync(fd);
  }
  const path = tree.path("big", "six-gibibytes");
  const fd = openSync(path, "wx");
  ftruncateSync(fd, 6 * GIB);
  const block = noise(16 * MIB, 99);
  for (let offset = 0; offset < 6 * GIB; offset += 96 * MIB) {
    block.set(utf8(`block at ${offset}`));
    writeSync(fd, block, 0, block.length, offset);
  }
  closeSync(fd);
  const holes = Array.from({ length: 70_000 }, (_, i) => i * 8 * KIB);
  sparse(tree.path("big", "seventy-thousand-holes"), 70_000 * 8 * KIB, holes);
}

const DEEP_LEVELS = 1000;

/** 1,000 directories inside one another: a path of 150,000 bytes. */
function addDeep(tree: TreeBuilder): void {
  const nameAt = (level: number): Bytes => {
    const name = new Uint8Array(150).fill(0x64);
    name.set(utf8(`${level}-`));
    name[149] = level % 2 === 0 ? 0xff : 0x7a;
    return name;
  };
  const flags = constants.O_RDONLY | libc.O_DIRECTORY | libc.O_NOFOLLOW;
  mkdirSync(tree.path("deep"));
  let fd = libc.openat(libc.AT_FDCWD, bytesOf(tree.path("deep")), flags);
  for (let level = 0; level < DEEP_LEVELS; level++) {
    if (level % 100 === 99) addDeepEntries(fd, level);
    libc.mkdirat(fd, nameAt(level), 0o755);
    const next = libc.openat(fd, nameAt(level), flags);
    closeSync(fd);
    fd = next;
  }
  addDeepEntries(fd, DEEP_LEVELS);
  for (let level = DEEP_LEVELS; level >= 0; level--) {
    libc.utimensat(fd, null, 5n, BigInt(level) * 1_000_000_001n);
    const up = libc.openat(fd, utf8(".."), flags);
    closeSync(fd);
    fd = up;
  }
  // The time of the top, which making `deep` has moved.
  libc.utimensat(fd, null, 5n, 1_000_000_000_000_000_001n);
  closeSync(fd);
}

function addDeepEntries(dirfd: number, level: number): void {
  const create = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY;
  const fd = libc.openat(dirfd, utf8("file"), create, 0o640);
  writeSync(fd, noise(10_000 + level, level));
  try {
    libc.fsetxattr(fd, utf8("user.level"), utf8(`${level}`));
  } catch (error) {
    if (errnoCodeOf(error) !== "ENOTSUP") throw error;
  }
  closeSync(fd);
  libc.symlinkat(utf8(`file at ${level}`), dirfd, utf8("symlink"));
  libc.linkat(dirfd, utf8("file"), dirfd, utf8("hard link"));
  libc.mknodat(dirfd, utf8("fifo"), constants.S_IFIFO | 0o600);
  for (const name of ["file", "symlink", "fifo"]) {
    libc.utimensat(dirfd, utf8(name), 5n, BigInt(level) * 1_000_000_007n);
  }
}
