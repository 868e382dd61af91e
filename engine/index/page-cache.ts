/**
 * PageCache: opened pages of index segments within a budget of bytes. Second chance instead of exact
 * order of use: a look-up sets a flag and moves nothing, because look-ups outnumber loads by far.
 */
import type { Bytes } from "../base/bytes.ts";

interface CachedPage {
  readonly bytes: Bytes;
  wasUsed: boolean;
}

export class PageCache {
  readonly #budgetBytes: number;
  readonly #pages = new Map<number, CachedPage>();
  #usedBytes = 0;

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  find(key: number): Bytes | undefined {
    const page = this.#pages.get(key);
    if (page === undefined) return undefined;
    page.wasUsed = true;
    return page.bytes;
  }

  /** A page larger than the whole budget stays until the next one comes. */
  add(key: number, bytes: Bytes): void {
    if (this.#pages.has(key)) return;
    this.#usedBytes += bytes.buffer.byteLength;
    this.#evict();
    this.#pages.set(key, { bytes, wasUsed: false });
  }

  /** Whether `bytes` more fit without pushing anything out. */
  hasRoomFor(bytes: number): boolean {
    return this.#usedBytes + bytes <= this.#budgetBytes;
  }

  clear(): void {
    this.#pages.clear();
    this.#usedBytes = 0;
  }

  #evict(): void {
    for (const [key, page] of this.#pages) {
      if (this.#usedBytes <= this.#budgetBytes) return;
      this.#pages.delete(key);
      if (page.wasUsed) {
        page.wasUsed = false;
        this.#pages.set(key, page);
      } else {
        this.#usedBytes -= page.bytes.buffer.byteLength;
      }
    }
  }
}
