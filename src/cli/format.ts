/** Numbers, times and names as people read them. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** `1536` → "1.5 KiB". */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 1023.95 would print as "1024.0 KiB".
  while (value >= 1023.95 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? String(Math.round(value)) : value.toFixed(1)} ${UNITS[unit] ?? "B"}`;
}

/** `3661` → "1:01:01"; `61` → "1:01". */
export function formatClock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const s = String(whole % 60).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${s}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${s}`;
}

/** `0.42` → "0.42 s", `75` → "1 min 15 s", `3700` → "1 h 1 min". */
export function formatDuration(seconds: number): string {
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(2)} s`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** Thousands apart: `1234567` → "1,234,567". */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** "1 file", "2 files"; "entry" has its plural given. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** Nanoseconds since 1970 as local time: "2026-03-01 14:05:09". */
export function formatTime(timeNs: bigint): string {
  const date = new Date(Number(timeNs / 1_000_000n));
  if (Number.isNaN(date.getTime())) return "?";
  const two = (n: number): string => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Nanoseconds since 1970 as RFC 3339 in UTC with all nine digits: what `--json` prints. */
export function formatIsoTime(timeNs: bigint): string {
  const seconds = timeNs / 1_000_000_000n - (timeNs % 1_000_000_000n < 0n ? 1n : 0n);
  const nanoseconds = timeNs - seconds * 1_000_000_000n;
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return `${timeNs}ns`;
  return `${date.toISOString().slice(0, -5)}.${String(nanoseconds).padStart(9, "0")}Z`;
}

const TYPE_LETTERS: Readonly<Record<string, string>> = {
  file: "-",
  directory: "d",
  symlink: "l",
  fifo: "p",
  socket: "s",
  "char-device": "c",
  "block-device": "b",
};

/** "drwxr-sr-t", as ls(1) writes type and permissions. */
export function formatMode(type: string, mode: number): string {
  const letter = (bit: number, yes: string): string => ((mode & bit) !== 0 ? yes : "-");
  const special = (x: number, bit: number, small: string): string => {
    if ((mode & bit) === 0) return letter(x, "x");
    return (mode & x) !== 0 ? small : small.toUpperCase();
  };
  return (
    (TYPE_LETTERS[type] ?? "?") +
    letter(0o400, "r") +
    letter(0o200, "w") +
    special(0o100, 0o4000, "s") +
    letter(0o040, "r") +
    letter(0o020, "w") +
    special(0o010, 0o2000, "s") +
    letter(0o004, "r") +
    letter(0o002, "w") +
    special(0o001, 0o1000, "t")
  );
}

/** Text from a snapshot or the world, for a terminal: control characters are escaped. */
export function displayText(text: string): string {
  return text.replace(
    // Besides C0 and C1, the characters that turn the reading direction around.
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** How a snapshot id is shortened for people: 8 digits name one of some thousands. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}
