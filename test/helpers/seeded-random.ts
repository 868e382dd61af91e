/**
 * Random numbers that can be had again: a property test names its seed in every failure, and
 * `FORGE_TEST_SEED` runs it once more with that one.
 */
import type { Bytes } from "../../engine/base/bytes.ts";

/** The seed of this run: given, or new. */
export function testSeed(): number {
  const given = process.env["FORGE_TEST_SEED"];
  return given === undefined ? Math.floor(Math.random() * 0xffff_ffff) : Number(given);
}

/**
 * sfc32 (Chris Doty-Humphrey's PractRand), seeded by one number. Its state lies in fields, which is
 * several times as fast as in a typed array.
 */
export class SeededRandom {
  #a = 0;
  #b = 0;
  #c = 0;
  #counter = 0;

  constructor(seed: number) {
    this.restart(seed);
  }

  /** From now on the numbers of this seed, as a new one would give them. */
  restart(seed: number): void {
    this.#a = 0x9e3779b9 | 0;
    this.#b = 0x243f6a88 | 0;
    this.#c = seed | 0;
    this.#counter = 1;
    for (let i = 0; i < 12; i++) this.u32();
  }

  u32(): number {
    const a = this.#a;
    const b = this.#b;
    const c = this.#c;
    const result = (a + b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = b ^ (b >>> 9);
    this.#b = (c + (c << 3)) | 0;
    this.#c = (((c << 21) | (c >>> 11)) + result) | 0;
    return result >>> 0;
  }

  /** A whole number from 0 to `limit` − 1, limit at most 2^32. */
  below(limit: number): number {
    return Math.floor((this.u32() / 0x1_0000_0000) * limit);
  }

  chance(probability: number): boolean {
    return this.u32() / 0x1_0000_0000 < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  }

  bytes(length: number): Bytes {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.u32();
    return bytes;
  }
}
