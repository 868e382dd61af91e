/**
 * EntryStamp: what tells that nothing touched an entry, as halves of the 64-bit numbers that a stat and
 * a tree page hold. Millions are compared, and a bigint for each number cost more than all the rest.
 */

/** Signed 32-bit halves; times in seconds and nanoseconds. */
export interface EntryStamp {
  readonly inodeLow: number;
  readonly inodeHigh: number;
  readonly ctimeLow: number;
  readonly ctimeHigh: number;
  readonly ctimeNanos: number;
  readonly mtimeLow: number;
  readonly mtimeHigh: number;
  readonly mtimeNanos: number;
}
