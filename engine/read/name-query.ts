/** What is looked for by name, and which names of a page it finds. */
import { assert } from "../base/errors.ts";
import { composeName, foldName } from "./name-fold.ts";
import type { NamePage } from "./name-page.ts";
import type { FsEntryType } from "./readonly-fs.ts";

export interface NameQuery {
  readonly pattern: NamePattern;
  /** Upper and lower case are the same, in all scripts. */
  readonly ignoreCase: boolean;
  readonly types?: ReadonlySet<FsEntryType> | undefined;
}

export type NamePattern =
  /**
   * Stands anywhere in the name. With slashes: what is behind the last is how the name begins, what is
   * before it how the path of its folder ends; with one at the beginning it is the whole path.
   */
  | { readonly kind: "part"; readonly text: string }
  /**
   * Holds for the name alone, or for the path without a slash at the beginning. It is given the text
   * composed, and in lower case when case is ignored (see name-fold.ts).
   */
  | {
      readonly kind: "test";
      readonly of: "name" | "path";
      readonly test: (text: string) => boolean;
    };

/** How well a name fits: 0 it is what was asked for, 1 it begins with it, 2 it has it somewhere. */
export type Fit = 0 | 1 | 2;

/** One name of a page that was found. */
export interface NameMatch {
  readonly index: number;
  readonly fit: Fit;
}

/** A query made ready. It remembers what it found in each page, as pages stand in many places. */
export class NameMatcher {
  readonly #query: NameQuery;
  /** What is compared: of a pattern with slashes the part behind the last. */
  readonly #needle: string = "";
  /** Folded whatever the case, to find the places that are then looked at closely. */
  readonly #foldedNeedle: string = "";
  /** With slashes: what is before the last; "" when that is the first character. */
  readonly #folder: string | undefined;
  readonly #isAnchored: boolean = false;
  readonly #remembered = new WeakMap<NamePage, readonly NameMatch[]>();

  constructor(query: NameQuery) {
    this.#query = query;
    const { pattern } = query;
    if (pattern.kind === "test") return;
    const text = this.#spell(pattern.text).replace(/\/+$/, "");
    const slash = text.lastIndexOf("/");
    this.#needle = text.slice(slash + 1);
    this.#foldedNeedle = foldName(this.#needle);
    assert(this.#needle !== "", "a search for an empty name");
    if (slash < 0) return;
    this.#folder = text.slice(0, slash);
    this.#isAnchored = text.startsWith("/");
  }

  /** Whether `find` wants the path of the folder. */
  get needsFolder(): boolean {
    const { pattern } = this.#query;
    return this.#folder !== undefined || (pattern.kind === "test" && pattern.of === "path");
  }

  /** A name as it is compared, for making the path of a folder. */
  spellName(page: NamePage, index: number): string {
    return this.#query.ignoreCase ? page.foldedName(index) : page.composedName(index);
  }

  /**
   * The entries of a page that match.
   * @param folder Path of the folder the page belongs to, each name after a slash; "" for the root.
   *   Made of `spellName`. Only looked at if `needsFolder`.
   */
  find(page: NamePage, folder: string): readonly NameMatch[] {
    const { pattern } = this.#query;
    if (pattern.kind === "test" && pattern.of === "path") {
      return this.#test(page, pattern.test, folder === "" ? "" : `${folder.slice(1)}/`);
    }
    if (this.#folder !== undefined && !this.#isFolder(folder)) return [];
    let matches = this.#remembered.get(page);
    if (matches === undefined) {
      matches =
        pattern.kind === "test" ? this.#test(page, pattern.test, "") : this.#findParts(page);
      this.#remembered.set(page, matches);
    }
    return matches;
  }

  #isFolder(folder: string): boolean {
    const wanted = this.#folder ?? "";
    return this.#isAnchored ? folder === wanted : folder.endsWith(wanted);
  }

  #findParts(page: NamePage): readonly NameMatch[] {
    const matches: NameMatch[] = [];
    const { folded } = page;
    const wanted = this.#folder === undefined ? this.#foldedNeedle : `/${this.#foldedNeedle}`;
    for (let at = folded.indexOf(wanted); at >= 0;) {
      const index = page.entryAt(at);
      const next = page.foldedStart(index + 1) - 1;
      const fit = this.#fitOf(page, index, at + (this.#folder === undefined ? 0 : 1));
      if (fit !== undefined && this.#isType(page, index)) matches.push({ index, fit });
      // On with the next name: another place in the same one tells nothing new.
      at = folded.indexOf(wanted, next);
    }
    return matches.length === 0 ? NOTHING : matches;
  }

  /** How the name fits whose fold has the needle at `at`; `undefined` when only the fold has it. */
  #fitOf(page: NamePage, index: number, at: number): Fit | undefined {
    if (this.#query.ignoreCase) {
      const start = page.foldedStart(index);
      if (at !== start) return 2;
      return page.foldedStart(index + 1) - 1 - start === this.#foldedNeedle.length ? 0 : 1;
    }
    const name = page.composedName(index);
    if (name === this.#needle) return 0;
    if (name.startsWith(this.#needle)) return 1;
    return this.#folder === undefined && name.includes(this.#needle) ? 2 : undefined;
  }

  #test(page: NamePage, test: (text: string) => boolean, before: string): readonly NameMatch[] {
    const matches: NameMatch[] = [];
    for (let index = 0; index < page.count; index++) {
      if (!this.#isType(page, index)) continue;
      if (test(before + this.spellName(page, index))) matches.push({ index, fit: 0 });
    }
    return matches.length === 0 ? NOTHING : matches;
  }

  #isType(page: NamePage, index: number): boolean {
    return this.#query.types === undefined || this.#query.types.has(page.type(index));
  }

  #spell(text: string): string {
    return this.#query.ignoreCase ? foldName(text) : composeName(text);
  }
}

const NOTHING: readonly NameMatch[] = [];
