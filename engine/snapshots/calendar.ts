/** Hours, days, ISO weeks, months and years of a moment in a time zone, as names that can be compared. */
import { ForgeError } from "../base/errors.ts";

export const PERIODS = ["hourly", "daily", "weekly", "monthly", "yearly"] as const;
export type Period = (typeof PERIODS)[number];

/** The period of each kind that a moment lies in: "2026-03-01", "2026-W09" … */
export type PeriodNames = Readonly<Record<Period, string>>;

/** A function that names the periods of a moment in nanoseconds since 1970. */
export type Calendar = (timeNs: bigint) => PeriodNames;

/**
 * @param timeZone An IANA name such as "Europe/Berlin", or "UTC".
 * @throws ForgeError "usage" when the zone is unknown.
 */
export function createCalendar(timeZone: string): Calendar {
  const format = createFormat(timeZone);
  return (timeNs) => {
    const ms = Number(timeNs / 1_000_000n) - (timeNs % 1_000_000n < 0n ? 1 : 0);
    const fields = new Map(format.formatToParts(ms).map(({ type, value }) => [type, value]));
    const field = (name: Intl.DateTimeFormatPartTypes): number => Number(fields.get(name) ?? 0);
    // Before year 1 the era would be needed; no clock is that wrong.
    const [year, month, day, hour] = [field("year"), field("month"), field("day"), field("hour")];
    const local = Date.UTC(year, month - 1, day, hour, field("minute"), field("second"));
    // When clocks go back, one hour comes twice: the offset tells them apart.
    const offsetMinutes = Math.round((local - Math.floor(ms / 1000) * 1000) / 60_000);
    const daily = `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`;
    return {
      hourly: `${daily} ${pad(hour, 2)}h${offsetMinutes}`,
      daily,
      weekly: isoWeek(year, month, day),
      monthly: daily.slice(0, -3),
      yearly: daily.slice(0, -6),
    };
  };
}

/** ISO 8601: weeks begin on Monday and belong to the year that has their Thursday. */
function isoWeek(year: number, month: number, day: number): string {
  const date = new Date(Date.UTC(year, month - 1, day));
  const weekday = (date.getUTCDay() + 6) % 7;
  date.setUTCDate(date.getUTCDate() - weekday + 3);
  const ofYear = date.getUTCFullYear();
  const first = Date.UTC(ofYear, 0, 4);
  const firstWeekday = (new Date(first).getUTCDay() + 6) % 7;
  const days = (date.getTime() - first) / 86_400_000 + firstWeekday - 3;
  return `${pad(ofYear, 4)}-W${pad(1 + Math.round(days / 7), 2)}`;
}

function createFormat(timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat("en-US", {
      timeZone,
      calendar: "gregory",
      numberingSystem: "latn",
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch (cause) {
    throw new ForgeError(
      "usage",
      `Cannot use the time zone "${timeZone}": it is unknown; give a name such as Europe/Berlin or UTC`,
      { cause },
    );
  }
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, "0");
}
