/** What `npm run bench` is asked for. */
import { cpus } from "node:os";
import { parseArgs } from "node:util";

export interface BenchOptions {
  /** A small corpus and one repeat: minutes become seconds, and numbers become hints. */
  readonly quick: boolean;
  /** Row ids to run; empty means all. */
  readonly only: readonly string[];
  /** Peers to leave out or in; empty means all that are installed. */
  readonly tools: readonly string[];
  readonly repeats: number;
  readonly jsonPath: string | undefined;
  /** A folder for corpora, repositories and restores that is kept, and whose corpora are used again. */
  readonly keep: string | undefined;
  /** Drop the kernel's page cache before every row (root only). */
  readonly cold: boolean;
}

export const USAGE = `npm run bench [-- options]

  --quick            a small corpus and one repeat
  --only=ROW,…       these rows alone (ids as in test/bench/rows.ts)
  --tools=NAME,…     forge, restic, borg, rustic, vykar, kopia; those that are not installed are left out
  --repeats N        medians over N (3; 1 with --quick)
  --json FILE        also write everything measured
  --keep DIR         work there, keep it, and read from its data and repositories again
  --cold             drop the page cache before every row (root)
`;

/** @throws Error with a sentence for the terminal. */
export function readOptions(words: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...words],
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string", default: "" },
      tools: { type: "string", default: "" },
      repeats: { type: "string" },
      json: { type: "string" },
      keep: { type: "string" },
      cold: { type: "boolean", default: false },
    },
  });
  const repeats = Number(values.repeats ?? (values.quick ? 1 : 3));
  if (!Number.isInteger(repeats) || repeats < 1) {
    throw new Error(`--repeats is a whole number from 1, and not ${values.repeats ?? ""}`);
  }
  return {
    quick: values.quick,
    only: wordsOf(values.only),
    tools: wordsOf(values.tools),
    repeats,
    jsonPath: values.json,
    keep: values.keep,
    cold: values.cold,
  };
}

function wordsOf(text: string): string[] {
  return text.split(",").filter((word) => word !== "");
}

/** Cores as the terminal table names them. */
export function processorName(): string {
  const all = cpus();
  return `${all.length} × ${all[0]?.model ?? "unknown processor"}`;
}
