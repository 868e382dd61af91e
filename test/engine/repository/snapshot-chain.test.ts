import { describe, expect, test } from "vitest";

import { type SnapshotId, parseId } from "../../../engine/base/ids.ts";
import {
  chainHeads,
  examineChains,
  mergeRanges,
} from "../../../engine/repository/snapshot-chain.ts";
import type { Snapshot } from "../../../engine/snapshots/snapshot.ts";
import { SeededRandom, testSeed } from "../../helpers/seeded-random.ts";
import { snapshotFields } from "../../helpers/snapshot-fields.ts";

const NOTHING = new Map();
const A = "a".repeat(32);
const B = "b".repeat(32);

function idOf(n: number): SnapshotId {
  return parseId<SnapshotId>(n.toString(16).padStart(64, "0"));
}

function snapshot(id: number, writer: string, seq: number, previous?: number): Snapshot {
  const named = previous === undefined ? {} : { previous: idOf(previous) };
  return { ...snapshotFields({ writer, seq, ...named }), id: idOf(id) };
}

/** Numbers 1 to `length`, with ids from `first`. */
function chain(writer: string, length: number, first: number): Snapshot[] {
  return Array.from({ length }, (_, i) =>
    snapshot(first + i, writer, i + 1, i === 0 ? undefined : first + i - 1),
  );
}

describe("a chain", () => {
  test("that is whole is without findings, whatever the order of the list", () => {
    const all = [...chain(A, 5, 1), ...chain(B, 3, 100)].reverse();
    expect(examineChains(all, NOTHING)).toEqual({ gaps: [], contradictions: [] });
    expect([...chainHeads(all)].map(([writer, { seq }]) => [writer, seq])).toEqual([
      [B, 3],
      [A, 5],
    ]);
  });

  test("of which one is missing tells its number, its id and who says so; but not of the last", () => {
    const all = chain(A, 5, 1);
    for (let i = 0; i < 4; i++) {
      const { gaps } = examineChains(
        all.filter((_, at) => at !== i),
        NOTHING,
      );
      expect(gaps).toMatchObject([
        { writer: A, from: i + 1, to: i + 1, lastId: idOf(i + 1), next: { id: idOf(i + 2) } },
      ]);
    }
    expect(examineChains(all.slice(0, 4), NOTHING).gaps).toEqual([]);
  });

  test("of which any set is missing: every number below the last shown is told, and no other", () => {
    const random = new SeededRandom(testSeed());
    for (let round = 0; round < 300; round++) {
      const all = chain(A, 1 + random.below(12), 1);
      const shown = all.filter(() => random.below(2) === 0);
      const deleted = all.filter((one) => !shown.includes(one) && random.below(2) === 0);
      const known = new Map([[A, mergeRanges(deleted.map(({ seq }) => ({ from: seq, to: seq })))]]);
      const { gaps, contradictions } = examineChains(shown, known);
      const told = gaps.flatMap(({ from, to }) =>
        Array.from({ length: to - from + 1 }, (_, i) => from + i),
      );
      const last = shown.at(-1)?.seq ?? 0;
      const wanted = all.filter((one) => one.seq < last && !shown.includes(one));
      expect(told).toEqual(wanted.filter((one) => !deleted.includes(one)).map(({ seq }) => seq));
      expect(contradictions).toEqual([]);
    }
  });

  test("with a number beyond all measure takes no time", () => {
    const far = snapshot(2, A, Number.MAX_SAFE_INTEGER, 9);
    const { gaps } = examineChains([snapshot(1, A, 1), far], NOTHING);
    expect(gaps).toMatchObject([{ from: 2, to: Number.MAX_SAFE_INTEGER - 1, lastId: idOf(9) }]);
  });

  test("whose links contradict the numbers is broken", () => {
    for (const wrong of [
      snapshot(9, A, 1, 1),
      snapshot(9, A, 3, 1),
      snapshot(9, A, 2, 100),
      snapshot(9, A, 2),
    ]) {
      const all = [snapshot(1, A, 1), ...chain(B, 2, 100), wrong];
      const { contradictions } = examineChains(all, NOTHING);
      expect(contradictions.filter(({ kind }) => kind === "broken-link")).toMatchObject([
        { snapshot: { id: idOf(9) } },
      ]);
    }
  });

  test("with two of one number is a fork once both went on, and not by two backups at once", () => {
    const twice = [...chain(A, 3, 1), snapshot(9, A, 3, 2)];
    expect(examineChains(twice, NOTHING).contradictions).toEqual([]);
    const on = [...twice, snapshot(4, A, 4, 3)];
    expect(examineChains(on, NOTHING).contradictions).toEqual([]);
    const forked = [...on, snapshot(10, A, 4, 9)];
    expect(examineChains(forked, NOTHING).contradictions).toMatchObject([{ kind: "fork" }]);
  });
});
