/** What cannot be seen from outside a mount: single requests against an Operations. */
import { expect, test } from "vitest";
import { type Bytes, concatBytes, lossyUtf8, utf8 } from "../../../engine/base/bytes.ts";
import type { FsDirectory } from "../../../engine/read/readonly-fs.ts";
import { Operations } from "../../../mount/kernel/operations.ts";
import { INIT_FLAG, OPCODE } from "../../../mount/kernel/protocol.ts";
import type { Channel } from "../../../mount/kernel/session.ts";
import { directory, file, liveDirectory, memoryFs } from "../../helpers/memory-fs.ts";

const ROOT = 1;
const NUL = new Uint8Array(1);

interface Answer {
  readonly errno: number;
  readonly body: Bytes;
}

/** A kernel that asks one thing at a time. */
class Kernel {
  readonly #operations: Operations;
  #unique = 0n;
  /** The program that asked is gone: every answer is lost. */
  isDeaf = false;

  constructor(root: FsDirectory, allowOther = false, xattrs = true) {
    this.#operations = new Operations(memoryFs(root), {
      allowOther,
      xattrs,
      attributeSeconds: 1,
      prefetchBytesMax: 1,
      onError: () => undefined,
    });
  }

  async ask(opcode: number, nodeId: number, body: Bytes): Promise<Answer> {
    return await new Promise((resolve) => {
      const channel: Channel = {
        reply: (_, bytes) => {
          resolve({ errno: 0, body: new Uint8Array(bytes) });
          return !this.isDeaf;
        },
        replyError: (_, errno) => resolve({ errno, body: new Uint8Array(0) }),
      };
      this.#operations.handle({ opcode, unique: ++this.#unique, nodeId, body }, channel);
    });
  }

  async lookup(parent: number, name: string): Promise<number> {
    const { errno, body } = await this.ask(OPCODE.lookup, parent, concatBytes([utf8(name), NUL]));
    return errno === 0 ? Number(new DataView(body.buffer).getBigUint64(0, true)) : -errno;
  }

  async getxattr(nodeId: number, name: string, sizeBytes: number): Promise<Answer> {
    const head = new Uint8Array(8);
    new DataView(head.buffer).setUint32(0, sizeBytes, true);
    return await this.ask(OPCODE.getxattr, nodeId, concatBytes([head, utf8(name), NUL]));
  }

  /** All of a directory by READDIR or READDIRPLUS, in answers of at most `sizeBytes`. */
  async list(opcode: number, nodeId: number, sizeBytes: number): Promise<readonly string[]> {
    const opened = await this.ask(OPCODE.opendir, nodeId, new Uint8Array(8));
    const handle = new DataView(opened.body.buffer).getBigUint64(0, true);
    const names: string[] = [];
    for (let offset = 0n; ;) {
      const request = new Uint8Array(40);
      const view = new DataView(request.buffer);
      view.setBigUint64(0, handle, true);
      view.setBigUint64(8, offset, true);
      view.setUint32(16, sizeBytes, true);
      const { errno, body } = await this.ask(opcode, nodeId, request);
      expect(errno).toBe(0);
      expect(body.length).toBeLessThanOrEqual(sizeBytes);
      if (body.length === 0) return names;
      const out = new DataView(body.buffer);
      for (let at = 0; at < body.length;) {
        const entry = at + (opcode === OPCODE.readdirplus ? 128 : 0);
        const length = out.getUint32(entry + 16, true);
        names.push(lossyUtf8(body.subarray(entry + 24, entry + 24 + length)));
        offset = out.getBigUint64(entry + 8, true);
        at = entry + 24 + Math.ceil(length / 8) * 8;
      }
    }
  }
}

const XATTRS = { xattrs: { "user.a": "12345" } };
const root = directory("", [file("plain", "x"), file("rich", "x", XATTRS), directory("d", [])]);

test("an xattr is measured with size 0, and too little room is ERANGE", async () => {
  const kernel = new Kernel(root);
  const id = await kernel.lookup(ROOT, "rich");
  const measured = await kernel.getxattr(id, "user.a", 0);
  expect(new DataView(measured.body.buffer).getUint32(0, true)).toBe(5);
  expect((await kernel.getxattr(id, "user.a", 4)).errno).toBe(34);
  expect(lossyUtf8((await kernel.getxattr(id, "user.a", 5)).body)).toBe("12345");
});

test("an ACL that no file in the directory has is 'not supported', so that ls stops asking", async () => {
  const acl = "system.posix_acl_access";
  const plain = new Kernel(root);
  expect((await plain.getxattr(await plain.lookup(ROOT, "plain"), acl, 0)).errno).toBe(95);
  expect((await plain.getxattr(await plain.lookup(ROOT, "plain"), "user.x", 0)).errno).toBe(61);

  const withAcl = directory("", [file("a", ""), file("b", "", { xattrs: { [acl]: "x" } })]);
  const rich = new Kernel(withAcl);
  await rich.lookup(ROOT, "b");
  expect((await rich.getxattr(await rich.lookup(ROOT, "a"), acl, 0)).errno).toBe(61);

  // The kernel enforces ACLs here: "not supported" would be taken for a failure.
  const enforced = new Kernel(root, true);
  expect((await enforced.getxattr(await enforced.lookup(ROOT, "plain"), acl, 0)).errno).toBe(61);
});

test("without extended attributes the kernel is told never to ask again", async () => {
  const kernel = new Kernel(root, false, false);
  const id = await kernel.lookup(ROOT, "rich");
  expect((await kernel.getxattr(id, "user.a", 100)).errno).toBe(38);
  expect((await kernel.ask(OPCODE.listxattr, id, new Uint8Array(8))).errno).toBe(38);
});

test("a directory comes in answers of any size, by READDIR as by READDIRPLUS", async () => {
  const names = Array.from({ length: 500 }, (_, i) => `entry-${i}-${"x".repeat(i % 40)}`);
  const children = names.map((name) => file(name, ""));
  const kernel = new Kernel(directory("", children, { pageEntries: 7 }));
  for (const opcode of [OPCODE.readdir, OPCODE.readdirplus]) {
    for (const sizeBytes of [512, 4096, 1_048_576]) {
      const found = await kernel.list(opcode, ROOT, sizeBytes);
      expect(found).toEqual([".", "..", ...names.sort()]);
    }
  }
});

test("several programs that read one directory at a time get each entry once", async () => {
  const names = Array.from({ length: 300 }, (_, i) => `entry-${i}`);
  const children = names.map((name) => file(name, ""));
  const kernel = new Kernel(directory("", children, { pageEntries: 7 }));
  const sizes = [512, 700, 4096, 512];
  const lists = await Promise.all(sizes.map((size) => kernel.list(OPCODE.readdir, ROOT, size)));
  for (const list of lists) expect(list).toEqual([".", "..", ...names.sort()]);
});

test("a directory that was replaced while it was listed is listed as it is", async () => {
  const filled = (...names: string[]): FsDirectory =>
    liveDirectory("x", () => names.map((name) => file(name, "")));
  let x = filled("old-1", "old-2", "old-3");
  const kernel = new Kernel(liveDirectory("", () => [x]));
  const id = await kernel.lookup(ROOT, "x");
  // Room for one entry beside `.` and `..`.
  const request = new Uint8Array(40);
  new DataView(request.buffer).setUint32(16, 100, true);
  expect((await kernel.ask(OPCODE.readdir, id, request)).body.length).toBeGreaterThan(0);
  x = filled("new");
  expect(await kernel.lookup(ROOT, "x")).toBe(id);
  expect(await kernel.list(OPCODE.readdir, id, 4096)).toEqual([".", "..", "new"]);
});

test("the kernel is told to open directories by itself, if it looks at their times", async () => {
  const opened = async (flags: number): Promise<number> => {
    const kernel = new Kernel(root);
    const init = new Uint8Array(64);
    new DataView(init.buffer).setUint32(0, 7, true);
    new DataView(init.buffer).setUint32(4, 38, true);
    new DataView(init.buffer).setUint32(12, flags, true);
    expect((await kernel.ask(OPCODE.init, 0, init)).errno).toBe(0);
    return (await kernel.ask(OPCODE.opendir, ROOT, new Uint8Array(8))).errno;
  };
  const { noOpendirSupport, autoInvalidateData } = INIT_FLAG;
  expect(await opened(noOpendirSupport | autoInvalidateData)).toBe(38);
  expect(await opened(noOpendirSupport)).toBe(0);
  expect(await opened(autoInvalidateData)).toBe(0);
});

/** A root whose attributes change when they are refreshed, as far as that ends. */
function changingRoot(refreshed: Promise<void>): FsDirectory {
  let { attributes } = root;
  return {
    ...directory("", []),
    immutable: false,
    get attributes() {
      return attributes;
    },
    refresh: () =>
      refreshed.then(() => {
        attributes = { ...attributes, mtimeNs: 77_000_000_000n };
      }),
  };
}

test("the attributes of a directory that changes are those of now", async () => {
  // fuse_attr_out: validity (16), then ino, size, blocks, atime and mtime.
  const mtimeOf = async (refreshed: Promise<void>): Promise<bigint> => {
    const kernel = new Kernel(changingRoot(refreshed));
    const { body } = await kernel.ask(OPCODE.getattr, ROOT, new Uint8Array(16));
    return new DataView(body.buffer).getBigUint64(16 + 32, true);
  };
  expect(await mtimeOf(Promise.resolve())).toBe(77n);
  // A storage that hangs does not keep anybody from seeing the folder as it was.
  expect(await mtimeOf(new Promise(() => undefined))).toBe(root.attributes.mtimeNs / 10n ** 9n);
});

test("lookups whose answer nobody received are not counted", async () => {
  const kernel = new Kernel(root);
  kernel.isDeaf = true;
  const id = await kernel.lookup(ROOT, "plain");
  kernel.isDeaf = false;
  expect((await kernel.ask(OPCODE.getattr, id, new Uint8Array(16))).errno).toBe(2);
  expect(await kernel.lookup(ROOT, "plain")).toBeGreaterThan(id);
});

test("a name that an unchanging directory lacks is answered with an entry without a node", async () => {
  expect(await new Kernel(root).lookup(ROOT, "none")).toBe(0);
});

test("what would change something is EROFS, what the kernel can do itself ENOSYS", async () => {
  const kernel = new Kernel(root);
  const nothing = new Uint8Array(0);
  for (const opcode of [4, 6, 8, 9, 10, 11, 12, 13, 16, 21, 24, 35, 43, 45, 47, 51]) {
    expect((await kernel.ask(opcode, ROOT, nothing)).errno, String(opcode)).toBe(30);
  }
  for (const opcode of [20, 25, 30, 34, 37, 40, 50, 52, 4711]) {
    expect((await kernel.ask(opcode, ROOT, nothing)).errno, String(opcode)).toBe(38);
  }
});

test("a request that is cut off is an error, not a crash", async () => {
  const kernel = new Kernel(root);
  const id = await kernel.lookup(ROOT, "plain");
  for (const opcode of [15, 22, 23, 44, 46]) {
    const { errno } = await kernel.ask(opcode, id, new Uint8Array(3));
    expect([5, 22]).toContain(errno);
  }
});
