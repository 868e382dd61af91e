/** Gathered: many small pieces of bytes on their way out, copied into few large ones. */
import type { Bytes } from "../../engine/base/bytes.ts";

export class Gathered {
  readonly #pieceBytes: number;
  #buffer: Bytes | undefined;
  #length = 0;
  #full: Bytes[] = [];

  constructor(pieceBytes: number) {
    this.#pieceBytes = pieceBytes;
  }

  /** Whether there is as much as goes out at a time. */
  get isFull(): boolean {
    return this.#full.length > 0;
  }

  /** Copies `bytes`. */
  put(bytes: Bytes): void {
    for (let done = 0; done < bytes.length;) {
      this.#buffer ??= new Uint8Array(this.#pieceBytes);
      const part = bytes.subarray(done, done + this.#pieceBytes - this.#length);
      this.#buffer.set(part, this.#length);
      done += part.length;
      this.#length += part.length;
      if (this.#length === this.#pieceBytes) this.#cut();
    }
  }

  /** All that was put, in order; the pieces are the caller's. */
  take(): readonly Bytes[] {
    if (this.#length > 0) this.#cut();
    const pieces = this.#full;
    this.#full = [];
    return pieces;
  }

  #cut(): void {
    if (this.#buffer !== undefined) this.#full.push(this.#buffer.subarray(0, this.#length));
    this.#buffer = undefined;
    this.#length = 0;
  }
}
