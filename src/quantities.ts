/** Sizes, spans of time and moments as people write them, in options and in the configuration. */

const SIZE = /^(\d+(?:\.\d+)?)\s*(?:([kmgtp])(i?b)?|b)?$/i;
const POWERS = "kmgtp";

/**
 * Bytes of "512", "10M", "1.5 GiB", "2gb". All units are powers of 1024.
 * @returns `undefined` when `text` is no size.
 */
export function findSize(text: string): number | undefined {
  const match = SIZE.exec(text.trim());
  if (match === null) return undefined;
  const unit = match[2];
  const power = unit === undefined ? 0 : POWERS.indexOf(unit.toLowerCase()) + 1;
  const bytes = Math.round(Number(match[1]) * 1024 ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

const SPAN_PART = /(\d+)\s*([a-z]+)\s*/giy;
const SPAN_SECONDS: ReadonlyMap<string, number> = new Map([
  ["s", 1],
  ["min", 60],
  ["h", 3600],
  ["d", 86_400],
  ["w", 7 * 86_400],
  ["m", 30 * 86_400],
  ["y", 365 * 86_400],
]);

/**
 * Seconds of "24h", "7d", "2w", "6m" (months of 30 days), "1y6m", "90min".
 * @returns `undefined` when `text` is no span of time.
 */
export function findSpanSeconds(text: string): number | undefined {
  const trimmed = text.trim();
  let seconds = 0;
  let end = 0;
  SPAN_PART.lastIndex = 0;
  for (
    let part = SPAN_PART.exec(trimmed);
    part !== null && end < trimmed.length;
    part = SPAN_PART.exec(trimmed)
  ) {
    const unit = SPAN_SECONDS.get((part[2] ?? "").toLowerCase());
    if (unit === undefined) return undefined;
    seconds += Number(part[1]) * unit;
    end = SPAN_PART.lastIndex;
  }
  return end > 0 && end === trimmed.length && Number.isSafeInteger(seconds) ? seconds : undefined;
}

const MOMENT =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T _](\d{2})[:-](\d{2})(?:[:-](\d{2}))?)?(Z|[+-]\d{2}:\d{2})?$/;

/**
 * Nanoseconds since 1970 of "2026-03-01", "2026-03-01 14:05" (local time), an RFC 3339 time with its
 * zone, or a span before `nowMs` such as "7d".
 * @returns `undefined` when `text` is none of them.
 */
export function findMomentNs(text: string, nowMs: number): bigint | undefined {
  const span = findSpanSeconds(text);
  if (span !== undefined) return BigInt(Math.round(nowMs) - span * 1000) * 1_000_000n;
  const match = MOMENT.exec(text.trim());
  if (match === null) return undefined;
  const [, year, month, day, hour = "00", minute = "00", second = "00", zone = ""] = match;
  const iso = `${year ?? ""}-${month ?? ""}-${day ?? ""}T${hour}:${minute}:${second}${zone}`;
  const ms = new Date(iso).getTime();
  return Number.isNaN(ms) ? undefined : BigInt(ms) * 1_000_000n;
}
