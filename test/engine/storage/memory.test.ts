import { expect, test } from "vitest";
import { MemoryBackend } from "../../../engine/storage/memory.ts";
import { backendContract, objectRef, patternBytes } from "../../contracts/backend.ts";

// A second client of memory is the same value: it has no state beside the objects.
backendContract("MemoryBackend", () => {
  const backend = new MemoryBackend({ nowMs: () => 1_700_000_000_000 });
  return Promise.resolve({ backend, another: backend, dispose: () => Promise.resolve() });
});

test("objects carry the time of the clock that was given", async () => {
  let nowMs = 1000;
  const backend = new MemoryBackend({ nowMs: () => nowMs });
  await backend.put(objectRef("leases", 1), patternBytes(1));
  nowMs = 2000;
  await backend.put(objectRef("leases", 2), patternBytes(1));
  await backend.put(objectRef("leases", 1), patternBytes(1));
  expect((await backend.list("leases")).map((info) => info.modifiedMs)).toEqual([1000, 2000]);
});
