/** The best of what a search by name found: the order of hits, and a bound of how many are kept. */
import type { NamePlace } from "./merge-names.ts";
import type { Fit } from "./name-query.ts";

/** The way to an entry; names are views of pages. */
export interface Step extends NamePlace {
  readonly parent: Step | undefined;
}

/** A path that matched. */
export interface Found {
  readonly step: Step;
  readonly fit: Fit;
  readonly newest: number;
  readonly oldest: number;
  readonly snapshotCount: number;
  readonly versionCount: number;
  readonly isDeleted: boolean;
  /** Number in the order they were met: so that equals keep it. */
  readonly number: number;
}

/** Keeps the best of what was found, and little more. */
export class BestFound {
  readonly #limit: number;
  readonly #isDeleted: (step: Step, newest: number) => boolean;
  #kept: Found[] = [];
  /** None that comes after it is among the best. */
  #worst: Found | undefined;
  total = 0;

  constructor(limit: number, isDeleted: (step: Step, newest: number) => boolean) {
    this.#limit = limit;
    this.#isDeleted = isDeleted;
  }

  add(found: Omit<Found, "number" | "isDeleted">): void {
    const number = this.total++;
    if (this.#worst !== undefined && found.fit > this.#worst.fit) return;
    const isDeleted = found.newest > 0 && this.#isDeleted(found.step, found.newest);
    const ranked = { ...found, number, isDeleted };
    if (this.#worst !== undefined && byRank(ranked, this.#worst) > 0) return;
    this.#kept.push(ranked);
    if (this.#kept.length >= 2 * this.#limit + 1000) this.#cut();
  }

  finish(): readonly Found[] {
    this.#cut();
    return this.#kept;
  }

  #cut(): void {
    this.#kept = this.#kept.sort(byRank).slice(0, this.#limit);
    if (this.#kept.length === this.#limit) this.#worst = this.#kept.at(-1);
  }
}

function byRank(a: Found, b: Found): number {
  return (
    a.fit - b.fit ||
    Number(a.isDeleted) - Number(b.isDeleted) ||
    b.step.page.mtimeMs(b.step.index) - a.step.page.mtimeMs(a.step.index) ||
    a.number - b.number
  );
}
