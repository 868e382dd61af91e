import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { type Bytes, utf8 } from "../../../../engine/base/bytes.ts";
import { createKeyMaterial, deriveKeyRing } from "../../../../engine/crypto/master-key.ts";
import { nativePlatform, nativeSyncPlatform } from "../../../../engine/platform/node/native.ts";
import { BlobWriter } from "../../../../engine/write/blob-writer.ts";
import type { FileJob, SavedFile } from "../../../../engine/write/file-pool.ts";
import { BatchSaver } from "../../../../engine/write/node/batch-saver.ts";
import { sourceStatOf } from "../../../../engine/write/node/source-stat.ts";
import { SessionTable } from "../../../../engine/write/session-table.ts";
import { SMALL_CHUNKS } from "../../../helpers/backup-fixture.ts";
import { noise } from "../../../helpers/expected-tree.ts";

let folder: string;
let saver: BatchSaver;
/** Runs once, when the first chunk of a file is hashed: in the midst of reading it. */
let whileReading: (() => void) | undefined;

beforeEach(async () => {
  folder = mkdtempSync(`${tmpdir()}/forge-batch-`);
  whileReading = undefined;
  const keys = await deriveKeyRing(nativePlatform, createKeyMaterial(nativePlatform), {
    repositoryId: new Uint8Array(32),
    cipher: "aes-256-gcm",
  });
  saver = new BatchSaver({
    platform: nativeSyncPlatform,
    blobs: new BlobWriter({
      platform: nativeSyncPlatform,
      keys,
      compression: { codec: "none", level: 0 },
      packBytes: 1_000_000,
      onPack: () => undefined,
    }),
    chunker: SMALL_CHUNKS,
    gearTable: keys.gearTable,
    session: new SessionTable(),
    fingerprints: {
      mayContain: () => {
        whileReading?.();
        whileReading = undefined;
        return false;
      },
    },
  });
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function jobOf(name: string): FileJob {
  const path = `${folder}/${name}`;
  const stat = sourceStatOf(lstatSync(path, { bigint: true }));
  return { input: { path: utf8(path) }, stat, trustFingerprints: true };
}

async function save(job: FileJob): Promise<SavedFile> {
  const { files } = await saver.save([job]);
  const [file] = files;
  if (file === undefined || "code" in file) throw new Error(file?.message ?? "no answer");
  return file;
}

async function failure(job: FileJob): Promise<string> {
  const { files } = await saver.save([job]);
  const [file] = files;
  return file !== undefined && "code" in file ? file.code : "saved";
}

function write(name: string, content: Bytes): void {
  writeFileSync(`${folder}/${name}`, content);
}

describe("one file", () => {
  it("has its size, CRC and chunks, and nothing to say when nothing happened", async () => {
    write("file", noise(5000));
    const { files, ids, lengths } = await saver.save([jobOf("file"), jobOf("file")]);
    const [first, second] = files as readonly SavedFile[];
    expect(first).toMatchObject({ sizeBytes: 5000, crc32: crc32(noise(5000)), holes: [] });
    expect(first).toMatchObject({ changed: false, stat: undefined, warnings: [] });
    expect(second?.chunkCount).toBe(first?.chunkCount);
    expect(ids.length).toBe(64 * (first?.chunkCount ?? 0));
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(10_000);
  });

  it("keeps its holes, as far as the file system tells of them", async () => {
    const fd = openSync(`${folder}/sparse`, "w");
    writeSync(fd, noise(4096), 0, 4096, 1_048_576);
    ftruncateSync(fd, 4_194_304);
    closeSync(fd);
    const { holes, sizeBytes, crc32: crc } = await save(jobOf("sparse"));
    expect(sizeBytes).toBe(4_194_304);
    expect(holes).toEqual([
      { offset: 0, length: 1_048_576 },
      { offset: 1_052_672, length: 4_194_304 - 1_052_672 },
    ]);
    const content = new Uint8Array(4_194_304);
    content.set(noise(4096), 1_048_576);
    expect(crc).toBe(crc32(content));
  });

  it("keeps its access time", async () => {
    write("file", noise(100));
    utimesSync(`${folder}/file`, 1000, 2000);
    await save(jobOf("file"));
    expect(statSync(`${folder}/file`).atimeMs).toBe(1_000_000);
  });
});

describe("a file that changes", () => {
  it("between the walk and the reading shows what it is when it is opened", async () => {
    write("file", noise(100));
    const job = jobOf("file");
    appendFileSync(`${folder}/file`, noise(50));
    const file = await save(job);
    expect(file.sizeBytes).toBe(150);
    expect(file.stat?.sizeBytes).toBe(150);
    expect(file.changed).toBe(false);
  });

  it("by growing while it is read is cut at its old size and said to have changed", async () => {
    write("file", noise(9000));
    whileReading = () => {
      appendFileSync(`${folder}/file`, noise(5000));
    };
    expect(await save(jobOf("file"))).toMatchObject({ sizeBytes: 9000, changed: true });
  });

  it("by shrinking while it is read ends where it ends and is said to have changed", async () => {
    write("file", noise(9000));
    whileReading = () => {
      const fd = openSync(`${folder}/file`, "r+");
      ftruncateSync(fd, 3000);
      closeSync(fd);
    };
    const file = await save(jobOf("file"));
    expect(file.changed).toBe(true);
    expect(file.sizeBytes).toBeLessThan(9000);
    expect(file.sizeBytes).toBeGreaterThanOrEqual(3000);
  });

  it("into something else is not read", async () => {
    write("file", noise(100));
    const job = jobOf("file");
    rmSync(`${folder}/file`);
    expect(await failure(job)).toBe("source-changed");
    symlinkSync("/etc/passwd", `${folder}/file`);
    expect(await failure(job)).toBe("source-changed");
    rmSync(`${folder}/file`);
    mkdirSync(`${folder}/file`);
    expect(await failure(job)).toBe("source-changed");
    rmSync(`${folder}/file`, { recursive: true });
    // Opening a fifo without a writer would wait for ever.
    execFileSync("mkfifo", [`${folder}/file`]);
    expect(await failure(job)).toBe("source-changed");
  });
});

describe("a file written a moment ago", () => {
  it("is read only when a later write must show another ctime", async () => {
    for (let i = 0; i < 5; i++) {
      write("young", noise(100, i + 1));
      const { ctimeMs } = statSync(`${folder}/young`);
      let readAtMs = 0;
      whileReading = () => {
        readAtMs = Date.now();
      };
      await save(jobOf("young"));
      expect(readAtMs - ctimeMs).toBeGreaterThanOrEqual(19);
    }
  });

  it("shows the ctime it had before the wait, so that a write during it is noticed", async () => {
    write("young", noise(100));
    const job = jobOf("young");
    const { ctimeNs } = job.stat ?? {};
    appendFileSync(`${folder}/young`, "x");
    const file = await save(job);
    expect(file.stat?.ctimeNs).not.toBe(ctimeNs);
    expect(file.stat?.ctimeNs).toBe(lstatSync(`${folder}/young`, { bigint: true }).ctimeNs);
  });
});

it("a descriptor that cannot be read is an error of that file, and is closed", async () => {
  const fd = openSync(folder, "r");
  const job: FileJob = { input: { fd }, stat: undefined, trustFingerprints: false };
  expect(await failure(job)).toBe("io");
  expect(() => readSync(fd, new Uint8Array(1))).toThrow("EBADF");
});
