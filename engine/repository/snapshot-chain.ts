/**
 * Snapshot chains: every writer numbers its snapshots and names the one before, so a snapshot that
 * someone without the keys took away leaves a hole that the next ones tell of. Pure; what is deleted
 * lawfully is for the caller to know. FORMAT.md "Freshness".
 */
import type { SnapshotId } from "../base/ids.ts";
import type { Snapshot } from "../snapshots/snapshot.ts";

/** Numbers of one writer's chain, both ends included. */
export interface SeqRange {
  readonly from: number;
  readonly to: number;
}

/** Numbers of a chain of which nothing is there, below a snapshot that is. */
export interface ChainGap extends SeqRange {
  readonly writer: string;
  /** The snapshot after it: the evidence. */
  readonly next: Snapshot;
  /** The id of number `to`, as `next` names it, when `next` is number `to + 1`. */
  readonly lastId: SnapshotId | undefined;
}

/** Authentic snapshots whose chain fields contradict each other. */
export type ChainContradiction =
  /** A snapshot says of the one before what that one is not. */
  | {
      readonly kind: "broken-link";
      readonly snapshot: Snapshot;
      readonly previous: Snapshot | undefined;
    }
  /**
   * Two lines under one writer id that both went on: two machines with a copied id, or a storage that
   * showed one client an old state for a while.
   */
  | { readonly kind: "fork"; readonly first: Snapshot; readonly second: Snapshot };

export interface ChainFindings {
  readonly gaps: readonly ChainGap[];
  readonly contradictions: readonly ChainContradiction[];
}

/** @param known Numbers by writer that need not be there: deleted lawfully, or accepted. */
export function examineChains(
  snapshots: readonly Snapshot[],
  known: ReadonlyMap<string, readonly SeqRange[]>,
): ChainFindings {
  const byId = new Map(snapshots.map((snapshot) => [snapshot.id, snapshot]));
  const gaps: ChainGap[] = [];
  const contradictions: ChainContradiction[] = [];
  for (const [writer, chain] of chainsOf(snapshots)) {
    const covered = mergeRanges([
      ...chain.map(({ seq }) => ({ from: seq, to: seq })),
      ...(known.get(writer) ?? []),
    ]);
    let from = 1;
    for (const range of covered) {
      const next = chain.find(({ seq }) => seq > range.from - 1);
      if (range.from > from && next !== undefined) {
        const lastId = next.seq === range.from ? next.previous : undefined;
        gaps.push({ writer, from, to: range.from - 1, next, lastId });
      }
      from = range.to + 1;
    }
    contradictions.push(...findBrokenLinks(chain, byId), ...findForks(chain));
  }
  return { gaps, contradictions };
}

/** The last snapshot of every writer. */
export function chainHeads(snapshots: readonly Snapshot[]): ReadonlyMap<string, Snapshot> {
  const heads = new Map<string, Snapshot>();
  for (const [writer, chain] of chainsOf(snapshots)) {
    const last = chain.at(-1);
    if (last !== undefined) heads.set(writer, last);
  }
  return heads;
}

/** Ranges in order, those that touch joined. */
export function mergeRanges(ranges: readonly SeqRange[]): readonly SeqRange[] {
  const merged: { from: number; to: number }[] = [];
  for (const { from, to } of [...ranges].sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last.to + 1) last.to = Math.max(last.to, to);
    else merged.push({ from, to });
  }
  return merged;
}

/** Snapshots by writer, in order of their numbers. */
function chainsOf(snapshots: readonly Snapshot[]): ReadonlyMap<string, readonly Snapshot[]> {
  const chains = new Map<string, Snapshot[]>();
  for (const snapshot of snapshots) {
    const chain = chains.get(snapshot.writer);
    if (chain === undefined) chains.set(snapshot.writer, [snapshot]);
    else chain.push(snapshot);
  }
  for (const chain of chains.values()) chain.sort((a, b) => a.seq - b.seq);
  return chains;
}

function findBrokenLinks(
  chain: readonly Snapshot[],
  byId: ReadonlyMap<SnapshotId, Snapshot>,
): ChainContradiction[] {
  const broken: ChainContradiction[] = [];
  for (const snapshot of chain) {
    const { writer, seq } = snapshot;
    const previous = snapshot.previous === undefined ? undefined : byId.get(snapshot.previous);
    const hasOne = snapshot.previous !== undefined;
    const fits = previous === undefined || (previous.writer === writer && previous.seq === seq - 1);
    if (hasOne !== seq > 1 || !fits) broken.push({ kind: "broken-link", snapshot, previous });
  }
  return broken;
}

/**
 * Two backups of one machine at the same time take the same number after the same snapshot, which is
 * no fault. A fork went on: the same number after different snapshots.
 */
function findForks(chain: readonly Snapshot[]): ChainContradiction[] {
  const forks: ChainContradiction[] = [];
  for (let i = 1; i < chain.length; i++) {
    const first = chain[i - 1];
    const second = chain[i];
    if (first === undefined || second === undefined || first.seq !== second.seq) continue;
    if (first.previous !== second.previous) forks.push({ kind: "fork", first, second });
  }
  return forks;
}
