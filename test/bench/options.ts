/** What `npm run bench` is asked for. */
import { existsSync } from "node:fs";
import { cpus } from "node:os";
import { resolve } from "node:path";
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
  /** An older release of a source tree and a newer one. */
  readonly releases: readonly [string, string] | undefined;
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
  --releases OLD,NEW two unpacked releases of a source tree, for the row backup-release
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
      releases: { type: "string" },
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
    releases: values.releases === undefined ? undefined : releasesOf(values.releases),
    cold: values.cold,
  };
}

function releasesOf(text: string): [string, string] {
  const [older, newer, ...rest] = wordsOf(text).map((path) => resolve(path));
  if (older === undefined || newer === undefined || rest.length > 0) {
    throw new Error(`--releases wants two folders, as in --releases linux-6.1.170,linux-6.1.192`);
  }
  for (const path of [older, newer]) {
    if (!existsSync(path)) throw new Error(`--releases: there is no ${path}`);
  }
  return [older, newer];
}

function wordsOf(text: string): string[] {
  return text.split(",").filter((word) => word !== "");
}

/** Cores as the terminal table names them. */
export function processorName(): string {
  const all = cpus();
  return `${all.length} × ${all[0]?.model ?? "unknown processor"}`;
}
