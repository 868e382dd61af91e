/** What is fuzzed: a decoder with its examples. */
import { readFileSync, readdirSync } from "node:fs";

import type { Bytes } from "../../engine/base/bytes.ts";

export interface FuzzTarget {
  /** Also of its folder in `corpus/`. */
  readonly name: string;
  /** Words of its language, when it reads text. */
  readonly words?: readonly string[];
  readonly isJson?: boolean;
  /**
   * Decodes `input`, looks at all of the result, and throws `Broken` when that cannot be.
   * @param seed For what a decoder is given beside its bytes.
   */
  readonly run: (input: Bytes, seed: number) => unknown;
  /** Whether an error is one that it may throw, beside `ForgeError`. */
  readonly mayThrow?: (error: unknown) => boolean;
}

/** Something was accepted that must not be. */
export class Broken extends Error {}

export function expectThat(condition: boolean, what: string): void {
  if (!condition) throw new Broken(what);
}

const CORPUS = new URL("corpus/", import.meta.url);

export function readCorpus(name: string): Bytes[] {
  const folder = new URL(`${name}/`, CORPUS);
  return readdirSync(folder)
    .sort()
    .map((file) => new Uint8Array(readFileSync(new URL(file, folder))));
}
