/**
 * Packer: finished packs → storage, and their directories → index segments. A segment is written
 * every few packs, only after all its packs are durable; that is what makes the work of an
 * interrupted backup findable by the next one.
 */
import { toHex } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";
import { type IndexId, type PackId, parseId } from "../base/ids.ts";
import { type SegmentPack, encodeIndexSegment } from "../index/index-segment.ts";
import type { FinishedPack } from "../packs/pack-builder.ts";
import type { Repository } from "../repository/repository.ts";
import type { Backend } from "../storage/backend.ts";

/** Packs a segment describes: at 16 MiB a pack, at most 128 MiB are uploaded again after a crash. */
const PACKS_PER_SEGMENT = 8;
/** Packs uploaded at once: an upload waits for fsync or the network. */
const UPLOADS = 3;

export class Packer {
  readonly #repository: Repository<Backend>;
  readonly #stored: SegmentPack[] = [];
  readonly #packIds = new Set<PackId>();
  #running = 0;
  #isClosed = false;
  readonly #waiting: (() => void)[] = [];
  #segments: Promise<void> = Promise.resolve();
  #storedBytes = 0;

  constructor(repository: Repository<Backend>) {
    this.#repository = repository;
  }

  /** Packs this backup wrote. */
  get packIds(): ReadonlySet<PackId> {
    return this.#packIds;
  }

  /** Bytes of packs and index segments written. */
  get storedBytes(): number {
    return this.#storedBytes;
  }

  /**
   * Uploads a pack. Settles when it is durable, and then its memory is the caller's again; waits its turn
   * when several are under way.
   */
  async put(pack: FinishedPack): Promise<void> {
    if (this.#running >= UPLOADS) await new Promise<void>((go) => this.#waiting.push(go));
    this.#running++;
    try {
      if (this.#isClosed) throw new ForgeError("aborted", "Stopped before a pack was stored");
      await this.#repository.backend.put({ kind: "packs", name: pack.id }, pack.bytes);
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
    this.#packIds.add(pack.id);
    const packBytes = pack.bytes.length;
    this.#storedBytes += packBytes;
    this.#stored.push({ packId: pack.id, packBytes, entries: pack.entries });
    if (this.#stored.length >= PACKS_PER_SEGMENT) await this.#writeSegment();
  }

  /** Writes the last segment. Call it when every `put` has settled. */
  async flush(): Promise<void> {
    if (this.#stored.length > 0) await this.#writeSegment();
    await this.#segments;
  }

  /**
   * Waits for uploads under way; those not begun are given up. After a failure it also makes findable
   * what was stored, as far as that still works.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#running > 0) await new Promise<void>((go) => this.#waiting.push(go));
    if (this.#stored.length > 0) await this.#writeSegment().catch(() => undefined);
    await this.#segments;
  }

  async #writeSegment(): Promise<void> {
    const packs = this.#stored.splice(0);
    const write = async (): Promise<void> => {
      const { backend, platform, keys } = this.#repository;
      const id = parseId<IndexId>(toHex(platform.randomBytes(32)));
      const bytes = await encodeIndexSegment(platform, keys, { id, packs, superseded: [] });
      await backend.put({ kind: "index", name: id }, bytes);
      this.#storedBytes += bytes.length;
    };
    // One after another: encoding sorts and seals, two at once would only take memory.
    const turn = this.#segments.then(write);
    this.#segments = turn.catch(() => undefined);
    await turn;
  }
}
