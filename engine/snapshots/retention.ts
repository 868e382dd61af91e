/**
 * Retention: which snapshots a policy keeps, and why each is kept or not. A pure function; deleting is
 * someone else's. A snapshot is kept when any rule holds it. Rules look at each group alone: the
 * snapshots of one host and label, unless the caller groups otherwise.
 *
 * Two things no rule can do: a group never loses its last snapshot unless that is asked for in so
 * many words, and a snapshot from the future (a clock that was wrong) never takes a place that one
 * from the past would have had.
 */
import { toHex } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";
import { PERIODS, type Period, type PeriodNames, createCalendar } from "./calendar.ts";
import type { Snapshot } from "./snapshot.ts";

export interface RetentionPolicy {
  /** The newest N. */
  readonly last?: number | undefined;
  /** The newest of each of the last N hours, days, ISO weeks … that have any. */
  readonly periods?: Readonly<Partial<Record<Period, number | undefined>>> | undefined;
  /** All within this time before the newest of the group. Nanoseconds. */
  readonly withinNs?: bigint | undefined;
  /** The newest of each hour, day … within this time before the newest of the group. */
  readonly withinPeriodsNs?: Readonly<Partial<Record<Period, bigint | undefined>>> | undefined;
  /** Those that have all tags of one of these sets. */
  readonly tags?: readonly (readonly string[])[] | undefined;
}

export const GROUP_KEYS = ["host", "label", "paths", "tags"] as const;
export type GroupKey = (typeof GROUP_KEYS)[number];

export interface RetentionOptions {
  readonly policy: RetentionPolicy;
  readonly groupBy: readonly GroupKey[];
  /** IANA name: where days begin. */
  readonly timeZone: string;
  /** Nanoseconds since 1970. */
  readonly nowNs: bigint;
  /** Lets a group lose its last snapshot. */
  readonly mayRemoveAll?: boolean | undefined;
}

export interface RetentionDecision {
  readonly snapshot: Snapshot;
  readonly keep: boolean;
  /** What keeps it, or why nothing does; in words. At least one. */
  readonly reasons: readonly string[];
}

export interface RetentionGroup {
  /** By the keys asked for; the paths and tags of one of its snapshots stand for all. */
  readonly of: Snapshot;
  /** Newest first. */
  readonly decisions: readonly RetentionDecision[];
}

/** How far ahead a snapshot's time may be: clocks differ, and zones are set wrong by hours. */
const FUTURE_NS = 24n * 3600n * 1_000_000_000n;

const PERIOD_WORDS: Readonly<Record<Period, string>> = {
  hourly: "hour",
  daily: "day",
  weekly: "week",
  monthly: "month",
  yearly: "year",
};

/**
 * Groups in order of their oldest snapshots.
 * @throws ForgeError "usage" when the policy has no rule or the time zone is unknown.
 */
export function planRetention(
  snapshots: readonly Snapshot[],
  options: RetentionOptions,
): RetentionGroup[] {
  const rules = rulesOf(options.policy);
  if (rules.length === 0) {
    throw new ForgeError(
      "usage",
      "Cannot apply a retention policy without a rule: it would remove everything; say what to keep",
    );
  }
  const calendar = createCalendar(options.timeZone);
  const groups = new Map<string, Snapshot[]>();
  for (const snapshot of oldestFirst(snapshots)) {
    const key = groupKey(snapshot, options.groupBy);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [snapshot]);
    else group.push(snapshot);
  }
  return [...groups.values()].map((group) => {
    const newestFirst = group.toReversed().map((snapshot) => ({
      snapshot,
      periods: calendar(snapshot.timeNs),
    }));
    return { of: group[0] as Snapshot, decisions: decide(newestFirst, rules, options) };
  });
}

interface Dated {
  readonly snapshot: Snapshot;
  readonly periods: PeriodNames;
}

/**
 * A rule begun anew for each group; called for its snapshots newest first. It says what it keeps the
 * snapshot for, or why it does not.
 */
type Judge = (dated: Dated) => { readonly keeps: boolean; readonly reason: string };
type Rule = (referenceNs: bigint) => Judge;

function rulesOf(policy: RetentionPolicy): Rule[] {
  const rules: Rule[] = [];
  const { last, withinNs } = policy;
  if (last !== undefined) rules.push(() => newest(last));
  for (const period of PERIODS) {
    const count = policy.periods?.[period];
    if (count !== undefined) rules.push(() => newestOfEach(period, count));
  }
  if (withinNs !== undefined) rules.push((referenceNs) => within(referenceNs - withinNs));
  for (const period of PERIODS) {
    const spanNs = policy.withinPeriodsNs?.[period];
    if (spanNs === undefined) continue;
    rules.push((referenceNs) => newestOfEachWithin(period, referenceNs - spanNs));
  }
  const tags = policy.tags ?? [];
  if (tags.length > 0) rules.push(() => tagged(tags));
  return rules;
}

function newest(count: number): Judge {
  let seen = 0;
  return () => {
    seen++;
    return seen <= count
      ? { keeps: true, reason: `last ${seen} of ${count}` }
      : { keeps: false, reason: `not among the last ${count}` };
  };
}

function newestOfEach(period: Period, count: number): Judge {
  const word = PERIOD_WORDS[period];
  let seen = 0;
  let before: string | undefined;
  return ({ periods }) => {
    const name = periods[period];
    if (name === before) return { keeps: false, reason: `a newer one of its ${word}` };
    before = name;
    seen++;
    return seen <= count
      ? { keeps: true, reason: `${period} ${seen} of ${count}` }
      : { keeps: false, reason: `beyond ${count} ${period}` };
  };
}

function within(sinceNs: bigint): Judge {
  return ({ snapshot }) =>
    snapshot.timeNs >= sinceNs
      ? { keeps: true, reason: "within the time to keep all" }
      : { keeps: false, reason: "older than the time to keep all" };
}

function newestOfEachWithin(period: Period, sinceNs: bigint): Judge {
  const word = PERIOD_WORDS[period];
  let before: string | undefined;
  return ({ snapshot, periods }) => {
    const name = periods[period];
    if (name === before) return { keeps: false, reason: `a newer one of its ${word}` };
    before = name;
    return snapshot.timeNs >= sinceNs
      ? { keeps: true, reason: `${period} within its time` }
      : { keeps: false, reason: `older than the time to keep ${period}` };
  };
}

function tagged(sets: readonly (readonly string[])[]): Judge {
  return ({ snapshot }) => {
    const set = sets.find((tags) => tags.every((tag) => snapshot.tags.includes(tag)));
    return set === undefined
      ? { keeps: false, reason: "has no tag to keep" }
      : { keeps: true, reason: `tag ${set.join(",")}` };
  };
}

function decide(
  newestFirst: readonly Dated[],
  rules: readonly Rule[],
  options: RetentionOptions,
): RetentionDecision[] {
  const { nowNs } = options;
  const known = newestFirst.filter(({ snapshot }) => snapshot.timeNs <= nowNs + FUTURE_NS);
  const newestNs = known[0]?.snapshot.timeNs ?? nowNs;
  const judges = rules.map((rule) => rule(newestNs < nowNs ? newestNs : nowNs));
  const decisions = newestFirst.map(({ snapshot, periods }): RetentionDecision => {
    if (snapshot.timeNs > nowNs + FUTURE_NS) {
      return { snapshot, keep: true, reasons: ["its time lies in the future"] };
    }
    const verdicts = judges.map((judge) => judge({ snapshot, periods }));
    const keeping = verdicts.filter(({ keeps }) => keeps);
    const shown = keeping.length > 0 ? keeping : verdicts;
    return {
      snapshot,
      keep: keeping.length > 0,
      reasons: [...new Set(shown.map(({ reason }) => reason))],
    };
  });
  const [first] = decisions;
  if (first === undefined || options.mayRemoveAll === true) return decisions;
  if (decisions.some(({ keep }) => keep)) return decisions;
  const kept = { ...first, keep: true, reasons: ["the last one of its group"] };
  return [kept, ...decisions.slice(1)];
}

function oldestFirst(snapshots: readonly Snapshot[]): Snapshot[] {
  return snapshots.toSorted((a, b) => {
    if (a.timeNs !== b.timeNs) return a.timeNs < b.timeNs ? -1 : 1;
    return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
  });
}

function groupKey(snapshot: Snapshot, groupBy: readonly GroupKey[]): string {
  const parts = GROUP_KEYS.filter((key) => groupBy.includes(key)).map((key) => {
    switch (key) {
      case "host":
        return snapshot.hostname;
      case "label":
        return snapshot.label ?? null;
      case "paths":
        return [...new Set(snapshot.paths.map(toHex))].sort();
      case "tags":
        return [...new Set(snapshot.tags)].sort();
      default:
        return key satisfies never;
    }
  });
  return JSON.stringify(parts);
}
