/** Options that say what to keep, and the policy they and the configuration make. */
import { ForgeError, GROUP_KEYS, type GroupKey, type RetentionPolicy } from "../../engine/node.ts";
import type { RetentionSettings } from "../config/settings.ts";
import { flag, integer, span, text, texts } from "./option-kinds.ts";

const COUNT = { min: 1, max: 1_000_000 };

export const RETENTION_OPTIONS = {
  keepLast: integer("--keep-last <n>", "keep the newest N", COUNT),
  keepHourly: integer("--keep-hourly <n>", "the newest of each of the last N hours", COUNT),
  keepDaily: integer("--keep-daily <n>", "… days", COUNT),
  keepWeekly: integer("--keep-weekly <n>", "… weeks, which begin on Monday", COUNT),
  keepMonthly: integer("--keep-monthly <n>", "… months", COUNT),
  keepYearly: integer("--keep-yearly <n>", "… years", COUNT),
  keepWithin: span("--keep-within <span>", "all within this time before the newest: 36h, 7d, 1y"),
  keepWithinHourly: span("--keep-within-hourly <span>", "the newest of each hour within it"),
  keepWithinDaily: span("--keep-within-daily <span>", "… of each day"),
  keepWithinWeekly: span("--keep-within-weekly <span>", "… of each week"),
  keepWithinMonthly: span("--keep-within-monthly <span>", "… of each month"),
  keepWithinYearly: span("--keep-within-yearly <span>", "… of each year"),
  keepTag: texts("--keep-tag <tag>", "all with this tag; a,b asks for both (repeatable)"),
  groupBy: text("--group-by <keys>", "what has a policy of its own (default: host,label)"),
  timeZone: text("--time-zone <zone>", "where days begin, such as Europe/Berlin (default: here)"),
  removeAll: flag("--remove-all", "let a host and label lose its last snapshot as well"),
} as const;

export interface RetentionValues {
  readonly keepLast: number | undefined;
  readonly keepHourly: number | undefined;
  readonly keepDaily: number | undefined;
  readonly keepWeekly: number | undefined;
  readonly keepMonthly: number | undefined;
  readonly keepYearly: number | undefined;
  readonly keepWithin: number | undefined;
  readonly keepWithinHourly: number | undefined;
  readonly keepWithinDaily: number | undefined;
  readonly keepWithinWeekly: number | undefined;
  readonly keepWithinMonthly: number | undefined;
  readonly keepWithinYearly: number | undefined;
  readonly keepTag: readonly string[];
  readonly groupBy: string | undefined;
}

/** The policy of the command line; without one that of the configuration. */
export function retentionPolicy(
  values: RetentionValues,
  settings: RetentionSettings | undefined,
): RetentionPolicy {
  const given = policyOf(values);
  if (hasRule(given)) return given;
  if (settings === undefined) {
    throw new ForgeError(
      "usage",
      "Cannot tell what to keep: give rules such as --keep-daily 7 --keep-weekly 4, or a retention section in the configuration",
    );
  }
  return policyOf({
    keepLast: settings.keepLast,
    keepHourly: settings.keepHourly,
    keepDaily: settings.keepDaily,
    keepWeekly: settings.keepWeekly,
    keepMonthly: settings.keepMonthly,
    keepYearly: settings.keepYearly,
    keepWithin: settings.keepWithinSeconds,
    keepTag: [],
  });
}

/** @throws ForgeError "usage". */
export function groupKeys(given: string | undefined): readonly GroupKey[] {
  if (given === undefined) return ["host", "label"];
  if (given === "none") return [];
  return given.split(",").map((word) => {
    const key = GROUP_KEYS.find((known) => known === word.trim());
    if (key !== undefined) return key;
    throw new ForgeError(
      "usage",
      `Cannot group by "${word}": ${GROUP_KEYS.join(", ")} are possible, or none`,
    );
  });
}

type PolicyValues = Partial<Omit<RetentionValues, "groupBy">>;

function policyOf(values: PolicyValues): RetentionPolicy {
  return {
    last: values.keepLast,
    periods: {
      hourly: values.keepHourly,
      daily: values.keepDaily,
      weekly: values.keepWeekly,
      monthly: values.keepMonthly,
      yearly: values.keepYearly,
    },
    withinNs: nanoseconds(values.keepWithin),
    withinPeriodsNs: {
      hourly: nanoseconds(values.keepWithinHourly),
      daily: nanoseconds(values.keepWithinDaily),
      weekly: nanoseconds(values.keepWithinWeekly),
      monthly: nanoseconds(values.keepWithinMonthly),
      yearly: nanoseconds(values.keepWithinYearly),
    },
    tags: (values.keepTag ?? []).map((set) => set.split(",").filter((tag) => tag !== "")),
  };
}

function hasRule({ last, periods, withinNs, withinPeriodsNs, tags }: RetentionPolicy): boolean {
  const any = (record: object | undefined): boolean =>
    Object.values(record ?? {}).some((value) => value !== undefined);
  return (
    last !== undefined ||
    withinNs !== undefined ||
    any(periods) ||
    any(withinPeriodsNs) ||
    (tags ?? []).length > 0
  );
}

function nanoseconds(seconds: number | undefined): bigint | undefined {
  return seconds === undefined ? undefined : BigInt(seconds) * 1_000_000_000n;
}
