import { expect, test } from "vitest";
import { utf8 } from "../../../../engine/base/bytes.ts";
import {
  type EntryMetadata,
  isModeGivenAtOnce,
} from "../../../../engine/restore/node/entry-metadata.ts";

const rights = { uid: 7, gid: 8, umask: 0o022 };
const own = { givesMode: true, givesOwn: true };
const metadata: EntryMetadata = {
  mode: 0o644,
  uid: 7,
  gid: 8,
  mtimeNs: 0n,
  atimeNs: undefined,
  xattrs: [],
};

test("a file has its mode from the start only where nobody sees it and nothing changes it", () => {
  expect(isModeGivenAtOnce(metadata, own, rights)).toBe(true);
  expect(isModeGivenAtOnce(metadata, { ...own, givesMode: false }, rights)).toBe(false);
  expect(isModeGivenAtOnce(metadata, { ...own, givesOwn: false }, rights)).toBe(false);
  const acl = { name: utf8("system.posix_acl_access"), value: utf8("…") };
  for (const [of, expected] of [
    [{ mode: 0o755 }, true],
    [{ mode: 0o664 }, false],
    [{ mode: 0o777 }, false],
    [{ mode: 0o444 }, false],
    [{ mode: 0o4755 }, false],
    [{ mode: 0o2755 }, false],
    [{ mode: 0o1644 }, false],
    [{ uid: 0 }, false],
    [{ gid: 0 }, false],
    [{ xattrs: [acl] }, false],
  ] as const) {
    expect([of, isModeGivenAtOnce({ ...metadata, ...of }, own, rights)]).toEqual([of, expected]);
  }
});
