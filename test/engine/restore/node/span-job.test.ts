import { expect, test } from "vitest";
import { utf8 } from "../../../../engine/base/bytes.ts";
import {
  type JobFile,
  decodeJobFile,
  encodeSpanJob,
} from "../../../../engine/restore/node/span-job.ts";

const metadata = {
  mode: 0o7777,
  uid: 4_294_967_294,
  gid: 7,
  mtimeNs: 15_032_385_535_999_999_999n,
  atimeNs: undefined,
  xattrs: [],
};

test("files come out of the columns as they went in", () => {
  const plain = { replace: false, sparse: false, strip: false, isOwn: false, wantIdentity: false };
  const files: JobFile[] = [
    { dirfd: 5, name: utf8("a"), sizeBytes: 2 ** 45, metadata, ...plain },
    { openFd: 0 },
    {
      dirfd: 6,
      name: new Uint8Array([0xff, 0xfe]),
      sizeBytes: 0,
      metadata: {
        ...metadata,
        mtimeNs: -1n,
        atimeNs: -2_147_483_648_000_000_001n,
        xattrs: [{ name: utf8("user.x"), value: utf8("y") }],
      },
      replace: true,
      sparse: true,
      strip: true,
      isOwn: true,
      wantIdentity: true,
    },
    { openFd: 17 },
    { dirfd: 7, name: utf8("last"), sizeBytes: 1, metadata, ...plain, sparse: true },
  ];
  const { files: columns } = encodeSpanJob(utf8("span"), [], files);
  const sent = structuredClone(columns);
  expect(files.map((_, slot) => decodeJobFile(sent, slot))).toEqual(files);
});
