import { expect, test } from "vitest";
import { ForgeError } from "../../engine/base/errors.ts";
import { errnoOf } from "../../mount/errno.ts";

test("damage is EIO, an interrupted read EINTR, and a defect of ours EIO", () => {
  expect(errnoOf(new ForgeError("corrupt", ""))).toBe(5);
  expect(errnoOf(new ForgeError("missing-object", ""))).toBe(5);
  expect(errnoOf(new ForgeError("io", ""))).toBe(5);
  expect(errnoOf(new ForgeError("aborted", ""))).toBe(4);
  expect(errnoOf(new ForgeError("not-found", ""))).toBe(2);
  expect(errnoOf(new TypeError("x is not a function"))).toBe(5);
});
