import { expect, test } from "vitest";
import { ForgeError } from "../../../engine/base/errors.ts";
import type { Bytes } from "../../../engine/base/bytes.ts";
import type { ObjectRef } from "../../../engine/storage/backend.ts";
import { MemoryBackend } from "../../../engine/storage/memory.ts";
import { RetryingBackend, type RetryPolicy } from "../../../engine/storage/retrying.ts";
import { backendContract, objectRef, patternBytes } from "../../contracts/backend.ts";

const passing = () => new ForgeError("io", "the line is down", { retryable: true });

/** Fails a number of puts: before they happened, or after (the answer is lost). */
class Flaky extends MemoryBackend {
  failures = 0;
  error: () => Error = passing;
  loseAnswer = false;

  constructor() {
    super({ nowMs: () => 0 });
  }

  override async put(ref: ObjectRef, data: Bytes): Promise<"created" | "exists"> {
    if (this.failures-- <= 0) return super.put(ref, data);
    if (this.loseAnswer) await super.put(ref, data);
    throw this.error();
  }
}

function setUp(policy: Partial<RetryPolicy> = {}) {
  const waits: number[] = [];
  const flaky = new Flaky();
  const backend = new RetryingBackend(flaky, {
    attempts: 5,
    firstWaitMs: 100,
    waitMsMax: 500,
    sleep: (ms) => {
      waits.push(ms);
      return Promise.resolve();
    },
    ...policy,
  });
  return { waits, flaky, backend };
}

backendContract("RetryingBackend", () => {
  const { flaky, backend } = setUp();
  return Promise.resolve({ backend, another: flaky, dispose: () => Promise.resolve() });
});

const ref = objectRef("packs", 1);

test("what fails in passing is tried again, after waits that double up to a bound", async () => {
  const seen: string[] = [];
  const { waits, flaky, backend } = setUp({
    onRetry: (error, attempt, waitMs) => seen.push(`${error.message} ${attempt} ${waitMs}`),
  });
  flaky.failures = 4;
  expect(await backend.put(ref, patternBytes(10))).toBe("created");
  expect(waits).toEqual([100, 200, 400, 500]);
  expect(seen[3]).toBe("the line is down 4 500");
});

test("it gives up after its attempts, with the error itself", async () => {
  const { waits, flaky, backend } = setUp();
  flaky.failures = 99;
  await expect(backend.put(ref, patternBytes(10))).rejects.toThrow("the line is down");
  expect(waits).toHaveLength(4);
});

test("what will not pass is not tried again", async () => {
  const { waits, flaky, backend } = setUp();
  flaky.failures = 1;
  flaky.error = () => new ForgeError("permission", "not yours");
  await expect(backend.put(ref, patternBytes(10))).rejects.toThrow("not yours");
  flaky.failures = 1;
  flaky.error = () => new TypeError("a defect");
  await expect(backend.put(ref, patternBytes(10))).rejects.toThrow("a defect");
  expect(waits).toEqual([]);
});

test("a put whose answer was lost is known as our own, another's is not", async () => {
  const { flaky, backend } = setUp();
  flaky.failures = 1;
  flaky.loseAnswer = true;
  expect(await backend.put(ref, patternBytes(10))).toBe("created");
  flaky.failures = 1;
  flaky.loseAnswer = false;
  expect(await backend.put(ref, patternBytes(10, 2))).toBe("exists");
  flaky.failures = 1;
  expect(await backend.put(ref, patternBytes(11, 2))).toBe("exists");
});

test("random shortens a wait by up to half", async () => {
  const { waits, flaky, backend } = setUp({ random: () => 0.5 });
  flaky.failures = 2;
  await backend.put(ref, patternBytes(10));
  expect(waits).toEqual([75, 150]);
});

test("a signal that fires while waiting stops it", async () => {
  const controller = new AbortController();
  const { flaky, backend } = setUp({
    sleep: () => {
      controller.abort();
      return Promise.resolve();
    },
  });
  flaky.read = () => Promise.reject(passing());
  await expect(backend.read(ref, { signal: controller.signal })).rejects.toMatchObject({
    code: "aborted",
  });
});
