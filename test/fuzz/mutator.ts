/**
 * Inputs for decoders that went wrong on the way: made from committed examples, the same for the same
 * seed, so that one number names a finding and ranges of seeds add up over runs.
 */
import type { Bytes } from "../../engine/base/bytes.ts";
import { SeededRandom } from "../helpers/seeded-random.ts";
import { mutateJson } from "./json-mutation.ts";

/** No input grows beyond this: limits of decoders are reached by what a length says, not by its bytes. */
const BYTES_MAX = 64 * 1024;
const MUTATIONS_MAX = 8;
/** Numbers at which integers of all widths turn over, and the limits of the format around them. */
const EDGES: readonly number[] = [
  0, 1, 2, 3, 4, 7, 8, 12, 15, 16, 27, 28, 31, 32, 33, 47, 48, 51, 63, 64, 65, 127, 128, 255, 256,
  511, 512, 1023, 1024, 1025, 4095, 4096, 4097, 32_767, 32_768, 65_535, 65_536, 65_537, 1_048_576,
  16_777_215, 16_777_216, 16_777_217, 2_147_483_647, 2_147_483_648, 4_294_967_294, 4_294_967_295,
];

export interface MutatorOptions {
  /** At least one. */
  readonly corpus: readonly Bytes[];
  /** Words of the language, for decoders of text. */
  readonly words?: readonly string[] | undefined;
  /** The examples are JSON: of half the inputs it is values that change. */
  readonly isJson?: boolean | undefined;
}

/** What becomes of an example: the first `length` bytes of a buffer that serves all inputs. */
class Draft {
  bytes: Bytes = new Uint8Array(2 * BYTES_MAX);
  view = new DataView(this.bytes.buffer);
  length = 0;

  begin(example: Uint8Array): void {
    this.length = 0;
    this.insert(0, example, 0, example.length);
  }

  /** Puts `part[from … end − 1]` before `at`. */
  insert(at: number, part: Uint8Array, from: number, end: number): void {
    const count = end - from;
    this.#makeRoom(this.length + count);
    const { bytes } = this;
    bytes.copyWithin(at + count, at, this.length);
    this.length += count;
    // For a few bytes a view costs more than the loop.
    if (count > 64) bytes.set(part.subarray(from, end), at);
    else for (let i = 0; i < count; i++) bytes[at + i] = part[from + i] ?? 0;
  }

  cut(at: number, count: number): void {
    const end = Math.min(at + count, this.length);
    if (end <= at) return;
    this.bytes.copyWithin(at, end, this.length);
    this.length -= end - at;
  }

  /** Puts the `count` bytes that stand at `at` there again, so many times. */
  repeat(at: number, count: number, times: number): void {
    const total = count * times;
    this.#makeRoom(this.length + total);
    const { bytes } = this;
    bytes.copyWithin(at + total, at, this.length);
    this.length += total;
    // The last of the new ones is what `at + total` begins with: all come from there.
    for (let i = 0; i < times; i++) {
      bytes.copyWithin(at + i * count, at + total, at + total + count);
    }
  }

  #makeRoom(length: number): void {
    if (length <= this.bytes.length) return;
    const larger = new Uint8Array(2 * length);
    larger.set(this.bytes);
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }
}

type Mutation = (draft: Draft, random: SeededRandom) => void;

export class Mutator {
  readonly #corpus: readonly Bytes[];
  readonly #texts: readonly string[];
  readonly #mutations: readonly Mutation[];
  readonly #isJson: boolean;
  readonly #random = new SeededRandom(0);
  readonly #draft = new Draft();

  constructor({ corpus, words, isJson }: MutatorOptions) {
    this.#corpus = corpus;
    this.#isJson = isJson === true;
    this.#texts = this.#isJson ? corpus.map((bytes) => decoder.decode(bytes)) : [];
    const mutations = [...MUTATIONS, this.#splice];
    if (words !== undefined) {
      const { insertWord, replaceByWord } = wordMutations(words);
      mutations.push(insertWord, insertWord, replaceByWord, replaceByWord);
    }
    this.#mutations = mutations;
  }

  /** The input of this seed; a fresh buffer. */
  make(seed: number): Bytes {
    const random = this.#random;
    random.restart(seed);
    const number = random.below(this.#corpus.length);
    if (this.#isJson && random.chance(0.5)) {
      return encoder.encode(mutateJson(this.#texts[number] ?? "", random));
    }
    const draft = this.#draft;
    draft.begin(this.#corpus[number] ?? NOTHING);
    // A few go through unharmed: an example that stops decoding is a finding as well.
    for (let left = random.below(MUTATIONS_MAX + 1); left > 0; left--) {
      random.pick(this.#mutations)(draft, random);
    }
    return draft.bytes.slice(0, Math.min(draft.length, BYTES_MAX));
  }

  /** The beginning of one example and the end of another. */
  readonly #splice: Mutation = (draft, random) => {
    const other = random.pick(this.#corpus);
    const end = random.below(draft.length + 1);
    // Half the time where they fit together.
    const from = random.chance(0.5) ? Math.min(end, other.length) : random.below(other.length + 1);
    draft.length = end;
    draft.insert(end, other, from, other.length);
  };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const NOTHING: Bytes = new Uint8Array(0);
/** Of mutations that need what they are about to overwrite. */
const spare: Bytes = new Uint8Array(65);

function wordMutations(texts: readonly string[]): Record<"insertWord" | "replaceByWord", Mutation> {
  const words = texts.map((text) => encoder.encode(text));
  const insert = (draft: Draft, at: number, random: SeededRandom): void => {
    const word = random.pick(words);
    draft.insert(at, word, 0, word.length);
  };
  return {
    insertWord(draft, random) {
      insert(draft, random.below(draft.length + 1), random);
    },
    replaceByWord(draft, random) {
      const at = random.below(draft.length + 1);
      draft.cut(at, random.below(12));
      insert(draft, at, random);
    },
  };
}

/** Keeps up to 64 bytes from `at` in `spare`. @returns how many. */
function keep(draft: Draft, at: number, random: SeededRandom): number {
  const count = Math.min(random.below(65), draft.length - at);
  for (let i = 0; i < count; i++) spare[i] = draft.bytes[at + i] ?? 0;
  return count;
}

const MUTATIONS: readonly Mutation[] = [
  function flipBit(draft, random) {
    if (draft.length === 0) return;
    const at = random.below(draft.length);
    draft.bytes[at] = (draft.bytes[at] ?? 0) ^ (1 << random.below(8));
  },
  function setByte(draft, random) {
    if (draft.length > 0) draft.bytes[random.below(draft.length)] = random.u32();
  },
  function setEdgeByte(draft, random) {
    if (draft.length > 0) draft.bytes[random.below(draft.length)] = random.pick(EDGES);
  },
  function setEdgeNumber(draft, random) {
    setNumber(draft, random, () => random.pick(EDGES) + random.below(3) - 1);
  },
  /** A length that nearly fits what follows, or the whole. */
  function setLength(draft, random) {
    setNumber(draft, random, (at) => {
      const rest = random.chance(0.5) ? draft.length - at : draft.length;
      return Math.trunc(rest / random.pick(DIVISORS)) + random.below(9) - 4;
    });
  },
  function add(draft, random) {
    const step = random.below(33) - 16;
    setNumber(draft, random, (at, view) => view.getUint32(at, true) + step);
  },
  function swapWords(draft, random) {
    if (draft.length < 8) return;
    const a = random.below(draft.length - 3);
    const b = random.below(draft.length - 3);
    const word = draft.view.getUint32(a);
    draft.bytes.copyWithin(a, b, b + 4);
    draft.view.setUint32(b, word);
  },
  function fill(draft, random) {
    const at = random.below(draft.length + 1);
    const value = random.chance(0.5) ? 0 : 0xff;
    draft.bytes.fill(value, at, Math.min(at + random.below(40), draft.length));
  },
  function insertNoise(draft, random) {
    const at = random.below(draft.length + 1);
    const count = random.below(17);
    for (let i = 0; i < count; i++) spare[i] = random.u32();
    draft.insert(at, spare, 0, count);
  },
  function repeat(draft, random) {
    const at = random.below(draft.length + 1);
    const count = Math.min(random.below(65), draft.length - at);
    draft.repeat(at, count, random.pick(REPEATS));
  },
  function move(draft, random) {
    const at = random.below(draft.length + 1);
    const count = keep(draft, at, random);
    draft.cut(at, count);
    draft.insert(random.below(draft.length + 1), spare, 0, count);
  },
  function drop(draft, random) {
    const at = random.below(draft.length + 1);
    draft.cut(at, random.below(65));
  },
  function shorten(draft, random) {
    draft.length = random.below(draft.length + 1);
  },
];

const DIVISORS = [1, 2, 4, 8, 16, 32, 51];
const REPEATS = [1, 1, 1, 2, 16, 200];

/** Writes a number of a random width somewhere, more often than not aligned. */
function setNumber(
  draft: Draft,
  random: SeededRandom,
  numberAt: (at: number, view: DataView) => number,
): void {
  if (draft.length < 8) return;
  let at = random.below(draft.length - 7);
  if (random.chance(0.6)) at -= at % 4;
  const { view } = draft;
  const number = numberAt(at, view);
  const isLittle = random.chance(0.8);
  switch (random.below(4)) {
    case 0:
      view.setUint16(at, number, isLittle);
      break;
    case 1:
      view.setBigUint64(at, BigInt.asUintN(64, BigInt(number)), isLittle);
      break;
    default:
      view.setUint32(at, number, isLittle);
  }
}
