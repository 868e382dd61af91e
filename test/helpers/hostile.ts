/** Mutated input for decoders: they return a value or throw ForgeError, and nothing else. */
import type { Bytes } from "../../engine/base/bytes.ts";
import { isForgeError } from "../../engine/base/errors.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** Every byte flipped in three ways, every length cut short, and some random damage. */
export function* mutationsOf(bytes: Bytes, random: SeededRandom): Generator<Bytes> {
  for (let i = 0; i < bytes.length; i++) {
    for (const flip of [0x01, 0x80, 0xff]) {
      const mutated = bytes.slice();
      mutated[i] = (mutated[i] ?? 0) ^ flip;
      yield mutated;
    }
  }
  for (let length = 0; length < bytes.length; length++) yield bytes.slice(0, length);
  for (let i = 0; i < 200; i++) {
    const mutated = bytes.slice();
    for (let n = random.below(8); n >= 0; n--) mutated[random.below(bytes.length)] = random.u32();
    yield mutated;
  }
}

/** Whether `decode` returned; anything thrown but a ForgeError passes through and fails the test. */
export async function survives(decode: () => unknown): Promise<boolean> {
  try {
    await decode();
    return true;
  } catch (error) {
    if (!isForgeError(error)) throw error;
    return false;
  }
}
