/** Restores in words. Pure. */
import type { RestoreJob, RestoreResult } from "../../../../src/server/api.ts";
import { formatCount, formatDuration, formatSize } from "../../format.ts";

/** "Documents", "notes.txt and 3 more": the last names of what was selected. */
export function itemsTitle({ items, itemCount }: RestoreJob): string {
  const [first = "/"] = items;
  const name = first.slice(first.lastIndexOf("/") + 1) || "Everything";
  return itemCount > 1 ? `${name} and ${String(itemCount - 1)} more` : name;
}

export function targetWords({ target }: RestoreJob): string {
  return target ?? "where it came from";
}

/** "57 files, 3.2 MiB" */
export function amount(files: number, bytes: number): string {
  return `${formatCount(files, "file")}, ${formatSize(bytes)}`;
}

/** What a finished restore wrote, or a plan would. */
export function writtenWords(result: RestoreResult): string {
  const links =
    result.others === 0
      ? ""
      : `, ${formatCount(result.others, "link or special file", "links and special files")}`;
  return `${amount(result.files, result.bytes)}${links}`;
}

/** One moment of a restore's progress. */
export interface Sample {
  readonly timeMs: number;
  readonly bytes: number;
}

/** Bytes a second between the first and the last; `undefined` while there is too little to say. */
export function rateOf(samples: readonly Sample[]): number | undefined {
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const seconds = (last.timeMs - first.timeMs) / 1000;
  return seconds < 1 ? undefined : Math.max(0, last.bytes - first.bytes) / seconds;
}

/** "12 MiB/s, about 3 min left" */
export function rateWords(
  rate: number | undefined,
  { bytesDone, bytesTotal, counting }: RestoreJob["progress"],
): string {
  if (rate === undefined) return "";
  const speed = `${formatSize(rate)}/s`;
  const left = bytesTotal - bytesDone;
  if (counting || rate === 0 || left <= 0) return speed;
  return `${speed}, about ${formatDuration((left / rate) * 1000)} left`;
}
