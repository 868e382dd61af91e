/** Batches come out of their columns as they went in. */
import { expect, test } from "vitest";

import { type Bytes, utf8 } from "../../../../engine/base/bytes.ts";
import type { BatchResult, FileJob, SavedFile } from "../../../../engine/write/file-pool.ts";
import {
  buffersOf,
  decodeJobs,
  decodeResult,
  encodeJobs,
  encodeResult,
} from "../../../../engine/write/node/batch-columns.ts";

const stat = {
  sizeBytes: 2 ** 43 + 1,
  mtimeNs: -1_500_000_001n,
  ctimeNs: 1_700_000_000_123_456_789n,
  inode: 2n ** 64n - 2n,
  device: 2n ** 63n + 5n,
};

function job(path: string | Bytes, over: Partial<FileJob> = {}): FileJob {
  const bytes = typeof path === "string" ? utf8(path) : path;
  return { input: { path: bytes }, stat, trustFingerprints: true, ...over };
}

test("jobs keep paths of any bytes, numbers of 64 bits, pipes and second tries", () => {
  const jobs = [
    job("/a"),
    job(new Uint8Array([47, 255, 0xc3, 10])),
    job("/again", { trustFingerprints: false }),
    { input: { fd: 7 }, stat: undefined, trustFingerprints: false },
    job(""),
    job("/z/é"),
  ] satisfies FileJob[];
  const columns = structuredClone(encodeJobs(jobs));
  expect(decodeJobs(columns)).toEqual(jobs);
  expect(decodeJobs(encodeJobs([]))).toEqual([]);
});

test("a time beyond 64 bits of nanoseconds looks like a change, never like another time that fits", () => {
  const late = { ...stat, mtimeNs: 2n ** 63n + 7n };
  const [decoded] = decodeJobs(encodeJobs([job("/late", { stat: late })]));
  expect(decoded?.stat?.mtimeNs).not.toBe(late.mtimeNs);
});

test("results keep plain files, special ones and failures in order", () => {
  const plain = (sizeBytes: number): SavedFile => ({
    sizeBytes,
    crc32: 0xffffffff,
    chunkCount: 3,
    holes: [],
    xattrs: [],
    stat: undefined,
    changed: false,
    warnings: [],
  });
  const result: BatchResult = {
    files: [
      plain(2 ** 45),
      { ...plain(1), changed: true },
      { code: "permission", message: "no" },
      { ...plain(9), holes: [{ offset: 0, length: 9 }] },
      { ...plain(4), xattrs: [{ name: utf8("user.a"), value: utf8("b") }] },
      { ...plain(5), warnings: ["w"] },
      plain(0),
    ],
    ids: new Uint8Array(64).fill(7),
    lengths: Uint32Array.of(1, 2),
    origins: Uint8Array.of(0, 1),
    newBlobs: 1,
    newPlainBytes: 2,
    newSealedBytes: 3,
  };
  const expected = structuredClone(result);
  const columns = encodeResult(result);
  const moved = structuredClone(columns, { transfer: buffersOf(columns) });
  expect(decodeResult(moved)).toEqual(expected);
});
