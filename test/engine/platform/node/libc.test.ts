import { execFileSync, spawn } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toHex, utf8, type Bytes } from "../../../../engine/base/bytes.ts";
import { errnoCodeOf } from "../../../../engine/base/errno-code.ts";
import { ErrnoError } from "../../../../engine/platform/node/errno-error.ts";
import * as libc from "../../../../engine/platform/node/libc.ts";

const asRoot = process.geteuid?.() === 0;
let dir = "";
let dirfd = -1;

beforeAll(() => {
  dir = mkdtempSync(join(process.env["TMPDIR"] ?? "/tmp", "forge-libc-"));
  dirfd = openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY);
});

afterAll(() => {
  closeSync(dirfd);
  rmSync(dir, { recursive: true, force: true });
});

function codeOf(call: () => unknown): string | undefined {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(ErrnoError);
    return errnoCodeOf(error);
  }
  return undefined;
}

function stat(format: string, name: string): string {
  return execFileSync("stat", ["-c", format, join(dir, name)], { encoding: "utf8" }).trim();
}

function texts(names: readonly Bytes[]): string[] {
  return names.map((name) => Buffer.from(name).toString("latin1")).sort();
}

describe("xattrs", () => {
  test("what setfattr wrote is read, and getfattr reads what was set", () => {
    const path = join(dir, "x");
    writeFileSync(path, "x");
    const fd = openSync(path, "r");
    expect(libc.flistxattr(fd)).toEqual([]);
    expect(libc.llistxattr(utf8(path))).toEqual([]);
    execFileSync("setfattr", ["-n", "user.one", "-v", "0x00ff10", path]);
    expect(texts(libc.flistxattr(fd))).toEqual(["user.one"]);
    expect(toHex(libc.fgetxattr(fd, utf8("user.one")))).toBe("00ff10");
    libc.fsetxattr(fd, utf8("user.two"), new Uint8Array([1, 2, 0, 255]));
    libc.lsetxattr(utf8(path), utf8("user.none"), new Uint8Array(0));
    const dump = execFileSync(
      "getfattr",
      ["--absolute-names", "-d", "-m", "-", "-e", "hex", path],
      {
        encoding: "utf8",
      },
    );
    expect(dump).toContain("user.two=0x010200ff");
    expect(dump).toContain("user.none");
    expect(libc.lgetxattr(utf8(path), utf8("user.none"))).toEqual(new Uint8Array(0));
    expect(texts(libc.llistxattr(utf8(path)))).toEqual(["user.none", "user.one", "user.two"]);
    libc.fremovexattr(fd, utf8("user.one"));
    libc.lremovexattr(utf8(path), utf8("user.two"));
    expect(texts(libc.flistxattr(fd))).toEqual(["user.none"]);
    closeSync(fd);
  });

  test("names that are not UTF-8 survive", () => {
    const path = utf8(join(dir, "odd"));
    writeFileSync(Buffer.from(path), "");
    const name = new Uint8Array([...utf8("user."), 0xff, 0x0a, 0x80]);
    libc.lsetxattr(path, name, utf8("v"));
    expect(libc.llistxattr(path)).toEqual([name]);
    expect(libc.lgetxattr(path, name)).toEqual(utf8("v"));
  });

  test("an absent attribute is ENODATA, an absent file ENOENT", () => {
    const path = utf8(join(dir, "x"));
    expect(codeOf(() => libc.lgetxattr(path, utf8("user.absent")))).toBe("ENODATA");
    expect(codeOf(() => libc.llistxattr(utf8(join(dir, "absent"))))).toBe("ENOENT");
    expect(
      codeOf(() => libc.lsetxattr(path, utf8("user.none"), utf8("1"), libc.XATTR_CREATE)),
    ).toBe("EEXIST");
  });

  test.runIf(asRoot)("those of a symlink are its own, also relative to a directory", () => {
    symlinkSync("x", join(dir, "link"));
    const path = utf8(`/proc/self/fd/${dirfd}/link`);
    libc.lsetxattr(path, utf8("trusted.mine"), utf8("of the link"));
    expect(texts(libc.llistxattr(path))).toEqual(["trusted.mine"]);
    expect(
      execFileSync(
        "getfattr",
        ["--absolute-names", "-h", "--only-values", "-n", "trusted.mine", join(dir, "link")],
        {
          encoding: "utf8",
        },
      ),
    ).toBe("of the link");
    expect(codeOf(() => libc.lgetxattr(utf8(join(dir, "x")), utf8("trusted.mine")))).toBe(
      "ENODATA",
    );
  });

  test("a path beyond PATH_MAX and a NUL inside are refused before the call", () => {
    expect(codeOf(() => libc.llistxattr(new Uint8Array(5000).fill(65)))).toBe("ENAMETOOLONG");
    expect(codeOf(() => libc.llistxattr(new Uint8Array([65, 0, 65])))).toBe("EINVAL");
  });

  test.runIf(existsSync("/dev/shm"))(
    "a value of 64 KiB passes where the file system takes it",
    () => {
      const place = mkdtempSync("/dev/shm/forge-libc-");
      try {
        writeFileSync(join(place, "big"), "");
        const value = new Uint8Array(libc.XATTR_SIZE_MAX).map((_, i) => i % 251);
        const path = utf8(join(place, "big"));
        const code = codeOf(() => libc.lsetxattr(path, utf8("trusted.big"), value));
        if (code === undefined) expect(libc.lgetxattr(path, utf8("trusted.big"))).toEqual(value);
        else expect(["EPERM", "ENOTSUP", "ENOSPC"]).toContain(code);
      } finally {
        rmSync(place, { recursive: true });
      }
    },
  );
});

describe("holes", () => {
  test("data and holes of a file of 1 TiB are found at 64-bit offsets", () => {
    const fd = openSync(join(dir, "sparse"), "w+");
    const far = 2 ** 39;
    ftruncateSync(fd, 2 ** 40);
    writeSync(fd, new Uint8Array(4096).fill(1), 0, 4096, far);
    expect(libc.seekData(fd, 0)).toBe(far);
    expect(libc.seekHole(fd, far)).toBe(far + 4096);
    expect(libc.seekHole(fd, 0)).toBe(0);
    expect(libc.seekData(fd, far + 4096)).toBeUndefined();
    expect(libc.seekData(fd, 2 ** 40)).toBeUndefined();
    libc.fallocate(fd, libc.FALLOC_FL_PUNCH_HOLE | libc.FALLOC_FL_KEEP_SIZE, far, 4096);
    expect(libc.seekData(fd, 0)).toBeUndefined();
    closeSync(fd);
    expect(codeOf(() => libc.seekData(fd, 0))).toBe("EBADF");
  });
});

describe("relative to a directory", () => {
  test("files, directories, symlinks and hard links are made with names as bytes", () => {
    const name = new Uint8Array([0xff, 0x0a, 0x5c]);
    const fd = libc.openat(
      dirfd,
      name,
      constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY,
      0o640,
    );
    writeSync(fd, "inside");
    closeSync(fd);
    const path = Buffer.concat([Buffer.from(`${dir}/`), name]);
    expect(readFileSync(path, "utf8")).toBe("inside");
    expect(codeOf(() => libc.openat(dirfd, name, constants.O_CREAT | constants.O_EXCL))).toBe(
      "EEXIST",
    );
    libc.linkat(dirfd, name, dirfd, utf8("hard"));
    expect(lstatSync(path).nlink).toBe(2);
    libc.mkdirat(dirfd, utf8("sub"), 0o750);
    expect(stat("%F %a", "sub")).toBe("directory 750");
    libc.symlinkat(new Uint8Array([0xfe, 0x2f, 0x61]), dirfd, utf8("sym"));
    expect(execFileSync("readlink", ["-n", join(dir, "sym")])).toEqual(
      Buffer.from([0xfe, 0x2f, 0x61]),
    );
    expect(codeOf(() => libc.openat(dirfd, utf8("sym"), libc.O_NOFOLLOW))).toBe("ELOOP");
    expect(codeOf(() => libc.unlinkat(dirfd, utf8("sub")))).toBe("EISDIR");
    libc.unlinkat(dirfd, utf8("sub"), libc.AT_REMOVEDIR);
    libc.unlinkat(dirfd, name);
    expect(lstatSync(join(dir, "hard")).nlink).toBe(1);
  });

  test("fifos, sockets and devices with large numbers are made as they are meant", () => {
    libc.mknodat(dirfd, utf8("fifo"), constants.S_IFIFO | 0o600);
    libc.mknodat(dirfd, utf8("sock"), constants.S_IFSOCK | 0o600);
    expect(stat("%F", "fifo")).toBe("fifo");
    expect(stat("%F", "sock")).toBe("socket");
    if (!asRoot) return;
    // The kernel keeps 12 bits of major and 20 bits of minor.
    libc.mknodat(dirfd, utf8("block"), constants.S_IFBLK | 0o600, { major: 4095, minor: 1048575 });
    expect(stat("%F %t %T", "block")).toBe("block special file fff fffff");
    const rdev = lstatSync(join(dir, "block"), { bigint: true }).rdev;
    expect(libc.splitDevice(rdev)).toEqual({ major: 4095, minor: 1048575 });
  });

  test("device numbers of 32 bits each survive joining and splitting", () => {
    for (const device of [
      { major: 0, minor: 0 },
      { major: 0xffffffff, minor: 0xffffffff },
      { major: 0x12345678, minor: 0x9abcdef0 },
    ]) {
      expect(libc.splitDevice(libc.makeDevice(device.major, device.minor))).toEqual(device);
    }
    expect(libc.makeDevice(8, 17)).toBe(0x811n);
  });

  test("renaming without replacing tells that the name is taken", () => {
    writeFileSync(join(dir, "from"), "1");
    writeFileSync(join(dir, "to"), "2");
    const rename = (to: string) =>
      libc.renameat2(dirfd, utf8("from"), dirfd, utf8(to), libc.RENAME_NOREPLACE);
    expect(codeOf(() => rename("to"))).toBe("EEXIST");
    rename("free");
    expect(readFileSync(join(dir, "free"), "utf8")).toBe("1");
  });

  test("modes are set on names and descriptors' files, and never through a symlink", () => {
    writeFileSync(join(dir, "mode"), "");
    symlinkSync("mode", join(dir, "to-mode"));
    libc.fchmodat(dirfd, utf8("mode"), 0o6751);
    expect(stat("%a", "mode")).toBe("6751");
    expect(codeOf(() => libc.fchmodat(dirfd, utf8("to-mode"), 0o777))).toBe("ENOTSUP");
    expect(stat("%a", "mode")).toBe("6751");
  });

  test.runIf(asRoot)("an owner is set on the symlink itself", () => {
    writeFileSync(join(dir, "owned"), "");
    symlinkSync("owned", join(dir, "to-owned"));
    libc.fchownat(dirfd, utf8("to-owned"), 12345, 4294967294);
    expect(stat("%u %g", "to-owned")).toBe("12345 4294967294");
    expect(stat("%u %g", "owned")).toBe("0 0");
  });

  test("times are exact to the nanosecond, before 1970 and after 2038 too", () => {
    writeFileSync(join(dir, "times"), "");
    symlinkSync("times", join(dir, "to-times"));
    const name = utf8("times");
    libc.utimensat(dirfd, name, -1n, 4_000_000_000_123_456_789n);
    const exact = lstatSync(join(dir, "times"), { bigint: true });
    expect([exact.atimeNs, exact.mtimeNs]).toEqual([-1n, 4_000_000_000_123_456_789n]);
    // Seconds floored, nanoseconds counted forwards: what `stat` shows as …:59.999999999.
    expect(stat("%X", "times")).toBe("-1");
    libc.utimensat(dirfd, utf8("to-times"), 5n, -1_500_000_000n);
    expect(lstatSync(join(dir, "to-times"), { bigint: true }).mtimeNs).toBe(-1_500_000_000n);
    expect(lstatSync(join(dir, "times"), { bigint: true }).mtimeNs).toBe(exact.mtimeNs);
    const fd = openSync(join(dir, "times"), "r");
    libc.utimensat(fd, null, "omit", 1_000_000_001n);
    closeSync(fd);
    const after = lstatSync(join(dir, "times"), { bigint: true });
    expect([after.atimeNs, after.mtimeNs]).toEqual([-1n, 1_000_000_001n]);
    libc.utimensat(dirfd, name, "omit", "now");
    expect(Math.abs(lstatSync(join(dir, "times")).mtimeMs - Date.now())).toBeLessThan(60_000);
  });
});

describe("descriptors", () => {
  test("a pipe carries bytes and is closed on exec", () => {
    const [reading, writing] = libc.pipe();
    writeSync(writing, "through");
    const bytes = Buffer.alloc(7);
    expect(readSync(reading, bytes)).toBe(7);
    expect(bytes.toString()).toBe("through");
    expect(readFileSync(`/proc/self/fdinfo/${reading}`, "utf8")).toMatch(/flags:\s+02\d{6}/);
    closeSync(reading);
    closeSync(writing);
  });

  const sender = `
import array, os, socket, sys
s = socket.socket(fileno=3)
fd = os.open(sys.argv[1], os.O_RDONLY)
s.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
`;

  test("a descriptor sent by another process is received", async () => {
    writeFileSync(join(dir, "sent"), "the file that was sent");
    const [ours, theirs] = libc.socketPair();
    expect(codeOf(() => libc.receiveFd(ours, { wait: false }))).toBe("EAGAIN");
    const child = spawn("python3", ["-c", sender, join(dir, "sent")], {
      stdio: ["ignore", "inherit", "inherit", theirs],
    });
    closeSync(theirs);
    await new Promise((resolve) => child.once("exit", resolve));
    const fd = libc.receiveFd(ours);
    expect(fd).toBeGreaterThan(2);
    if (fd !== undefined) {
      expect(readFileSync(fd, "utf8")).toBe("the file that was sent");
      closeSync(fd);
    }
    // The sender is gone: the end is told, not waited for.
    expect(libc.receiveFd(ours)).toBeUndefined();
    closeSync(ours);
  });
});

describe("owner names", () => {
  test("are those of the name service", () => {
    expect(libc.userNameOf(0)).toBe("root");
    expect(libc.groupNameOf(0)).toBe("root");
    for (const [database, lookup] of [
      ["passwd", libc.userNameOf],
      ["group", libc.groupNameOf],
    ] as const) {
      const lines = execFileSync("getent", [database], { encoding: "utf8" }).trim().split("\n");
      for (const line of lines) {
        const [name, , id] = line.split(":");
        expect(lookup(Number(id))).toBe(name);
      }
    }
    expect(libc.userNameOf(3_999_999_999)).toBe("");
    expect(libc.groupNameOf(3_999_999_999)).toBe("");
  });
});

test.runIf(asRoot)("mounting and unmounting reach the kernel", () => {
  const target = join(dir, "mounted");
  mkdirSync(target);
  libc.mount({
    source: utf8("none"),
    target: utf8(target),
    type: utf8("tmpfs"),
    flags: libc.MS_NOSUID | libc.MS_NODEV,
    data: utf8("size=64k"),
  });
  expect(readFileSync("/proc/mounts", "utf8")).toMatch(`${target} tmpfs rw,nosuid,nodev`);
  libc.umount2(utf8(target), libc.MNT_DETACH);
  expect(readFileSync("/proc/mounts", "utf8")).not.toContain(target);
  expect(codeOf(() => libc.umount2(utf8(target), 0))).toBe("EINVAL");
});

test("it works in a worker thread beside the main thread", async () => {
  const url = new URL("../../../../engine/platform/node/libc.ts", import.meta.url).href;
  const code = `
    const { parentPort } = require("node:worker_threads");
    import(${JSON.stringify(url)}).then((libc) => parentPort.postMessage(libc.userNameOf(0)));`;
  const answers = await Promise.all(
    [1, 2].map(
      () =>
        new Promise((resolve, reject) => {
          const worker = new Worker(code, { eval: true });
          worker.once("message", resolve);
          worker.once("error", reject);
        }),
    ),
  );
  expect(answers).toEqual(["root", "root"]);
  expect(libc.userNameOf(0)).toBe("root");
});
