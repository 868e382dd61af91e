import { expect, test } from "vitest";
import {
  type DiffRow,
  type DiffSide,
  diffText,
  foldRows,
} from "../../web-ui/src/features/compare/text-diff.ts";
import { SeededRandom, testSeed } from "../helpers/seeded-random.ts";

function textOf(side: DiffSide | undefined): string | undefined {
  return side?.pieces.map(({ text }) => text).join("");
}

/** What stands on one side of all rows. */
function sideOf(rows: readonly DiffRow[], side: "before" | "after"): string {
  return rows.flatMap((row) => textOf(row[side]) ?? []).join("\n");
}

function rowsOf(before: string, after: string): readonly DiffRow[] {
  return diffText(before, after)?.rows ?? [];
}

test("each side of the rows is its text, with its numbers in order", () => {
  const seed = testSeed();
  const random = new SeededRandom(seed);
  const line = (): string => random.pick(["", "a", "b", "port = 1", "port = 2", "  x y z"]);
  for (let round = 0; round < 200; round++) {
    const before = Array.from({ length: random.below(20) }, line);
    const after = before.flatMap((text) =>
      random.chance(0.2) ? [] : random.chance(0.2) ? [line(), text] : [text],
    );
    const rows = rowsOf(before.join("\n"), after.join("\n"));
    expect(sideOf(rows, "before"), `seed ${seed}`).toBe(before.join("\n"));
    expect(sideOf(rows, "after"), `seed ${seed}`).toBe(after.join("\n"));
    for (const side of ["before", "after"] as const) {
      const numbers = rows.flatMap((row) => row[side]?.number ?? []);
      expect(numbers, `seed ${seed}`).toEqual(numbers.map((_, i) => i + 1));
    }
  }
});

test("words that differ are marked in lines that are alike, and only there", () => {
  const [row] = rowsOf("port = 8080", "port = 9090");
  expect(row).toMatchObject({
    kind: "changed",
    before: { pieces: [{ text: "port = " }, { text: "8080", changed: true }] },
    after: { pieces: [{ text: "port = " }, { text: "9090", changed: true }] },
  });
  expect(rowsOf("one two three", "completely other words")[0]).toMatchObject({
    before: { pieces: [{ changed: false }] },
  });
});

test("line ends alone are no change of lines", () => {
  expect(diffText("a\r\nb\r\n", "a\nb\n")).toMatchObject({
    added: 0,
    removed: 0,
    onlyLineEnds: true,
  });
});

test("equal lines between changes are folded, three stay beside each", () => {
  const lines = Array.from({ length: 40 }, (_, i) => `line ${i}`);
  const changed = lines.with(20, "other words here");
  const sections = foldRows(rowsOf(lines.join("\n"), changed.join("\n")));
  expect(sections.map(({ kind, rows }) => [kind, rows.length])).toEqual([
    ["folded", 17],
    ["rows", 7],
    ["folded", 16],
  ]);
  expect(sections.flatMap(({ rows }) => rows)).toHaveLength(40);
});

test("texts of megabytes that have nothing in common end in time", () => {
  const many = (word: string): string =>
    Array.from({ length: 60_000 }, (_, i) => `${word} ${(i * 7919) % 60_000}`).join("\n");
  const startMs = performance.now();
  diffText(many("a"), many("b"));
  expect(performance.now() - startMs).toBeLessThan(20_000);
});
