/** Dates of HTTP and WebDAV, from the nanoseconds of a snapshot. */

/** The last second of the year 9999: the formats have four digits. */
const LAST_MS = 253_402_300_799_000;

/** Milliseconds since 1970 in whole seconds, kept to the years that can be written. */
export function wholeSecondsMs(timeNs: bigint): number {
  // BigInt division rounds towards zero, which for times before 1970 is a second late.
  const seconds = Math.floor(Number(timeNs / 1_000_000n) / 1000);
  return Math.min(LAST_MS, Math.max(0, seconds * 1000));
}

/** `Tue, 20 Jan 2026 08:49:37 GMT` */
export function httpDate(timeNs: bigint): string {
  return new Date(wholeSecondsMs(timeNs)).toUTCString();
}

/** `2026-01-20T08:49:37Z`, what DAV:creationdate wants. */
export function isoDate(timeNs: bigint): string {
  return `${new Date(wholeSecondsMs(timeNs)).toISOString().slice(0, 19)}Z`;
}

/** Milliseconds of a date in a header; `undefined` for what is none, which headers then ignore. */
export function findHttpDateMs(text: string | undefined): number | undefined {
  if (text === undefined || !/^[A-Za-z]{3,9}[ ,]/.test(text)) return undefined;
  // The old form of C's asctime names no zone, and means GMT as the others do.
  const ms = Date.parse(/GMT|UTC/.test(text) ? text : `${text} GMT`);
  return Number.isNaN(ms) ? undefined : ms;
}
