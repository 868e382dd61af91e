/** StoredSegments: the index segments of a storage, listed and opened. */
import type { Bytes } from "../base/bytes.ts";
import { mapBounded } from "../base/concurrency.ts";
import { type ForgeError, isForgeError } from "../base/errors.ts";
import { type IndexId, findId } from "../base/ids.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import type { Platform } from "../platform/platform.ts";
import {
  type IndexSegment,
  type SegmentSource,
  type SegmentSpan,
  openIndexSegment,
} from "./index-segment-reader.ts";

/** What of a backend the index uses; every `ReadBackend` is one. */
export interface SegmentStorage {
  list(
    kind: "index",
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<readonly { readonly name: string; readonly sizeBytes: number }[]>;
  read(
    ref: { readonly kind: "index"; readonly name: string },
    options: { readonly span: SegmentSpan; readonly signal?: AbortSignal | undefined },
  ): Promise<Bytes>;
}

export interface StoredSegmentsOptions {
  readonly backend: SegmentStorage;
  readonly platform: Platform;
  readonly keys: KeyRing;
  /** A segment, or a page of one, that cannot be read. The index goes on without it. */
  readonly onProblem: (error: ForgeError, segment: IndexId) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface ListedSegment {
  readonly id: IndexId;
  readonly sizeBytes: number;
}

export interface OpenedSegments {
  readonly opened: readonly IndexSegment[];
  /** Not worth trying again. */
  readonly corrupt: readonly IndexId[];
  /** How many were gone since the listing: merged into another. */
  readonly vanished: number;
}

/** Segments opened at once: a remote storage answers each after tens of milliseconds. */
const OPEN_CONCURRENCY = 16;

export class StoredSegments {
  readonly #options: StoredSegmentsOptions;

  constructor(options: StoredSegmentsOptions) {
    this.#options = options;
  }

  /** What has another name than an id is no segment. */
  async list(): Promise<ListedSegment[]> {
    const { backend, signal } = this.#options;
    const listed = await backend.list("index", { signal });
    return listed.flatMap(({ name, sizeBytes }) => {
      const id = findId<IndexId>(name);
      return id === undefined ? [] : [{ id, sizeBytes }];
    });
  }

  /** @throws ForgeError "unsupported-version", "aborted"; all else is told `onProblem`. */
  async open(listed: readonly ListedSegment[]): Promise<OpenedSegments> {
    const { signal, onProblem } = this.#options;
    const corrupt: IndexId[] = [];
    let vanished = 0;
    const opened = await mapBounded(
      listed,
      { concurrency: OPEN_CONCURRENCY, signal },
      async (segment) => {
        try {
          return await openIndexSegment(this.source(segment));
        } catch (error) {
          if (!isForgeError(error)) throw error;
          if (error.code === "unsupported-version" || error.code === "aborted") throw error;
          if (error.code === "missing-object") vanished++;
          else onProblem(error, segment.id);
          if (error.code === "corrupt") corrupt.push(segment.id);
          return undefined;
        }
      },
    );
    return { opened: opened.filter((one) => one !== undefined), corrupt, vanished };
  }

  /** To read a segment from. */
  source({ id, sizeBytes }: ListedSegment): SegmentSource {
    const { backend, platform, keys, signal } = this.#options;
    const ref = { kind: "index", name: id } as const;
    const read = (span: SegmentSpan): Promise<Bytes> => backend.read(ref, { span, signal });
    return { platform, keys, id, totalBytes: sizeBytes, read };
  }
}
