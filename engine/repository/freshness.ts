/**
 * Freshness: is what the storage shows all there should be? Compares the snapshots with their own
 * chains and with what this machine saw before. Deletions are proven by tombstones, which only
 * holders of the keys can make. FORMAT.md "Freshness", decisions/0012-freshness.md.
 */
import type { SnapshotId } from "../base/ids.ts";
import { type ForgeError, isForgeError } from "../base/errors.ts";
import type { Snapshot } from "../snapshots/snapshot.ts";
import type { Repository } from "./repository.ts";
import {
  type ChainContradiction,
  type ChainGap,
  type SeqRange,
  chainHeads,
  examineChains,
  mergeRanges,
} from "./snapshot-chain.ts";
import { type Tombstone, listTombstones } from "./tombstone.ts";

/** The last snapshot of a writer that this machine has seen. */
export interface SeenHead {
  readonly id: SnapshotId;
  readonly seq: number;
  readonly timeNs: bigint;
  readonly hostname: string;
  /** When it was first seen here, milliseconds since 1970. */
  readonly seenMs: number;
}

/** What a machine remembers of a repository. */
export interface SeenState {
  /** Key epochs. */
  readonly epochs: number;
  /** By writer. */
  readonly heads: ReadonlyMap<string, SeenHead>;
  /** By writer: numbers whose absence was found to be lawful, or accepted by a person. */
  readonly settled: ReadonlyMap<string, readonly SeqRange[]>;
  /** Ids of contradictions that a person accepted. */
  readonly accepted: ReadonlySet<string>;
}

export type FreshnessFault =
  /** It was here, and is not, and nobody deleted it. */
  | {
      readonly kind: "head-missing";
      readonly writer: string;
      readonly head: SeenHead;
      /** The writer's last snapshot that is shown. */
      readonly shown: Snapshot | undefined;
    }
  | { readonly kind: "gap"; readonly gap: ChainGap }
  | ChainContradiction
  /** The unlocked key is of before a rotation that was seen. */
  | { readonly kind: "old-keys"; readonly seen: number; readonly found: number };

export interface Freshness {
  readonly faults: readonly FreshnessFault[];
  /** To remember from now on: never less than before. */
  readonly next: SeenState;
}

export const NOTHING_SEEN: SeenState = {
  epochs: 0,
  heads: new Map(),
  settled: new Map(),
  accepted: new Set(),
};

export interface FreshnessOptions {
  readonly seen: SeenState;
  readonly nowMs: number;
  /** A tombstone that cannot be read: the deletion it proves is then not proven. */
  readonly onProblem: (error: ForgeError) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * @param snapshots All readable ones, listed before this is called: tombstones are written before
 *   snapshots are deleted, so what was deleted meanwhile has one when they are read now.
 * @throws what listing and reading tombstones throw.
 */
export async function examineFreshness(
  repository: Repository,
  snapshots: readonly Snapshot[],
  options: FreshnessOptions,
): Promise<Freshness> {
  const { seen, nowMs } = options;
  const shown = new Set<string>(snapshots.map(({ id }) => id));
  let settled = seen.settled;
  let gaps = examineChains(snapshots, settled).gaps;
  let missing = [...seen.heads].filter(([, { id }]) => !shown.has(id));
  if (gaps.length > 0 || missing.length > 0) {
    const absent = await readAbsent(repository, shown, options);
    settled = withDeleted(settled, absent.tombstones);
    gaps = examineChains(snapshots, settled).gaps.filter((gap) => !isExplained(gap, absent));
    missing = missing.filter(([, { id }]) => !absent.deleted.has(id) && !absent.unreadable.has(id));
  }
  const { contradictions } = examineChains(snapshots, settled);
  const heads = chainHeads(snapshots);
  const found = repository.keys.currentEpoch + 1;
  const faults: FreshnessFault[] = [
    ...missing.map(
      ([writer, head]) =>
        ({ kind: "head-missing", writer, head, shown: heads.get(writer) }) as const,
    ),
    ...gaps
      // The same absence is told once: the head that was seen says more.
      .filter(({ writer, lastId }) => seen.heads.get(writer)?.id !== lastId || lastId === undefined)
      .map((gap) => ({ kind: "gap", gap }) as const),
    ...contradictions.filter((one) => !seen.accepted.has(idOfContradiction(one))),
  ];
  if (found < seen.epochs) faults.unshift({ kind: "old-keys", seen: seen.epochs, found });
  const next: SeenState = {
    epochs: Math.max(seen.epochs, found),
    heads: raisedHeads(seen.heads, heads, nowMs),
    settled,
    accepted: seen.accepted,
  };
  return { faults, next };
}

/**
 * What to remember when a person takes the present state as right, whatever was seen before.
 * @param snapshots All readable ones.
 */
export function acceptState(
  repository: Repository,
  snapshots: readonly Snapshot[],
  nowMs: number,
): SeenState {
  const settled = new Map<string, readonly SeqRange[]>();
  const { gaps, contradictions } = examineChains(snapshots, settled);
  for (const { writer, from, to } of gaps) {
    settled.set(writer, mergeRanges([...(settled.get(writer) ?? []), { from, to }]));
  }
  return {
    epochs: repository.keys.currentEpoch + 1,
    heads: raisedHeads(new Map(), chainHeads(snapshots), nowMs),
    settled,
    accepted: new Set(contradictions.map(idOfContradiction)),
  };
}

interface Absent {
  readonly tombstones: readonly Tombstone[];
  readonly deleted: ReadonlySet<string>;
  /** Stored, and not among the readable: told of as damage, not as missing. */
  readonly unreadable: ReadonlySet<string>;
}

async function readAbsent(
  repository: Repository,
  shown: ReadonlySet<string>,
  { onProblem, signal }: FreshnessOptions,
): Promise<Absent> {
  const stored = await repository.backend.list("snapshots", { signal });
  const unreadable = stored.map(({ name }) => name).filter((name) => !shown.has(name));
  let tombstones: Tombstone[] = [];
  try {
    tombstones = await listTombstones(repository, { onProblem, signal });
  } catch (error) {
    // A storage from before there were deletions has no place for them.
    if (!isForgeError(error, "missing-object", "not-found")) throw error;
  }
  const deleted = new Set<string>(tombstones.map(({ id }) => id));
  return { tombstones, deleted, unreadable: new Set(unreadable) };
}

function withDeleted(
  settled: SeenState["settled"],
  tombstones: readonly Tombstone[],
): SeenState["settled"] {
  const ranges = new Map<string, SeqRange[]>();
  for (const [writer, known] of settled) ranges.set(writer, [...known]);
  for (const { chain } of tombstones) {
    if (chain === undefined) continue;
    const known = ranges.get(chain.writer) ?? [];
    known.push({ from: chain.seq, to: chain.seq });
    ranges.set(chain.writer, known);
  }
  return new Map([...ranges].map(([writer, known]) => [writer, mergeRanges(known)]));
}

/**
 * A gap of as many numbers as there are snapshots that are damaged, or were when they were deleted: of
 * those nobody knows the number.
 */
function isExplained(gap: ChainGap, { tombstones, deleted, unreadable }: Absent): boolean {
  const { lastId } = gap;
  const isKnown = lastId !== undefined && (deleted.has(lastId) || unreadable.has(lastId));
  if (gap.from === gap.to && lastId !== undefined) return isKnown;
  const numberless = tombstones.filter(({ chain }) => chain === undefined).length;
  return gap.to - gap.from + 1 <= numberless + unreadable.size;
}

function raisedHeads(
  seen: SeenState["heads"],
  heads: ReadonlyMap<string, Snapshot>,
  nowMs: number,
): SeenState["heads"] {
  const raised = new Map(seen);
  for (const [writer, { id, seq, timeNs, hostname }] of heads) {
    const before = seen.get(writer);
    if (before !== undefined && before.seq >= seq) continue;
    raised.set(writer, { id, seq, timeNs, hostname, seenMs: nowMs });
  }
  return raised;
}

function idOfContradiction(one: ChainContradiction): string {
  if (one.kind === "broken-link") return one.snapshot.id;
  return [one.first.id, one.second.id].sort().join("+");
}
