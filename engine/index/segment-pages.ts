/**
 * SegmentPages: the opened pages of all segments: in memory as far as a budget allows, loaded once
 * however many wait, reported once when damaged.
 */
import type { Bytes } from "../base/bytes.ts";
import { type ForgeError, isForgeError } from "../base/errors.ts";
import type { IndexId } from "../base/ids.ts";
import { RECORD_BYTES } from "./index-record.ts";
import { PageCache } from "./page-cache.ts";
import type { LoadedSegment } from "./segment-set.ts";

/** Pages read for one look-up at most: 0.8 MB. */
const AROUND_PAGES_MAX = 16;

export interface SegmentPagesOptions {
  readonly budgetBytes: number;
  /** Of all segments together. */
  readonly recordCount: () => number;
  /** A damaged page, once. */
  readonly onProblem: (error: ForgeError, segment: IndexId) => void;
  /** A segment that is not in the storage any more. */
  readonly onGone: (loaded: LoadedSegment) => void;
}

export class SegmentPages {
  readonly #options: SegmentPagesOptions;
  readonly #resident: PageCache;
  readonly #loading = new Map<number, Promise<Bytes | undefined>>();
  readonly #bad = new Set<number>();
  /** How often one page of a segment was wanted that was not there. */
  readonly #misses = new WeakMap<LoadedSegment, number>();

  constructor(options: SegmentPagesOptions) {
    this.#options = options;
    this.#resident = new PageCache(options.budgetBytes);
  }

  get usedBytes(): number {
    return this.#resident.usedBytes;
  }

  /** A page in memory; `undefined` when it is known to be damaged. */
  peek(loaded: LoadedSegment, number: number): Bytes | "unread" | undefined {
    const key = loaded.firstPage + number;
    return this.#resident.find(key) ?? (this.#bad.has(key) ? undefined : "unread");
  }

  /**
   * One page, from memory or the storage; `undefined` when it is damaged or gone.
   * @throws what reading throws, but "corrupt" and "missing-object".
   */
  async get(loaded: LoadedSegment, number: number): Promise<Bytes | undefined> {
    const known = this.peek(loaded, number);
    if (known !== "unread") return known;
    const key = loaded.firstPage + number;
    const running = this.#loading.get(key);
    if (running !== undefined) return running;
    const { first, end } = this.#around(loaded, number);
    const pages = this.load(loaded, first, end);
    for (let page = first; page < end; page++) this.#keepLoading(loaded, page, pages, first);
    return (await pages)[number - first];
  }

  /** Pages `first … end − 1` by number. What fits beside the resident pages is kept. */
  async getRun(loaded: LoadedSegment, first: number, end: number): Promise<Map<number, Bytes>> {
    const pages = new Map<number, Bytes>();
    for (let page = first; page < end; page++) {
      const bytes = this.#resident.find(loaded.firstPage + page);
      if (bytes !== undefined) pages.set(page, bytes);
    }
    if (pages.size === end - first) return pages;
    const read = await this.load(loaded, first, end);
    read.forEach((bytes, i) => {
      if (bytes === undefined) return;
      pages.set(first + i, bytes);
      if (this.#resident.hasRoomFor(bytes.length)) {
        this.#resident.add(loaded.firstPage + first + i, bytes);
      }
    });
    return pages;
  }

  /** Takes over the pages of a segment that was read whole, while there is room. */
  async keepSmall({ segment, firstPage }: LoadedSegment): Promise<void> {
    if (!this.#resident.hasRoomFor(segment.recordCount * RECORD_BYTES)) {
      segment.forgetSmallPages();
      return;
    }
    try {
      const pages = await segment.takeSmallPages();
      pages?.forEach((page, i) => this.#resident.add(firstPage + i, page));
    } catch (error) {
      if (!isForgeError(error, "corrupt")) throw error;
      // A look-up that needs the damaged page will meet and report it.
      segment.forgetSmallPages();
    }
  }

  /**
   * Reads pages `first … end − 1`. A damaged one is reported once and `undefined`; when several
   * were read together they are tried one by one, so that one damaged page hides no other.
   */
  async load(
    loaded: LoadedSegment,
    first: number,
    end: number,
  ): Promise<readonly (Bytes | undefined)[]> {
    try {
      return await loaded.segment.readPages(first, end);
    } catch (error) {
      if (!isForgeError(error)) throw error;
      if (error.code === "missing-object") {
        this.#options.onGone(loaded);
        return Array.from({ length: end - first }, () => undefined);
      }
      if (error.code !== "corrupt") throw error;
      if (end - first > 1) {
        const pages: (Bytes | undefined)[] = [];
        for (let page = first; page < end; page++) {
          pages.push(...(await this.load(loaded, page, page + 1)));
        }
        return pages;
      }
      const key = loaded.firstPage + first;
      if (!this.#bad.has(key)) this.#options.onProblem(error, loaded.segment.id);
      this.#bad.add(key);
      return [undefined];
    }
  }

  /**
   * The pages to read when one is wanted: with each that was missing twice as many, for ids are random and who
   * goes on needs them all. Only while all of the index fits in memory, and none that is there, on its
   * way or damaged.
   */
  #around(loaded: LoadedSegment, number: number): { readonly first: number; readonly end: number } {
    if (this.#options.recordCount() * RECORD_BYTES > this.#options.budgetBytes) {
      return { first: number, end: number + 1 };
    }
    const misses = this.#misses.get(loaded) ?? 0;
    this.#misses.set(loaded, misses + 1);
    const count = Math.min(AROUND_PAGES_MAX, 2 ** misses);
    const isWanted = (page: number): boolean =>
      this.peek(loaded, page) === "unread" && !this.#loading.has(loaded.firstPage + page);
    const low = number - (number % count);
    const high = Math.min(low + count, loaded.segment.pageCount);
    let first = number;
    while (first > low && isWanted(first - 1)) first--;
    let end = number + 1;
    while (end < high && isWanted(end)) end++;
    return { first, end };
  }

  /** Lets others wait for a page that is being read, number `page − first` of `pages`, and keeps it. */
  #keepLoading(
    loaded: LoadedSegment,
    page: number,
    pages: Promise<readonly (Bytes | undefined)[]>,
    first: number,
  ): void {
    const key = loaded.firstPage + page;
    const loading = pages
      .then((read) => {
        const bytes = read[page - first];
        if (bytes !== undefined) this.#resident.add(key, bytes);
        return bytes;
      })
      .finally(() => this.#loading.delete(key));
    // Who waits for it is told; nobody has to.
    loading.catch(() => undefined);
    this.#loading.set(key, loading);
  }
}
