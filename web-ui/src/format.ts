/** Sizes, numbers, times and permissions as people read them. Pure; the locale is the browser's. */
import type { EntryType, TimeMs } from "../../src/server/api.ts";

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
const numbers = new Intl.NumberFormat();

/** "0 bytes", "812 bytes", "1.4 MiB", "23 GiB": three digits at most, powers of 1024. */
export function formatSize(bytes: number): string {
  if (bytes === 1) return "1 byte";
  let value = Math.max(0, bytes);
  let unit = 0;
  // 999.5 would be shown as 1000: it is 0.98 of the next unit.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    if (unit === 0 && value < 1024) break;
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  const text = new Intl.NumberFormat(undefined, { maximumFractionDigits: digits }).format(value);
  return `${text} ${UNITS[unit] ?? ""}`;
}

/** With separators: "57,331". */
export function formatNumber(value: number): string {
  return numbers.format(value);
}

/** "1 file", "57,331 files". */
export function formatCount(count: number, one: string, many = `${one}s`): string {
  return `${numbers.format(count)} ${count === 1 ? one : many}`;
}

const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const fullDateTime = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const timeOfDay = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, {
  weekday: "long",
  day: "numeric",
  month: "long",
  year: "numeric",
});
const month = new Intl.DateTimeFormat(undefined, { month: "long", year: "numeric" });

/** Dates that JavaScript can hold end 275,760 years after Christ; files may claim others. */
const TIME_MS_MAX = 8.64e15;

function dateOf(timeMs: TimeMs): Date | undefined {
  return Math.abs(timeMs) <= TIME_MS_MAX ? new Date(timeMs) : undefined;
}

function formatted(format: Intl.DateTimeFormat, timeMs: TimeMs): string {
  const date = dateOf(timeMs);
  return date === undefined ? "unknown" : format.format(date);
}

/** "Nov 21, 2026, 2:05 PM" */
export function formatDateTime(timeMs: TimeMs): string {
  return formatted(dateTime, timeMs);
}

/** With weekday, seconds and zone, for tooltips. */
export function formatFullDateTime(timeMs: TimeMs): string {
  return formatted(fullDateTime, timeMs);
}

/** "2:05 PM" */
export function formatTimeOfDay(timeMs: TimeMs): string {
  return formatted(timeOfDay, timeMs);
}

/** "Saturday, November 21, 2026" */
export function formatDay(timeMs: TimeMs): string {
  return formatted(day, timeMs);
}

/** "November 2026" */
export function formatMonth(timeMs: TimeMs): string {
  return formatted(month, timeMs);
}

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["week", 7 * 86_400],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/** "3 hours ago", "yesterday", "just now". */
export function formatRelative(timeMs: TimeMs, nowMs: TimeMs): string {
  const seconds = (timeMs - nowMs) / 1000;
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) return relative.format(Math.trunc(seconds / length), unit);
  }
  return "just now";
}

/** "45 s", "3 min 20 s", "2 h 5 min" */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60)
    return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
}

const TYPE_LETTERS: Readonly<Record<EntryType, string>> = {
  file: "-",
  directory: "d",
  symlink: "l",
  fifo: "p",
  socket: "s",
  "char-device": "c",
  "block-device": "b",
};

/** "-rwxr-sr-t": as `ls -l` writes it. */
export function formatMode(type: EntryType, mode: number): string {
  const triple = (shift: number, special: boolean, letter: string): string => {
    const bits = (mode >> shift) & 7;
    const execute = (bits & 1) !== 0;
    const last = special ? (execute ? letter : letter.toUpperCase()) : execute ? "x" : "-";
    return `${(bits & 4) !== 0 ? "r" : "-"}${(bits & 2) !== 0 ? "w" : "-"}${last}`;
  };
  return (
    TYPE_LETTERS[type] +
    triple(6, (mode & 0o4000) !== 0, "s") +
    triple(3, (mode & 0o2000) !== 0, "s") +
    triple(0, (mode & 0o1000) !== 0, "t")
  );
}

/** "0755" */
export function formatModeNumber(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}

/** A decimal number of nanoseconds since 1970, as milliseconds. */
export function msOfNs(ns: string): TimeMs {
  return Number(BigInt(ns) / 1_000_000n);
}
