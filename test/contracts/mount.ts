/**
 * The contract of mounts: what a program sees of a ReadonlyFs through FUSE, whichever binding shows
 * it. What a binding cannot do it declares with a reason.
 */
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import * as nodeFs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Bytes, findUtf8, utf8 } from "../../engine/base/bytes.ts";
import * as libc from "../../engine/platform/node/libc.ts";
import type { FsEntry } from "../../engine/read/readonly-fs.ts";
import type { MountBinding } from "../../mount/index.ts";
import { modeOf } from "../../mount/attributes.ts";
import {
  type MountProcess,
  cleanUpMount,
  eventually,
  isMounted,
  startMount,
} from "../helpers/mount-process.ts";
import {
  HUGE_BYTES,
  MANY_ENTRIES,
  SPARSE_BYTES,
  SPARSE_HOLES,
  sampleFs,
} from "../helpers/sample-fs.ts";
import { syntheticContent } from "../helpers/memory-fs.ts";

export interface MountLimits {
  /** Times of whole milliseconds from 1970 on; the reason. */
  readonly coarseTimes?: string;
  /** Names that are not UTF-8 come out altered; the reason. */
  readonly utf8Only?: string;
  /** SEEK_HOLE finds no holes; the reason. */
  readonly noHoles?: string;
  /** A read that hangs cannot be interrupted; the reason. */
  readonly noInterrupt?: string;
  /** A mount that is in use counts as closed once it is out of the tree; the reason. */
  readonly closesWhenDetached?: string;
}

const run = promisify(execFile);

function errnoOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

export function mountContract(binding: MountBinding, limits: MountLimits = {}): void {
  const folder = nodeFs.mkdtempSync(join(tmpdir(), "forge-mount-"));
  const mountPoint = join(folder, "mnt with space,comma");
  const sample = sampleFs();
  let server: MountProcess;

  const at = (...parts: readonly (string | Bytes)[]): Buffer =>
    Buffer.concat([utf8(mountPoint), ...parts.flatMap((part) => [utf8("/"), asBytes(part)])]);
  const shown = sample.fixed.filter(
    (entry) => limits.utf8Only === undefined || findUtf8(entry.name) !== undefined,
  );

  beforeAll(async () => {
    nodeFs.mkdirSync(mountPoint);
    server = startMount(mountPoint, { binding });
    await server.next("mounted");
  });

  afterAll(async () => {
    server.child.kill("SIGKILL");
    await server.ended();
    cleanUpMount(mountPoint);
    nodeFs.rmSync(folder, { recursive: true, force: true });
  });

  describe("what is shown", () => {
    test("a directory lists every entry once", () => {
      const names = nodeFs.readdirSync(at("snapshot"), { encoding: "buffer" });
      const wanted = sample.fixed.map((entry) => Buffer.from(entry.name).toString("hex"));
      const found = names.map((name) => name.toString("hex"));
      if (limits.utf8Only === undefined) expect(found.sort()).toEqual(wanted.sort());
      else expect(found.length).toBe(wanted.length);
    });

    test("stat shows every field of every entry", () => {
      for (const entry of shown) {
        const stat = nodeFs.lstatSync(at("snapshot", entry.name), { bigint: true });
        expect(statFields(stat), findUtf8(entry.name)).toEqual(wantedFields(entry, limits));
      }
    });

    test("find visits everything and agrees on the types", async () => {
      const { stdout } = await run("find", [mountPoint + "/snapshot", "-printf", "%y\n"]);
      const types = stdout.trim().split("\n");
      const count = (type: string): number => types.filter((found) => found === type).length;
      expect(count("d")).toBe(4);
      expect(count("l")).toBe(2);
      expect([count("p"), count("s"), count("c"), count("b")]).toEqual([1, 1, 1, 1]);
    });

    test("the inode number of a listing is the one of stat, and hard links share theirs", async () => {
      const { stdout } = await run("ls", ["-i", "-1", "-U", mountPoint + "/snapshot/folder"]);
      for (const line of stdout.trim().split("\n")) {
        const [number, name = ""] = line.trim().split(" ");
        const { ino } = nodeFs.lstatSync(at("snapshot", "folder", name), { bigint: true });
        expect(String(ino)).toBe(number);
      }
      const numbers = shown.map((entry) => {
        return String(nodeFs.lstatSync(at("snapshot", entry.name), { bigint: true }).ino);
      });
      expect(new Set(numbers).size).toBe(shown.length - 1);
      const [one, two] = ["one", "two"].map((name) => nodeFs.lstatSync(at("snapshot", name)));
      expect(one?.ino).toBe(two?.ino);
      expect(one?.nlink).toBe(2);
    });

    test("symlinks are read and followed", () => {
      expect(nodeFs.readlinkSync(at("snapshot", "dangling"), "utf8")).toBe("/no/such/place");
      expect(nodeFs.readFileSync(at("snapshot", "link"), "utf8")).toBe("hello\n");
    });

    test("extended attributes are served, and one that is missing is ENODATA", () => {
      const path = new Uint8Array(at("snapshot", "with-xattrs"));
      expect(libc.llistxattr(path).map((name) => findUtf8(name))).toEqual([
        "user.bytes",
        "user.empty",
        "user.text",
      ]);
      expect([...libc.lgetxattr(path, utf8("user.bytes"))]).toEqual([0, 255, 1]);
      expect([...libc.lgetxattr(path, utf8("user.empty"))]).toEqual([]);
      expect(errnoOf(() => libc.lgetxattr(path, utf8("user.none")))).toBe("ENODATA");
      expect(libc.llistxattr(new Uint8Array(at("snapshot", "plain.txt")))).toEqual([]);
    });

    test("statfs shows the totals", () => {
      const found = nodeFs.statfsSync(mountPoint);
      const { bytes, entries } = sample.fs.totals;
      expect(found.blocks).toBe(Math.ceil(bytes / found.bsize));
      expect(found.files).toBe(entries);
      expect(found.bavail).toBe(0);
    });

    test("a directory of 100,000 entries is listed whole", async () => {
      const { stdout } = await run("ls", ["-U", mountPoint + "/many"], { maxBuffer: 2 ** 25 });
      const names = stdout.trim().split("\n");
      expect(names.length).toBe(MANY_ENTRIES);
      expect(new Set(names).size).toBe(MANY_ENTRIES);
      expect(nodeFs.readFileSync(at("many", "file-99999"), "utf8")).toBe("x");
    });

    test("a name that does not exist is ENOENT, twice", () => {
      for (const parts of [["snapshot", "none"], ["live", "none"], ["none"]]) {
        expect(errnoOf(() => nodeFs.lstatSync(at(...parts)))).toBe("ENOENT");
        expect(errnoOf(() => nodeFs.lstatSync(at(...parts)))).toBe("ENOENT");
      }
    });
  });

  describe("reading", () => {
    test("every file has its content", async () => {
      for (const entry of shown) {
        if (entry.type !== "file" || entry.attributes.sizeBytes > 2 ** 24) continue;
        const wanted = await entry.read({ offset: 0, length: entry.attributes.sizeBytes });
        const found = nodeFs.readFileSync(at("snapshot", entry.name));
        expect(sha256(found), findUtf8(entry.name)).toBe(sha256(wanted));
      }
    });

    test("ranges of a file of 6 GiB, around 2 and 4 GiB and at its end, are right", async () => {
      const fd = nodeFs.openSync(at("snapshot", "huge"), "r");
      const content = syntheticContent(HUGE_BYTES);
      const offsets = [0, 1, 4095, 2 ** 31 - 7, 2 ** 32 - 3, 2 ** 32 + 12_345, HUGE_BYTES - 11];
      for (let i = 1; i <= 40; i++) offsets.push((i * 2_654_435_761) % HUGE_BYTES);
      try {
        for (const offset of offsets) {
          const length = Math.min(70_001, HUGE_BYTES - offset);
          const found = new Uint8Array(70_001);
          expect(nodeFs.readSync(fd, found, 0, found.length, offset)).toBe(length);
          const wanted = await content.read({ offset, length });
          expect(Buffer.compare(found.subarray(0, length), wanted), `at ${offset}`).toBe(0);
        }
        expect(nodeFs.readSync(fd, new Uint8Array(10), 0, 10, HUGE_BYTES)).toBe(0);
      } finally {
        nodeFs.closeSync(fd);
      }
    });

    test("eight programs read at once and all get the same", async () => {
      const path = mountPoint + "/snapshot/random.bin";
      const sums = await Promise.all(
        Array.from({ length: 8 }, async () => (await run("md5sum", ["-b", path])).stdout),
      );
      expect(new Set(sums).size).toBe(1);
    });

    test.skipIf(limits.noHoles)("holes are found by SEEK_HOLE and SEEK_DATA", () => {
      const fd = nodeFs.openSync(at("snapshot", "sparse"), "r");
      const [first, second] = SPARSE_HOLES;
      if (first === undefined || second === undefined) throw new Error("no holes");
      try {
        expect(libc.seekHole(fd, 0)).toBe(first.offset);
        expect(libc.seekData(fd, first.offset)).toBe(first.offset + first.length);
        expect(libc.seekHole(fd, first.offset + first.length)).toBe(second.offset);
        expect(libc.seekData(fd, second.offset)).toBeUndefined();
        expect(libc.seekHole(fd, SPARSE_BYTES)).toBeUndefined();
      } finally {
        nodeFs.closeSync(fd);
      }
    });

    test("content that cannot be read is EIO, never zeros, and is reported with its path", async () => {
      for (const name of ["corrupt", "short"]) {
        expect(errnoOf(() => nodeFs.readFileSync(at("broken", name)))).toBe("EIO");
      }
      const report = await server.next("error");
      expect(report).toMatchObject({ code: "corrupt" });
      expect(report.message).toContain("/broken/corrupt");
    });

    test.skipIf(limits.noInterrupt)("a program that hangs in a read can be killed", async () => {
      const cat = spawn("cat", [mountPoint + "/broken/stuck"], { stdio: "ignore" });
      await once(cat, "spawn");
      await eventually(() => isSleepingIn(cat.pid) || undefined, "cat to wait for its read");
      cat.kill("SIGTERM");
      const [, signal] = (await once(cat, "exit")) as unknown[];
      expect(signal).toBe("SIGTERM");
    });
  });

  test("everything that would change something is EROFS", () => {
    const path = at("snapshot", "plain.txt");
    const attempts: readonly (() => unknown)[] = [
      () => nodeFs.writeFileSync(path, "new"),
      () => nodeFs.openSync(path, "r+"),
      () => nodeFs.writeFileSync(at("snapshot", "new"), "new"),
      () => nodeFs.mkdirSync(at("new")),
      () => nodeFs.unlinkSync(path),
      () => nodeFs.rmdirSync(at("snapshot", "folder")),
      () => nodeFs.renameSync(path, at("snapshot", "other")),
      () => nodeFs.linkSync(path, at("snapshot", "other")),
      () => nodeFs.symlinkSync("x", at("snapshot", "other")),
      () => nodeFs.chmodSync(path, 0o600),
      () => nodeFs.utimesSync(path, 1, 1),
      () => nodeFs.truncateSync(path.toString(), 1),
      () => libc.lsetxattr(new Uint8Array(path), utf8("user.new"), utf8("x")),
    ];
    for (const attempt of attempts) expect(errnoOf(attempt), String(attempt)).toBe("EROFS");
  });

  test("a new snapshot appears, and `latest` points at it, without a new mount", async () => {
    const latest = (): string => nodeFs.readFileSync(at("live", "latest", "note.txt"), "utf8");
    expect(latest()).toBe("this is first\n");
    expect(nodeFs.readdirSync(at("live"))).toEqual(["first", "latest"]);
    server.send("add second");
    await server.next("added");
    await eventually(() => latest() === "this is second\n" || undefined, "the new snapshot");
    await eventually(
      () => nodeFs.readdirSync(at("live")).join() === "first,latest,second" || undefined,
      "its name in the listing",
    );
    expect(nodeFs.readFileSync(at("live", "first", "note.txt"), "utf8")).toBe("this is first\n");
  });

  describe("the life of a mount", () => {
    const other = join(folder, "other");
    let life: MountProcess | undefined;

    async function mountOther(): Promise<MountProcess> {
      nodeFs.mkdirSync(other, { recursive: true });
      life = startMount(other, { binding });
      await life.next("mounted");
      return life;
    }

    afterAll(async () => {
      life?.child.kill("SIGKILL");
      await life?.ended();
      cleanUpMount(other);
    });

    test("a mount in use is not unmounted, but detached on request, and says so", async () => {
      const mount = await mountOther();
      const fd = nodeFs.openSync(join(other, "snapshot/random.bin"), "r");
      try {
        mount.send("unmount");
        const refusal = await mount.next("failed", "unmounted", "detached");
        expect(refusal).toMatchObject({ event: "failed", code: "io" });
        expect(refusal.message).toContain("still use it");
        expect(isMounted(other)).toBe(true);
        mount.send("unmount-lazy");
        await mount.next("detached");
        expect(isMounted(other)).toBe(false);
        const served = new Uint8Array(100);
        expect(nodeFs.readSync(fd, served, 0, 100, 2_000_000)).toBe(100);
        if (limits.closesWhenDetached === undefined) {
          expect(mount.messages.some((message) => message.event === "closed")).toBe(false);
        }
      } finally {
        nodeFs.closeSync(fd);
      }
      await eventually(
        () => mount.messages.some((message) => message.event === "closed") || undefined,
        "the end of the detached mount",
      );
      mount.send("exit");
      expect(await mount.ended()).toBe(0);
    });

    test("an unmount by somebody else ends it", async () => {
      const mount = await mountOther();
      if (process.geteuid?.() === 0) await run("umount", [other]);
      else await run("fusermount3", ["-u", other]);
      await mount.next("closed");
      mount.send("exit");
      expect(await mount.ended()).toBe(0);
    });

    test("a second mount at the same place is refused", async () => {
      const mount = await mountOther();
      const second = startMount(other, { binding });
      expect(await second.next("failed", "mounted")).toMatchObject({ code: "exists" });
      mount.send("unmount");
      await mount.next("unmounted");
      mount.send("exit");
      expect(await mount.ended()).toBe(0);
    });

    test("process.exit() while mounted ends the process and the mount", async () => {
      const mount = await mountOther();
      mount.send("exit");
      expect(await mount.ended()).toBe(0);
      await eventually(() => !isMounted(other) || undefined, "the mount to go");
    });

    test("kill -9 of the server leaves no dead mount", async () => {
      const mount = await mountOther();
      mount.child.kill("SIGKILL");
      expect(await mount.ended()).toBe("SIGKILL");
      await eventually(() => !isMounted(other) || undefined, "the watchdog to unmount");
      expect(nodeFs.readdirSync(other)).toEqual([]);
    });
  });
}

function asBytes(part: string | Bytes): Uint8Array {
  return typeof part === "string" ? utf8(part) : part;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function statFields(stat: nodeFs.BigIntStats): object {
  const { mode, uid, gid, size, blocks, nlink, rdev, atimeNs, mtimeNs, ctimeNs } = stat;
  return { mode, uid, gid, size, blocks, nlink, rdev, atimeNs, mtimeNs, ctimeNs };
}

function wantedFields(entry: FsEntry, limits: MountLimits): object {
  const { attributes } = entry;
  const time = (timeNs: bigint): bigint => {
    if (limits.coarseTimes === undefined) return timeNs;
    return timeNs < 0n ? 0n : timeNs - (timeNs % 1_000_000n);
  };
  return {
    mode: BigInt(modeOf(entry)),
    uid: BigInt(attributes.uid),
    gid: BigInt(attributes.gid),
    size: BigInt(attributes.sizeBytes),
    blocks: BigInt(attributes.blocks512),
    nlink: BigInt(attributes.linkCount),
    rdev: libc.makeDevice(attributes.deviceMajor, attributes.deviceMinor),
    atimeNs: time(attributes.atimeNs ?? attributes.mtimeNs),
    mtimeNs: time(attributes.mtimeNs),
    ctimeNs: time(attributes.ctimeNs),
  };
}

/** Whether a process waits in the kernel, in state S or D, after it has started to run. */
function isSleepingIn(pid: number | undefined): boolean {
  const syscall = nodeFs.readFileSync(`/proc/${pid ?? 0}/wchan`, "utf8");
  return /fuse|folio|request_wait|io_schedule/.test(syscall);
}
