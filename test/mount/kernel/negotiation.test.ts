import { expect, test } from "vitest";
import { findHex, toHex } from "../../../engine/base/bytes.ts";
import { ForgeError } from "../../../engine/base/errors.ts";
import { negotiate } from "../../../mount/kernel/negotiation.ts";
import { INIT_FLAG } from "../../../mount/kernel/protocol.ts";

function init(major: number, minor: number, flags: number): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(64);
  const view = new DataView(body.buffer);
  view.setUint32(0, major, true);
  view.setUint32(4, minor, true);
  view.setUint32(8, 131_072, true);
  view.setUint32(12, flags, true);
  return body;
}

test("the answer to a kernel of 7.45 is the known one", () => {
  const { reply, again } = negotiate(init(7, 45, -1), { enforceAcls: false });
  expect(again).toBe(false);
  expect(toHex(reply)).toBe(
    // 7, 38, read-ahead 128 KiB, flags 0x01c6b001
    "07000000" +
      "26000000" +
      "00000200" +
      "01b0c601" +
      // 64 and 48 background requests, writes of 4 KiB, times of 1 ns, 256 pages
      "4000" +
      "3000" +
      "00100000" +
      "01000000" +
      "0001" +
      "00".repeat(34),
  );
});

test("only what the kernel offers is taken", () => {
  const { flags, reply } = negotiate(init(7, 23, INIT_FLAG.asyncRead), { enforceAcls: true });
  expect(flags).toBe(INIT_FLAG.asyncRead);
  expect(new DataView(reply.buffer).getUint16(28, true)).toBe(0);
});

test("the kernel enforces ACLs when it checks permissions", () => {
  const { flags } = negotiate(init(7, 38, -1), { enforceAcls: true });
  expect(flags & INIT_FLAG.posixAcl).not.toBe(0);
});

test("a later major version is asked to come down, an old kernel is refused by name", () => {
  expect(negotiate(init(8, 0, -1), { enforceAcls: false }).again).toBe(true);
  expect(() => negotiate(init(7, 19, -1), { enforceAcls: false })).toThrow(/FUSE 7\.19/);
});

test("a request that is cut off is corrupt", () => {
  const cut = findHex("0700000026000000") ?? new Uint8Array(0);
  expect(() => negotiate(cut, { enforceAcls: false })).toThrow(ForgeError);
});
