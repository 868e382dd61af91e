import { expect, test } from "vitest";
import { utf8 } from "../../../../engine/base/bytes.ts";
import type { PackId } from "../../../../engine/base/ids.ts";
import {
  type JobFile,
  NO_SLOT,
  decodeJobFile,
  encodeSpanJob,
} from "../../../../engine/restore/node/span-job.ts";

/** Four blobs in three packs; the second and third are read together. */
const plan = {
  blobs: {
    ids: Uint8Array.from({ length: 128 }, (_, i) => 1 + Math.floor(i / 32)),
    starts: Uint32Array.of(7, 0, 30, 0),
    sealedBytes: Uint32Array.of(20, 30, 40, 50),
    plainBytes: Uint32Array.of(200, 300, 400, 500),
    codecs: Uint8Array.of(0, 1, 2, 0),
    epochs: Uint8Array.of(4, 5, 6, 7),
    useEnds: Uint32Array.of(1, 4, 5, 6),
  },
  uses: {
    fileIndexes: Uint32Array.of(2, 0, 1, 1, 2, 0),
    fileOffsets: Float64Array.of(0, 1, 2, 3, 4, 5),
    chunkOffsets: Uint32Array.of(10, 11, 12, 13, 14, 15),
    lengths: Uint32Array.of(20, 21, 22, 23, 24, 25),
  },
};
const read = {
  packId: "" as PackId,
  span: { offset: 100, length: 70 },
  firstBlob: 1,
  endBlob: 3,
};

const metadata = {
  mode: 0o7777,
  uid: 4_294_967_294,
  gid: 7,
  mtimeNs: 15_032_385_535_999_999_999n,
  atimeNs: undefined,
  xattrs: [],
};

test("a job has the blobs of its read and their uses, by the slots of their files", () => {
  const slotOf = Uint32Array.of(1, NO_SLOT, 0);
  const job = encodeSpanJob(utf8("span"), { plan, read }, [], slotOf);
  expect(job.blobs).toEqual({
    ids: new Uint8Array(64).fill(2, 0, 32).fill(3, 32),
    starts: Uint32Array.of(0, 30),
    sealedBytes: Uint32Array.of(30, 40),
    plainBytes: Uint32Array.of(300, 400),
    codecs: Uint8Array.of(1, 2),
    epochs: Uint8Array.of(5, 6),
    useEnds: Uint32Array.of(3, 4),
  });
  expect(job.slots).toEqual(Uint32Array.of(1, NO_SLOT, NO_SLOT, 0));
  expect(job.uses).toEqual({
    fileOffsets: Float64Array.of(1, 2, 3, 4),
    chunkOffsets: Uint32Array.of(11, 12, 13, 14),
    lengths: Uint32Array.of(21, 22, 23, 24),
  });
});

test("files come out of the columns as they went in", () => {
  const plain = {
    replace: false,
    sparse: false,
    strip: false,
    isOwn: false,
    hasMode: false,
    wantIdentity: false,
  };
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
      hasMode: true,
      wantIdentity: true,
    },
    { openFd: 17 },
    { dirfd: 7, name: utf8("last"), sizeBytes: 1, metadata, ...plain, sparse: true },
  ];
  const slotOf = new Uint32Array(0);
  const { files: columns } = encodeSpanJob(utf8("span"), { plan, read }, files, slotOf);
  const sent = structuredClone(columns);
  expect(files.map((_, slot) => decodeJobFile(sent, slot))).toEqual(files);
});
