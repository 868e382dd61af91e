import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import type * as FsPromises from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { utf8 } from "../../../../engine/base/bytes.ts";
import { renameExclusive } from "../../../../engine/platform/node/libc.ts";
import { objectPath } from "../../../../engine/storage/backend.ts";
import { durablePut } from "../../../../engine/storage/node/durable-put.ts";
import { LocalBackend } from "../../../../engine/storage/node/local.ts";
import { storageError } from "../../../../engine/storage/node/storage-error.ts";
import { backendContract, objectRef, patternBytes } from "../../../contracts/backend.ts";

const places: string[] = [];

function freshPlace(): string {
  const place = mkdtempSync(join(process.env["TMPDIR"] ?? "/tmp", "forge-local-"));
  places.push(place);
  return place;
}

afterEach(() => {
  for (const place of places.splice(0)) rmSync(place, { recursive: true, force: true });
});

backendContract("LocalBackend", () => {
  const root = join(freshPlace(), "repo");
  return Promise.resolve({
    backend: new LocalBackend(root),
    another: new LocalBackend(root),
    plantForeign: (path: string, data: Uint8Array) => {
      mkdirSync(join(root, dirname(path)), { recursive: true });
      writeFileSync(join(root, path), data);
      return Promise.resolve();
    },
    truncate: (ref, sizeBytes: number) => {
      chmodSync(join(root, objectPath(ref)), 0o600);
      truncateSync(join(root, objectPath(ref)), sizeBytes);
      return Promise.resolve();
    },
    dispose: () => Promise.resolve(),
  });
});

const modeOf = (path: string) => lstatSync(path).mode & 0o777;

test("only the owner may look, and objects are read-only", async () => {
  const root = join(freshPlace(), "deep", "repo");
  const backend = new LocalBackend(root);
  await backend.create();
  await backend.put(objectRef("packs", 1), patternBytes(10));
  await backend.put(objectRef("config", 0), patternBytes(10));
  await backend.close();
  expect(modeOf(root)).toBe(0o700);
  expect(modeOf(join(root, "packs", "ab"))).toBe(0o700);
  expect(modeOf(join(root, "config"))).toBe(0o400);
  expect(readdirSync(join(root, "tmp"))).toEqual([]);
});

test("a root that is a file, or holds other files, is refused and left alone", async () => {
  const place = freshPlace();
  writeFileSync(join(place, "file"), "mine");
  await expect(new LocalBackend(join(place, "file")).create()).rejects.toMatchObject({
    code: "not-a-directory",
  });
  await expect(new LocalBackend(place).create()).rejects.toMatchObject({ code: "exists" });
  expect(readdirSync(place)).toEqual(["file"]);
  // A repository with a stray file is still one.
  rmSync(join(place, "file"));
  const backend = new LocalBackend(place);
  await backend.create();
  await backend.put(objectRef("config", 0), patternBytes(1));
  writeFileSync(join(place, "notes.txt"), "mine");
  await backend.create();
  await backend.close();
});

test("where there is no repository, every call says so", async () => {
  const place = freshPlace();
  for (const root of [join(place, "absent"), place]) {
    const backend = new LocalBackend(root);
    await expect(backend.read(objectRef("config", 0))).rejects.toMatchObject({
      code: "no-repository",
    });
    await expect(backend.list("packs")).rejects.toMatchObject({ code: "no-repository" });
    expect(await backend.stat(objectRef("config", 0))).toBeUndefined();
  }
  const absent = new LocalBackend(join(place, "absent"));
  await expect(absent.put(objectRef("packs", 1), patternBytes(1))).rejects.toMatchObject({
    code: "no-repository",
  });
  expect(existsSync(join(place, "absent"))).toBe(false);
});

test("a copy that lost its empty directories is read and written", async () => {
  const root = freshPlace();
  writeFileSync(join(root, "config"), "c");
  const backend = new LocalBackend(root);
  expect(await backend.list("packs")).toEqual([]);
  expect(await backend.list("leases")).toEqual([]);
  expect(await backend.put(objectRef("leases", 1), patternBytes(5))).toBe("created");
  rmSync(join(root, "leases"), { recursive: true });
  rmSync(join(root, "tmp"), { recursive: true });
  expect(await backend.put(objectRef("leases", 1), patternBytes(5))).toBe("created");
  await backend.close();
});

test("what a crashed writer left a day ago is removed, what is younger stays", async () => {
  const root = freshPlace();
  mkdirSync(join(root, "tmp"));
  const [old, young, foreign] = [`${"a".repeat(32)}.tmp`, `${"b".repeat(32)}.tmp`, "notes"];
  for (const name of [old, young, foreign]) writeFileSync(join(root, "tmp", name), "");
  const now = Date.now() / 1000;
  for (const name of [old, foreign]) utimesSync(join(root, "tmp", name), now, now - 90_000);
  utimesSync(join(root, "tmp", young), now, now - 80_000);
  const backend = new LocalBackend(root);
  await backend.put(objectRef("keys", 1), patternBytes(1));
  await backend.close();
  expect(readdirSync(join(root, "tmp")).sort()).toEqual([young, foreign].sort());
});

test("an object is synced before it has its name, and its name before put returns", () => {
  const root = freshPlace();
  const log = join(root, "strace.log");
  const repo = join(root, "repo");
  const local = new URL("../../../../engine/storage/node/local.ts", import.meta.url).href;
  const script = `
    import(${JSON.stringify(local)}).then(async ({ LocalBackend }) => {
      const backend = new LocalBackend(${JSON.stringify(repo)});
      await backend.create();
      await backend.put({ kind: "packs", name: "ab".repeat(32) }, new Uint8Array(10));
      await backend.close();
    });`;
  execFileSync("strace", [
    ..."-f -y -e trace=mkdir,mkdirat,link,linkat,fsync,fdatasync,openat,write -o".split(" "),
    log,
    process.execPath,
    "-e",
    script,
  ]);
  const calls = execFileSync("grep", ["-aE", "(mkdir|link|fsync)", log], { encoding: "utf8" })
    .split("\n")
    .map((line) => line.replace(/^\d+ +/, ""))
    .filter((line) => line.includes(root))
    .map((line) =>
      line
        .replaceAll(repo, "R")
        .replaceAll(root, "PARENT")
        .replace(/[0-9a-f]{32}\.tmp/, "T")
        .replaceAll(/(ab){32}/g, "ID"),
    );
  const order = calls.slice(calls.findIndex((line) => line.includes("R/packs/ab")));
  expect(order[0]).toMatch(/^mkdir.*"R\/packs\/ab"/);
  expect(order[1]).toMatch(/^fsync\(\d+<R\/packs>/);
  expect(order[2]).toMatch(/^fsync\(\d+<R\/tmp\/T>/);
  expect(order[3]).toMatch(/^link.*"R\/tmp\/T", .*"R\/packs\/ab\/ID"/);
  expect(order[4]).toMatch(/^fsync\(\d+<R\/packs\/ab>/);
  const made = calls.findIndex((line) => /^mkdir\("R",/.test(line));
  expect(calls[made + 1]).toMatch(/^fsync\(\d+<PARENT>/);
});

test("a failed fsync leaves no object, and is not tried again", () => {
  const root = freshPlace();
  const local = new URL("../../../../engine/storage/node/local.ts", import.meta.url).href;
  const script = `
    import(${JSON.stringify(local)}).then(async ({ LocalBackend }) => {
      const backend = new LocalBackend(${JSON.stringify(root)});
      await backend.create();
      await backend.put({ kind: "keys", name: "ab".repeat(32) }, new Uint8Array(10)).catch(
        (error) => console.log(error.code));
      await backend.close();
    });`;
  // Six directories are made and synced first; the seventh is that of the object.
  const inject = "inject=fsync:error=EIO:when=7+";
  const output = execFileSync(
    "strace",
    ["-f", "-o", join(root, "..", "strace.log"), "-e", inject, process.execPath, "-e", script],
    { encoding: "utf8", env: { ...process.env, UV_THREADPOOL_SIZE: "1" } },
  );
  expect(output.trim()).toBe("io");
  expect(readdirSync(join(root, "keys"))).toEqual([]);
  expect(readdirSync(join(root, "tmp"))).toEqual([]);
});

test("where link(2) is not, an exclusive rename takes its place", async () => {
  vi.resetModules();
  const promises = await vi.importActual<typeof FsPromises>("node:fs/promises");
  vi.doMock("node:fs/promises", () => ({
    ...promises,
    link: () => Promise.reject(Object.assign(new Error("no links"), { code: "EPERM" })),
  }));
  const mocked = await import("../../../../engine/storage/node/durable-put.ts");
  vi.doUnmock("node:fs/promises");
  expect(mocked.durablePut).not.toBe(durablePut);
  const root = freshPlace();
  const rename = (from: string, to: string) => renameExclusive(utf8(from), utf8(to));
  const put = (use: typeof rename, size: number) =>
    mocked.durablePut(
      { temporaryPath: join(root, "t"), path: join(root, "o"), renameExclusive: use },
      patternBytes(size),
    );
  const none = () => {
    throw Object.assign(new Error("not here"), { code: "EINVAL" });
  };
  await expect(put(none, 1)).rejects.toMatchObject({ code: "not-supported" });
  expect(await put(rename, 2)).toBe("created");
  expect(await put(rename, 3)).toBe("exists");
  expect(lstatSync(join(root, "o")).size).toBe(2);
  expect(readdirSync(root)).toEqual(["o"]);
});

test.each([
  ["ENOSPC", "no-space", false],
  ["EDQUOT", "no-space", false],
  ["EACCES", "permission", false],
  ["EROFS", "permission", false],
  ["ENOENT", "missing-object", false],
  ["EIO", "io", false],
  ["ESTALE", "io", true],
  ["EMFILE", "io", true],
] as const)("%s is reported as %s, with the path", (errno, code, retryable) => {
  const cause = Object.assign(new Error("boom"), { code: errno });
  const error = storageError(cause, "write /r/packs/x");
  expect(error).toMatchObject({ code, retryable, cause });
  expect(error.message).toMatch(/^Cannot write \/r\/packs\/x: /);
});

test("a name that is none cannot lead out of the repository", async () => {
  const backend = new LocalBackend(freshPlace());
  await expect(backend.read({ kind: "keys", name: "../../etc/passwd" })).rejects.toMatchObject({
    code: "usage",
  });
});
