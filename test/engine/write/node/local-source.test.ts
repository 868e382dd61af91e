import { execFileSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Bytes, utf8 } from "../../../../engine/base/bytes.ts";
import * as libc from "../../../../engine/platform/node/libc.ts";
import {
  type LocalSourceOptions,
  openLocalSource,
} from "../../../../engine/write/node/local-source.ts";
import type { Source, SourceEntry, SourceProblem } from "../../../../engine/write/source.ts";

const asRoot = process.geteuid?.() === 0;
let top = "";

beforeEach(() => {
  top = mkdtempSync(join(process.env["TMPDIR"] ?? "/tmp", "forge-source-"));
});

afterEach(() => {
  rmSync(top, { recursive: true, force: true });
});

/** Makes files (and with a final slash directories) below the top. */
function make(...paths: string[]): void {
  for (const path of paths) {
    const full = join(top, path);
    if (path.endsWith("/")) mkdirSync(full, { recursive: true });
    else {
      mkdirSync(dirname(full), { recursive: true });
      writeFileSync(full, path);
    }
  }
}

interface Walked {
  readonly paths: string[];
  readonly problems: SourceProblem[];
  readonly entries: Map<string, SourceEntry>;
}

/** All paths, directories with a final slash; as the walk of a backup goes. */
function walk(source: Source): Walked {
  const walked: Walked = { paths: [], problems: [], entries: new Map() };
  const visit = (directory: SourceEntry, path: string): void => {
    const listing = source.list(directory);
    walked.problems.push(...listing.problems);
    for (const entry of listing.entries) {
      const isDirectory = entry.stat.type === "directory";
      const name = `${path}${Buffer.from(entry.name).toString()}${isDirectory ? "/" : ""}`;
      walked.paths.push(name);
      walked.entries.set(name, entry);
      if (isDirectory) visit(entry, name);
    }
    listing.close();
  };
  visit(source.root, "/");
  return walked;
}

/** The walk of paths below the top, as paths relative to it. */
function walkBelow(
  options: Omit<LocalSourceOptions, "paths"> & { paths?: string[] } = {},
): string[] {
  const { paths = [""], ...rest } = options;
  const source = openLocalSource({ ...rest, paths: paths.map((path) => join(top, path)) });
  const walked = walk(source);
  source.close();
  expect(walked.problems).toEqual([]);
  return walked.paths
    .filter((path) => path.startsWith(`${top}/`))
    .map((p) => p.slice(top.length + 1))
    .filter((p) => p !== "");
}

describe("paths", () => {
  test("the tree begins at / and leads only to what was asked for", () => {
    make("a/x", "a/y/z", "b/other");
    const source = openLocalSource({ paths: [join(top, "a")] });
    const { paths, entries } = walk(source);
    const expected = [];
    for (let i = 1; (i = top.indexOf("/", i) + 1) > 0;) expected.push(top.slice(0, i));
    expected.push(`${top}/`, ...["a/", "a/x", "a/y/", "a/y/z"].map((path) => `${top}/${path}`));
    expect(paths).toEqual(expected);
    expect(source.root.stat.inode).toBe(lstatSync("/", { bigint: true }).ino);
    const stat = lstatSync(top, { bigint: true });
    expect(entries.get(`${top}/`)?.stat).toMatchObject({ mtimeNs: stat.mtimeNs, inode: stat.ino });
    expect(source.displayPath(source.root)).toBe("/");
  });

  test("nested and repeated paths are merged, and a file is a path", () => {
    make("a/x", "a/y/z", "b/other", "c/file", "c/not");
    const paths = ["a/y", "a", "a", "c/file"];
    expect(walkBelow({ paths })).toEqual(["a/", "a/x", "a/y/", "a/y/z", "c/", "c/file"]);
  });

  test("what was asked for is there although the excludes name it or what leads to it", () => {
    make("a/x", "a/cache/deep/keep/f", "a/cache/deep/drop");
    const excludes = { patterns: ["cache/", "f"] };
    expect(walkBelow({ paths: ["a", "a/cache/deep/keep"], excludes })).toEqual([
      "a/",
      "a/cache/",
      "a/cache/deep/",
      "a/cache/deep/keep/",
      "a/x",
    ]);
    expect(walkBelow({ paths: ["a/cache"], excludes: { patterns: ["cache"] } })).toContain(
      "a/cache/deep/drop",
    );
  });

  test("a path that does not exist is named before anything starts", () => {
    make("a/x");
    const open = (path: string | Bytes) => () => openLocalSource({ paths: [join(top, "a"), path] });
    expect(open(join(top, "nope"))).toThrow(`Cannot back up ${top}/nope: it does not exist`);
    expect(open(join(top, "a/x/below"))).toThrow(expect.objectContaining({ code: "not-found" }));
    expect(open("relative")).toThrow(expect.objectContaining({ code: "usage" }));
    expect(open(new Uint8Array([...utf8(`${top}/`), 0xff]))).toThrow("\\xff");
    expect(() => openLocalSource({ paths: [] })).toThrow(
      expect.objectContaining({ code: "usage" }),
    );
  });

  test("a symlink given as a path is stored itself; one on the way stands for its directory", () => {
    make("real/in/x", "real/y");
    symlinkSync("real", join(top, "link"));
    expect(walkBelow({ paths: ["link"] })).toEqual(["link"]);
    expect(walkBelow({ paths: ["link/in"] })).toEqual(["link/", "link/in/", "link/in/x"]);
    expect(walkBelow({ paths: ["", "link/in"] })).toEqual([
      "link/",
      "link/in/",
      "link/in/x",
      "real/",
      "real/in/",
      "real/in/x",
      "real/y",
    ]);
    const source = openLocalSource({ paths: [join(top, "link/in")] });
    const link = walk(source).entries.get(`${top}/link/`);
    expect(link?.stat.inode).toBe(lstatSync(join(top, "real"), { bigint: true }).ino);
  });
});

describe("names and depth", () => {
  test("names of any bytes come back in the order of their bytes", () => {
    const names: Bytes[] = [];
    for (let byte = 1; byte < 256; byte++) {
      if (byte !== 0x2f && byte !== 0x2e) names.push(new Uint8Array([byte]));
    }
    names.push(new Uint8Array(255).fill(0xfe), utf8("ä"), utf8("𝄞"));
    for (const name of names) writeFileSync(Buffer.concat([Buffer.from(`${top}/`), name]), name);
    const source = openLocalSource({ paths: [top] });
    const directory = walk(source).entries.get(`${top}/`);
    if (directory === undefined) throw new Error("not found");
    const listing = source.list(directory);
    const sorted = names.map((name) => Buffer.from(name)).sort((a, b) => a.compare(b));
    expect(listing.entries.map((entry) => Buffer.from(entry.name))).toEqual(sorted);
    for (const entry of listing.entries) {
      expect(lstatSync(Buffer.from(entry.openPath), { bigint: true }).ino).toBe(entry.stat.inode);
    }
  });

  test("a tree 1,000 deep is walked, every entry can be opened, and no descriptor stays", () => {
    const name = utf8("d".repeat(40));
    let fd = libc.openat(libc.AT_FDCWD, utf8(top), libc.O_DIRECTORY);
    for (let depth = 0; depth < 1000; depth++) {
      libc.mkdirat(fd, name, 0o755);
      libc.symlinkat(utf8(`at ${depth}`), fd, utf8("link"));
      const next = libc.openat(fd, name, libc.O_DIRECTORY);
      closeSync(fd);
      fd = next;
    }
    closeSync(fd);
    const open = () => readdirSync("/proc/self/fd").length;
    const before = open();
    const source = openLocalSource({ paths: [top] });
    const topDepth = top.split("/").length - 1;
    let deepest = 0;
    const visit = (directory: SourceEntry, depth: number): void => {
      const listing = source.list(directory);
      deepest = Math.max(deepest, depth);
      for (const entry of listing.entries) {
        if (entry.stat.type === "directory") visit(entry, depth + 1);
        else if (entry.stat.type === "symlink" && depth >= topDepth) {
          const { linkTarget } = source.describe(entry, () => undefined);
          expect(linkTarget).toEqual(utf8(`at ${depth - topDepth}`));
        }
        expect(entry.openPath.length).toBeLessThan(4096);
      }
      listing.close();
    };
    visit(source.root, 0);
    expect(deepest).toBeGreaterThan(1000);
    expect(open()).toBe(before);
    source.close();
    execFileSync("rm", ["-rf", top]);
  });
});

describe("what is left out", () => {
  test("patterns, and the lines of exclude files after them", () => {
    make(
      "a.tmp",
      "keep/b.tmp",
      "keep/important.tmp",
      "node_modules/x/y",
      "src/node_modules/z",
      "src/m.ts",
    );
    const excludes = {
      patterns: ["*.tmp", "!important.tmp"],
      files: ["# of a file\nnode_modules/\n\n"],
    };
    expect(walkBelow({ excludes })).toEqual(["keep/", "keep/important.tmp", "src/", "src/m.ts"]);
    expect(walkBelow({ excludes: { patterns: [`${top}/src`, "/keep/b.tmp"] } })).toEqual([
      "a.tmp",
      "keep/",
      "keep/important.tmp",
      "node_modules/",
      "node_modules/x/",
      "node_modules/x/y",
    ]);
  });

  test("names that are not UTF-8 are matched as well as can be", () => {
    writeFileSync(
      Buffer.concat([Buffer.from(`${top}/`), Buffer.from([0xff]), Buffer.from(".tmp")]),
      "",
    );
    expect(walkBelow()).toHaveLength(1);
    expect(walkBelow({ excludes: { patterns: ["*.tmp"] } })).toEqual([]);
  });

  test("a cache directory keeps its tag alone, if the tag is signed", () => {
    const signature = "Signature: 8a477f597d28d172789f06886806bc55\n# more";
    make("signed/CACHEDIR.TAG", "signed/x", "signed/d/y", "unsigned/CACHEDIR.TAG", "unsigned/x");
    writeFileSync(join(top, "signed/CACHEDIR.TAG"), signature);
    make("link/x");
    symlinkSync("../signed/CACHEDIR.TAG", join(top, "link/CACHEDIR.TAG"));
    expect(walkBelow({ excludes: { cacheDirTag: true } })).toEqual([
      "link/",
      "link/CACHEDIR.TAG",
      "link/x",
      "signed/",
      "signed/CACHEDIR.TAG",
      "unsigned/",
      "unsigned/CACHEDIR.TAG",
      "unsigned/x",
    ]);
    expect(walkBelow()).toContain("signed/d/y");
  });

  test("a marker file leaves the rest of its directory out, with a header only if it fits", () => {
    make("a/.nobackup", "a/x", "b/.nobackup", "b/x", "c/x");
    writeFileSync(join(top, "b/.nobackup"), "yes, really");
    expect(walkBelow({ excludes: { ifPresent: [".nobackup"] } })).toEqual([
      "a/",
      "a/.nobackup",
      "b/",
      "b/.nobackup",
      "c/",
      "c/x",
    ]);
    expect(walkBelow({ excludes: { ifPresent: [".nobackup:yes"] } })).toContain("a/x");
    expect(walkBelow({ excludes: { ifPresent: [".nobackup:yes"] } })).not.toContain("b/x");
    expect(() => walkBelow({ excludes: { ifPresent: ["a/b"] } })).toThrow(
      expect.objectContaining({ code: "usage" }),
    );
  });

  test("the repository itself, by device and inode", () => {
    make("repo/config", "data/x");
    const stat = lstatSync(join(top, "repo"), { bigint: true });
    const skip = [{ device: stat.dev, inode: stat.ino }];
    expect(walkBelow({ skip })).toEqual(["data/", "data/x"]);
  });

  test.runIf(asRoot)("another file system, unless it was asked for", () => {
    make("here/x", "here/mounted/", "here/asked/");
    for (const name of ["mounted", "asked"]) {
      const target = join(top, "here", name);
      const [source, type, data] = [utf8("none"), utf8("tmpfs"), utf8("")];
      libc.mount({ source, target: utf8(target), type, flags: 0, data });
      writeFileSync(join(target, "inside"), "");
    }
    try {
      const paths = ["here", "here/asked"];
      expect(walkBelow({ paths, oneFileSystem: true })).toEqual([
        "here/",
        "here/asked/",
        "here/asked/inside",
        "here/mounted/",
        "here/x",
      ]);
      expect(walkBelow({ paths })).toContain("here/mounted/inside");
    } finally {
      for (const name of ["mounted", "asked"]) libc.umount2(utf8(join(top, "here", name)), 0);
    }
  });
});

describe("what is told of an entry", () => {
  test("owner names, link targets of any bytes, xattrs sorted by name, hard links", () => {
    make("file");
    linkSync(join(top, "file"), join(top, "hard"));
    const target = new Uint8Array([0xff, 0x0a, 0x2f]);
    libc.symlinkat(target, libc.AT_FDCWD, utf8(join(top, "link")));
    for (const name of ["user.z", "user.a", "user.m"]) {
      libc.lsetxattr(utf8(join(top, "file")), utf8(name), new Uint8Array([0, 255]));
    }
    // Node's own utimes takes a negative number for now.
    libc.utimensat(libc.AT_FDCWD, utf8(join(top, "file")), "omit", -5_000_000_000n);
    const source = openLocalSource({ paths: [top] });
    const { entries } = walk(source);
    const describeIt = (name: string) => {
      const entry = entries.get(`${top}/${name}`);
      if (entry === undefined) throw new Error(`${name} was not walked`);
      const problems: SourceProblem[] = [];
      const description = source.describe(entry, (problem) => problems.push(problem));
      expect(problems).toEqual([]);
      return description;
    };
    const { metadata, linkTarget } = describeIt("file");
    expect(linkTarget).toBeUndefined();
    expect(metadata.user).toBe(execFileSync("id", ["-un"], { encoding: "utf8" }).trim());
    expect(metadata.group).toBe(execFileSync("id", ["-gn"], { encoding: "utf8" }).trim());
    expect(metadata.mtimeNs).toBe(-5_000_000_000n);
    expect(metadata.linkCount).toBe(2);
    expect(metadata.inode).toBe(describeIt("hard").metadata.inode);
    expect(metadata.xattrs.map(({ name }) => Buffer.from(name).toString())).toEqual([
      "user.a",
      "user.m",
      "user.z",
    ]);
    expect(metadata.xattrs[0]?.value).toEqual(new Uint8Array([0, 255]));
    expect(describeIt("link").linkTarget).toEqual(target);
    expect(describeIt("link").metadata.xattrs).toEqual([]);
  });

  test.runIf(asRoot)("devices, fifos and sockets", () => {
    const dirfd = libc.openat(libc.AT_FDCWD, utf8(top), libc.O_DIRECTORY);
    libc.mknodat(dirfd, utf8("fifo"), 0o010644);
    libc.mknodat(dirfd, utf8("sock"), 0o140644);
    libc.mknodat(dirfd, utf8("chr"), 0o020644, { major: 300, minor: 70_000 });
    libc.mknodat(dirfd, utf8("blk"), 0o060644, { major: 8, minor: 17 });
    closeSync(dirfd);
    const source = openLocalSource({ paths: [top] });
    const { entries } = walk(source);
    const stat = (name: string) => entries.get(`${top}/${name}`)?.stat;
    expect(stat("fifo")?.type).toBe("fifo");
    expect(stat("sock")?.type).toBe("socket");
    expect(stat("chr")).toMatchObject({
      type: "char-device",
      deviceMajor: 300,
      deviceMinor: 70_000,
    });
    expect(stat("blk")).toMatchObject({ type: "block-device", deviceMajor: 8, deviceMinor: 17 });
  });

  test("what vanished is told as such, and a listing goes on without it", () => {
    make("a", "d/x");
    const source = openLocalSource({ paths: [top] });
    const { entries } = walk(source);
    rmSync(join(top, "d"), { recursive: true });
    rmSync(join(top, "a"));
    const [file, directory] = [entries.get(`${top}/a`), entries.get(`${top}/d/`)];
    if (file === undefined || directory === undefined) throw new Error("not walked");
    const vanished = expect.objectContaining({ code: "source-changed" }) as unknown;
    expect(() => source.list(directory)).toThrow(vanished);
    expect(() => source.describe(file, () => undefined)).toThrow(vanished);
  });

  test.skipIf(asRoot)("a directory that may not be listed", () => {
    make("locked/x");
    chmodSync(join(top, "locked"), 0);
    const source = openLocalSource({ paths: [top] });
    expect(() => walk(source)).toThrow(expect.objectContaining({ code: "permission" }));
    chmodSync(join(top, "locked"), 0o700);
  });
});
