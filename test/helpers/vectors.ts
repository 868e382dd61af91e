/**
 * Known answers from test/vectors, and a platform whose randomness is given, so that sealing can be
 * compared with them byte for byte. A vector that fails is a break of compatibility: it is never
 * made anew to please a test.
 */
import { readFileSync } from "node:fs";
import { expect } from "vitest";

import { type Bytes, equalBytes, findHex } from "../../engine/base/bytes.ts";
import type { KeyMaterial } from "../../engine/crypto/key-ring.ts";

export function readVectors<Vectors>(name: string): Vectors {
  const url = new URL(`../vectors/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, "utf8")) as Vectors;
}

/** The bytes of lower-case hex. */
export function fromHex(hex: string): Bytes {
  const bytes = findHex(hex);
  if (bytes === undefined) throw new Error(`not hex: ${hex.slice(0, 40)}`);
  return bytes;
}

/** What most vector files begin with. */
export interface RepositoryVector {
  readonly masterKey: string;
  readonly epochKeys: readonly string[];
  readonly repositoryId: string;
}

export function materialOf(vector: RepositoryVector): KeyMaterial {
  return { masterKey: fromHex(vector.masterKey), epochKeys: vector.epochKeys.map(fromHex) };
}

/** `platform`, drawing its random bytes from `draws` in order. Running out is an error. */
export function withRandom<P extends { randomBytes(length: number): Bytes }>(
  platform: P,
  draws: readonly Bytes[],
): P {
  const rest = [...draws];
  return {
    ...platform,
    randomBytes(length: number): Bytes {
      const next = rest.shift();
      if (next?.length !== length) throw new Error(`no random bytes of length ${length} are given`);
      return next.slice();
    },
  };
}

/** A stream of pseudo-random bytes: xorshift32 (13, 17, 5), little-endian. `seed` is not 0. */
export function seededBytes(length: number, seed: number): Bytes {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = seed;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
}

/** Words and numbers: bytes that compress about as text does. */
export function seededText(length: number, seed: number): Bytes {
  const letters = seededBytes(length, seed);
  return letters.map((byte, i) => (i % 7 === 6 ? 32 : 97 + (byte & 7)));
}

/** `bytes` with one bit of the byte at `offset` turned over. */
export function flipped(bytes: Bytes, offset: number): Bytes {
  const copy = bytes.slice();
  copy[offset] = (copy[offset] ?? 0) ^ 1;
  return copy;
}

/** As `toEqual`, which takes seconds for a megabyte. */
export function expectBytes(actual: Uint8Array, expected: Uint8Array): void {
  expect(actual.length).toBe(expected.length);
  expect(equalBytes(actual, expected)).toBe(true);
}
