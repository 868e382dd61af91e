import { EventEmitter } from "node:events";

import { expect, test, vi } from "vitest";

import { type BlobId, type PackId, parseId } from "../../../../engine/base/ids.ts";
import { deriveKeyRing } from "../../../../engine/crypto/master-key.ts";
import type { BlobLocation } from "../../../../engine/index/blob-location.ts";
import { type DecodeJob, createDecodePool } from "../../../../engine/platform/node/decode-pool.ts";
import { nativePlatform } from "../../../../engine/platform/node/native.ts";

const started = vi.hoisted(() => ({ count: 0, endedUnseen: 0 }));

/**
 * A thread whose first incarnation dies of its first job. Like a real one it keeps the process alive
 * only while it is referenced: the end of an unreferenced one may never be seen.
 */
vi.mock("node:worker_threads", () => ({
  Worker: class extends EventEmitter {
    readonly #number = started.count++;
    #isReferenced = true;

    readonly threadId = 1;

    postMessage(message: DecodeJob | "end"): void {
      setTimeout(() => {
        if (message === "end") {
          if (!this.#isReferenced) started.endedUnseen++;
          this.emit("exit", 0);
          return;
        }
        const { job } = message;
        if (this.#number === 0) {
          this.emit("error", new Error("out of memory"));
          this.emit("exit", 1);
        } else {
          this.emit("message", { job, plain: new Uint8Array([job]) });
        }
      }, 0);
    }

    ref(): void {
      this.#isReferenced = true;
    }

    unref(): void {
      this.#isReferenced = false;
    }

    terminate(): Promise<number> {
      if (!this.#isReferenced) started.endedUnseen++;
      return Promise.resolve(0);
    }
  },
}));

const location: BlobLocation = {
  id: parseId<BlobId>("1".repeat(64)),
  packId: parseId<PackId>("2".repeat(64)),
  offset: 0,
  sealedBytes: 10,
  plainBytes: 10,
  kind: "data",
  codec: "none",
  epoch: 0,
};

test("a thread that dies fails the blobs it had, and a new one takes those that waited", async () => {
  const keys = await deriveKeyRing(
    nativePlatform,
    { masterKey: new Uint8Array(32), epochKeys: [new Uint8Array(32)] },
    { repositoryId: new Uint8Array(32), cipher: "aes-256-gcm" },
  );
  const pool = createDecodePool({ keys, workers: 1, inlineBytesMax: 0 });
  const jobs = Array.from({ length: 5 }, () => pool.decode(location, new Uint8Array(10)));
  const settled = await Promise.allSettled(jobs);
  expect(settled.map(({ status }) => status)).toEqual([
    "rejected",
    "rejected",
    "fulfilled",
    "fulfilled",
    "fulfilled",
  ]);
  expect(settled[0]).toMatchObject({ reason: { code: "io" } });
  expect(started.count).toBe(2);
  await pool.close();
  // Otherwise a process with nothing else to do would end, as a success, where it waits for the close.
  expect(started.endedUnseen).toBe(0);
});
