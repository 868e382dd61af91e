/**
 * Bytes: the one type for binary data, and bounds-checked little-endian reading and writing.
 * A `ByteReader` treats its input as hostile: every read checks what is left before it touches it.
 */
import { ForgeError } from "./errors.ts";

/** Binary data. Never a Node `Buffer` in a signature, though a `Buffer` is one. */
export type Bytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();
// A byte order mark is three bytes of a name like any others, not something to drop.
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lossyDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

export const EMPTY_BYTES: Bytes = new Uint8Array(0);

/** UTF-8 bytes of `text`; a fresh buffer. */
export function utf8(text: string): Bytes {
  return encoder.encode(text);
}

/** The text of `bytes` when they are valid UTF-8, else `undefined`. */
export function findUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Text for people: bytes that are not UTF-8 show as U+FFFD. Never use it as a key. */
export function lossyUtf8(bytes: Uint8Array): string {
  return lossyDecoder.decode(bytes);
}

const DIGIT_CODES = Uint8Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));
/** Room for the digits of an id. */
const hexDigits = new Uint8Array(64);

/**
 * Lower-case hex. Decoded from character codes: a string that is put together from digits is kept by
 * V8 as a tree of its parts, 870 bytes an id and not 88, and costs three times as much as a key.
 */
export function toHex(bytes: Uint8Array): string {
  const length = 2 * bytes.length;
  const digits = length <= hexDigits.length ? hexDigits : new Uint8Array(length);
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    digits[2 * i] = DIGIT_CODES[byte >> 4] as number;
    digits[2 * i + 1] = DIGIT_CODES[byte & 15] as number;
  }
  return lossyDecoder.decode(length === digits.length ? digits : digits.subarray(0, length));
}

/** Value of a lower-case hex digit by character code, 255 for all others. */
const DIGITS = new Uint8Array(256).fill(255);
for (let i = 0; i < 16; i++) DIGITS["0123456789abcdef".charCodeAt(i)] = i;

/** Parses lower-case hex. @returns `undefined` when `text` is anything else. */
export function findHex(text: string): Bytes | undefined {
  if (text.length % 2 !== 0) return undefined;
  const out = new Uint8Array(text.length / 2);
  for (let i = 0; i < out.length; i++) {
    const high = DIGITS[text.charCodeAt(2 * i)] ?? 255;
    const low = DIGITS[text.charCodeAt(2 * i + 1)] ?? 255;
    if ((high | low) > 15) return undefined;
    out[i] = (high << 4) | low;
  }
  return out;
}

/** Order of unsigned bytes, the order of names in a directory. Negative, 0 or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0;
}

/** Compares secrets of equal length without a data-dependent branch. */
export function equalSecret(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}

/** A fresh buffer holding `parts` one after another. */
export function concatBytes(parts: readonly Uint8Array[]): Bytes {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/**
 * Gives the memory of a large buffer back at once, where waiting for the collector would let
 * hundreds of megabytes pile up. The caller owns all of `bytes.buffer` and does not look at it again.
 */
export function releaseBytes(bytes: Bytes): void {
  bytes.buffer.transfer(0);
}

/** Smaller buffers are the collector's: releasing one costs a microsecond. */
const RELEASE_BYTES_MIN = 64 * 1024;

/**
 * `releaseBytes` where it is worth it. The caller owns the whole buffer and is done with it: the
 * collector does not see how large buffers are, and lets a hundred MB of them lie.
 */
export function releaseLarge(bytes: Uint8Array): void {
  if (bytes.length < RELEASE_BYTES_MIN) return;
  if (bytes.buffer instanceof ArrayBuffer) bytes.buffer.transfer(0);
}

/** Reads little-endian fields in order. Views it returns share the input's memory. */
export class ByteReader {
  readonly #bytes: Bytes;
  readonly #view: DataView;
  readonly #what: string;
  #offset = 0;

  /** @param what Names the thing being decoded, for the error message: "pack directory". */
  constructor(bytes: Bytes, what: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** @throws ForgeError "corrupt" when the number is above 2^53 − 1. */
  u64(): number {
    const value = this.#view.getBigUint64(this.#take(8), true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) this.fail(`number ${value} is too large`);
    return Number(value);
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#take(8), true);
  }

  /** The next `length` bytes as a view of the input. */
  bytes(length: number): Bytes {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** @throws ForgeError "corrupt" unless everything was read. */
  end(): void {
    if (this.remaining !== 0) this.fail(`${this.remaining} bytes follow its end`);
  }

  fail(found: string): never {
    throw new ForgeError("corrupt", `Cannot decode ${this.#what}: ${found}`);
  }

  #take(length: number): number {
    if (length < 0 || length > this.remaining) {
      this.fail(`needs ${length} bytes at offset ${this.#offset}, has ${this.remaining}`);
    }
    const start = this.#offset;
    this.#offset += length;
    return start;
  }
}

/** Writes little-endian fields into a buffer that grows. */
export class ByteWriter {
  #bytes: Bytes;
  #view: DataView;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(Math.max(16, capacity));
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    const at = this.#room(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.#room(2);
    this.#view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.#room(4);
    this.#view.setUint32(at, value, true);
  }

  u64(value: number): void {
    const at = this.#room(8);
    this.#view.setBigUint64(at, BigInt(value), true);
  }

  i64(value: bigint): void {
    const at = this.#room(8);
    this.#view.setBigInt64(at, value, true);
  }

  bytes(value: Uint8Array): void {
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
  }

  /** What was written, as a fresh buffer. */
  finish(): Bytes {
    return this.#bytes.slice(0, this.#length);
  }

  /** Grows first: the view must be looked at only after this. */
  #room(length: number): number {
    const start = this.#length;
    this.#length += length;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, start));
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return start;
  }
}
