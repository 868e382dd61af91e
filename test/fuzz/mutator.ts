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

type Mutation = (bytes: Uint8Array, random: SeededRandom) => Uint8Array;

export class Mutator {
  readonly #corpus: readonly Bytes[];
  readonly #mutations: readonly Mutation[];
  readonly #isJson: boolean;

  constructor({ corpus, words, isJson }: MutatorOptions) {
    this.#corpus = corpus;
    this.#isJson = isJson === true;
    const insertWord: Mutation = (bytes, random) =>
      insert(bytes, random.below(bytes.length + 1), encoder.encode(random.pick(words ?? [])));
    const replaceByWord: Mutation = (bytes, random) => {
      const at = random.below(bytes.length + 1);
      return insert(cut(bytes, at, random.below(12)), at, encoder.encode(random.pick(words ?? [])));
    };
    const mutations = [...MUTATIONS, this.#splice];
    if (words !== undefined) mutations.push(insertWord, insertWord, replaceByWord, replaceByWord);
    this.#mutations = mutations;
  }

  /** The input of this seed; a fresh buffer. */
  make(seed: number): Bytes {
    const random = new SeededRandom(seed);
    let bytes: Uint8Array = random.pick(this.#corpus).slice();
    if (this.#isJson && random.chance(0.5)) {
      return encoder.encode(mutateJson(decoder.decode(bytes), random));
    }
    // A few go through unharmed: an example that stops decoding is a finding as well.
    for (let left = random.below(MUTATIONS_MAX + 1); left > 0; left--) {
      bytes = random.pick(this.#mutations)(bytes, random);
    }
    return bytes.slice(0, BYTES_MAX);
  }

  /** The beginning of one example and the end of another. */
  readonly #splice: Mutation = (bytes, random) => {
    const other = random.pick(this.#corpus);
    const end = random.below(bytes.length + 1);
    // Half the time where they fit together.
    const from = random.chance(0.5) ? Math.min(end, other.length) : random.below(other.length + 1);
    return join(bytes.subarray(0, end), other.subarray(from));
  };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const MUTATIONS: readonly Mutation[] = [
  function flipBit(bytes, random) {
    if (bytes.length > 0) xor(bytes, random.below(bytes.length), 1 << random.below(8));
    return bytes;
  },
  function setByte(bytes, random) {
    if (bytes.length > 0) bytes[random.below(bytes.length)] = random.u32();
    return bytes;
  },
  function setEdgeByte(bytes, random) {
    if (bytes.length > 0) bytes[random.below(bytes.length)] = random.pick(EDGES);
    return bytes;
  },
  function setEdgeNumber(bytes, random) {
    return setNumber(bytes, random, () => random.pick(EDGES) + random.below(3) - 1);
  },
  /** A length that nearly fits what follows, or the whole. */
  function setLength(bytes, random) {
    return setNumber(bytes, random, (at) => {
      const rest = random.chance(0.5) ? bytes.length - at : bytes.length;
      return Math.trunc(rest / random.pick([1, 2, 4, 8, 16, 32, 51])) + random.below(9) - 4;
    });
  },
  function add(bytes, random) {
    const step = random.below(33) - 16;
    return setNumber(bytes, random, (at, view) => view.getUint32(at, true) + step);
  },
  function swapWords(bytes, random) {
    if (bytes.length < 8) return bytes;
    const a = random.below(bytes.length - 3);
    const b = random.below(bytes.length - 3);
    const word = bytes.slice(a, a + 4);
    bytes.copyWithin(a, b, b + 4);
    bytes.set(word, b);
    return bytes;
  },
  function fill(bytes, random) {
    const at = random.below(bytes.length + 1);
    return bytes.fill(random.chance(0.5) ? 0 : 0xff, at, at + random.below(40));
  },
  function insertNoise(bytes, random) {
    return insert(bytes, random.below(bytes.length + 1), random.bytes(random.below(17)));
  },
  function repeat(bytes, random) {
    const at = random.below(bytes.length + 1);
    const part = bytes.slice(at, at + random.below(65));
    const times = Math.min(random.pick([1, 1, 1, 2, 16, 200]), BYTES_MAX / 65);
    const repeated = new Uint8Array(times * part.length);
    for (let i = 0; i < times; i++) repeated.set(part, i * part.length);
    return insert(bytes, at, repeated);
  },
  function move(bytes, random) {
    const at = random.below(bytes.length + 1);
    const part = bytes.slice(at, at + random.below(65));
    const rest = cut(bytes, at, part.length);
    return insert(rest, random.below(rest.length + 1), part);
  },
  function drop(bytes, random) {
    return cut(bytes, random.below(bytes.length + 1), random.below(65));
  },
  function shorten(bytes, random) {
    return bytes.subarray(0, random.below(bytes.length + 1));
  },
];

/** Writes a number of a random width somewhere, more often than not aligned. */
function setNumber(
  bytes: Uint8Array,
  random: SeededRandom,
  numberAt: (at: number, view: DataView) => number,
): Uint8Array {
  if (bytes.length < 8) return bytes;
  let at = random.below(bytes.length - 7);
  if (random.chance(0.6)) at -= at % 4;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
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
  return bytes;
}

function xor(bytes: Uint8Array, at: number, mask: number): void {
  bytes[at] = (bytes[at] ?? 0) ^ mask;
}

function insert(bytes: Uint8Array, at: number, part: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length + part.length);
  result.set(bytes.subarray(0, at));
  result.set(part, at);
  result.set(bytes.subarray(at), at + part.length);
  return result;
}

function cut(bytes: Uint8Array, at: number, length: number): Uint8Array {
  return join(bytes.subarray(0, at), bytes.subarray(at + length));
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const result = new Uint8Array(a.length + b.length);
  result.set(a);
  result.set(b, a.length);
  return result;
}
