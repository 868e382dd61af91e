import { expect, test } from "vitest";

import { calibrateKdf } from "../../../engine/crypto/kdf.ts";
import type { Argon2idRequest } from "../../../engine/platform/platform.ts";

/** A machine on which Argon2id takes `msPerMib` for each MiB, and its clock. */
function machine(msPerMib: number) {
  let nowMs = 1000;
  return {
    argon2id: ({ memoryKib }: Argon2idRequest) => {
      nowMs += (memoryKib / 1024) * msPerMib;
      return Promise.resolve(new Uint8Array(32));
    },
    now: () => nowMs,
  };
}

test.each([
  ["slow", 10, 64],
  ["middling", 2, 125],
  ["fast", 0.1, 128],
  ["immeasurably fast", 0, 128],
])("a %s machine is asked for memory that fits it", async (_name, msPerMib, memoryMib) => {
  const { argon2id, now } = machine(msPerMib);
  expect(await calibrateKdf({ argon2id }, now)).toEqual({
    memoryKib: memoryMib * 1024,
    passes: 3,
    lanes: 4,
  });
});

test("memory that costs more beyond the caches is measured and not guessed", async () => {
  let nowMs = 0;
  const argon2id = ({ memoryKib }: Argon2idRequest) => {
    const mib = memoryKib / 1024;
    nowMs += mib <= 64 ? mib * 1.5 : mib * 2.5;
    return Promise.resolve(new Uint8Array(32));
  };
  const { memoryKib } = await calibrateKdf({ argon2id }, () => nowMs);
  expect(memoryKib).toBe(100 * 1024);
});
