/**
 * HoleMap: offsets in a file ⇄ offsets in its data, which is the file with its holes left out.
 * Holes come in runs (the entry's own, or one a hole-list blob) that are loaded when they are needed.
 */
import { ForgeError } from "../base/errors.ts";
import type { HoleList } from "../snapshots/hole-list.ts";
import type { Hole } from "../snapshots/tree-node.ts";

/** Holes one after another: see `HoleList`. */
export type HoleRun = Omit<HoleList, "count">;

/** A piece of data and where it stands in the file. */
export interface DataRun {
  readonly dataOffset: number;
  readonly fileOffset: number;
  readonly length: number;
}

/** What is remembered of a run without its holes. */
interface RunSummary {
  /** Of its first hole. */
  readonly fileOffset: number;
  /** Sum of the lengths of the holes before the run. */
  readonly holeBytesBefore: number;
}

export function holeRunOf(holes: readonly Hole[]): HoleRun {
  const offsets = new Float64Array(holes.length);
  const lengths = new Float64Array(holes.length);
  const before = new Float64Array(holes.length + 1);
  holes.forEach((hole, i) => {
    offsets[i] = hole.offset;
    lengths[i] = hole.length;
    before[i + 1] = (before[i] as number) + hole.length;
  });
  return { offsets, lengths, before };
}

export class HoleMap {
  readonly #loadRun: (run: number, signal: AbortSignal | undefined) => Promise<HoleRun>;
  readonly #summaries: readonly RunSummary[];
  /** Of all holes. */
  readonly holeBytes: number;

  private constructor(
    summaries: readonly RunSummary[],
    holeBytes: number,
    loadRun: (run: number, signal: AbortSignal | undefined) => Promise<HoleRun>,
  ) {
    this.#summaries = summaries;
    this.holeBytes = holeBytes;
    this.#loadRun = loadRun;
  }

  /**
   * Looks at every run once, keeping 16 bytes of each.
   * @throws ForgeError "corrupt" when holes overlap, touch or leave the file.
   */
  static async open(
    sizeBytes: number,
    runs: number,
    loadRun: (run: number, signal: AbortSignal | undefined) => Promise<HoleRun>,
    signal: AbortSignal | undefined,
  ): Promise<HoleMap> {
    const summaries: RunSummary[] = [];
    let holeBytes = 0;
    let end = -1;
    for (let number = 0; number < runs; number++) {
      const { offsets, lengths } = await loadRun(number, signal);
      summaries.push({ fileOffset: offsets[0] ?? end + 1, holeBytesBefore: holeBytes });
      for (let i = 0; i < offsets.length; i++) {
        const offset = offsets[i] as number;
        const length = lengths[i] as number;
        if (offset <= end || length < 1 || length > sizeBytes - offset) {
          throw new ForgeError(
            "corrupt",
            `Cannot read a file of ${sizeBytes} bytes: its hole at ${offset} of ${length} bytes overlaps another or leaves the file`,
          );
        }
        end = offset + length;
        holeBytes += length;
      }
    }
    return new HoleMap(summaries, holeBytes, loadRun);
  }

  /** Bytes of data before `fileOffset`. */
  async dataBefore(fileOffset: number, signal?: AbortSignal): Promise<number> {
    const number = this.#lastRun((summary) => summary.fileOffset < fileOffset);
    const summary = this.#summaries[number];
    if (summary === undefined) return fileOffset;
    const { offsets, lengths, before } = await this.#loadRun(number, signal);
    const last = countWhile(offsets.length, (i) => (offsets[i] as number) < fileOffset) - 1;
    const reached = Math.min(lengths[last] ?? 0, fileOffset - (offsets[last] ?? fileOffset));
    return fileOffset - summary.holeBytesBefore - (before[last] ?? 0) - reached;
  }

  /** Where the data `from … to` stands in the file, in order. */
  async place(from: number, to: number, signal?: AbortSignal): Promise<DataRun[]> {
    const placed: DataRun[] = [];
    // The last run that begins at or before the data: its holes precede it, those before it all do.
    let number = Math.max(
      0,
      this.#lastRun((summary) => summary.fileOffset - summary.holeBytesBefore <= from),
    );
    let holeBytes = 0;
    let at = from;
    for (; at < to && number < this.#summaries.length; number++) {
      const base = this.#summaries[number]?.holeBytesBefore ?? 0;
      const { offsets, before } = await this.#loadRun(number, signal);
      const dataAt = (i: number): number => (offsets[i] as number) - base - (before[i] as number);
      let i = countWhile(offsets.length, (hole) => dataAt(hole) <= at);
      for (; i < offsets.length && at < to; i++) {
        const end = Math.min(to, dataAt(i));
        holeBytes = base + (before[i] as number);
        placed.push({ dataOffset: at, fileOffset: at + holeBytes, length: end - at });
        at = end;
      }
      holeBytes = base + (before[i] as number);
    }
    if (at < to) placed.push({ dataOffset: at, fileOffset: at + holeBytes, length: to - at });
    return placed;
  }

  /** Number of the last run that `isBefore` holds for, −1 when there is none. */
  #lastRun(isBefore: (summary: RunSummary) => boolean): number {
    return (
      countWhile(this.#summaries.length, (i) => isBefore(this.#summaries[i] as RunSummary)) - 1
    );
  }
}

/** How many of `0 … count − 1` satisfy `holds`, which holds for the first ones only. */
export function countWhile(count: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
