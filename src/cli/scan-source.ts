/** Counts what a source holds, ahead of its backup: without it a first backup could not say how long. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Source } from "../../engine/node.ts";

export interface SourceTotals {
  files: number;
  bytes: number;
  /** Everything was counted. */
  isWhole: boolean;
}

/** The scan shares a thread with the backup's own walk: after this long it lets that have a turn. */
const SLICE_MS = 5;

/**
 * Walks the source and grows `totals`. What cannot be listed counts as empty: the backup tells of it.
 * Ends early, without an error, when `signal` fires.
 */
export async function scanSource(
  source: Source,
  totals: SourceTotals,
  signal: AbortSignal,
): Promise<void> {
  let sliceEnd = performance.now() + SLICE_MS;

  async function scan(directory: Source["root"]): Promise<void> {
    if (performance.now() > sliceEnd) {
      await nextTurn();
      sliceEnd = performance.now() + SLICE_MS;
    }
    if (signal.aborted) return;
    let listed;
    try {
      listed = source.list(directory);
    } catch {
      return;
    }
    try {
      for (const entry of listed.entries) {
        if (entry.stat.type === "directory") {
          await scan(entry);
        } else if (entry.stat.type === "file") {
          totals.files++;
          totals.bytes += entry.stat.sizeBytes;
        }
      }
    } finally {
      listed.close();
    }
  }

  try {
    await scan(source.root);
    totals.isWhole = !signal.aborted;
  } finally {
    source.close();
  }
}
