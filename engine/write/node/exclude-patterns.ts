/**
 * ExcludePatterns: gitignore patterns, relative to the path that is backed up. A pattern that begins
 * with a slash is also taken as an absolute path: below `/home/me`, `/home/m?/cache` and `/cache` both
 * mean `/home/me/cache`. Of the patterns that match, the last decides. A pattern never excludes the
 * path itself that was given.
 */
import ignore, { type Ignore } from "ignore";
import { ForgeError, messageOf } from "../../base/errors.ts";
import { findPatternFault } from "./pattern-fault.ts";

/** The library remembers every path it was asked about; it is made afresh after this many. */
const REMEMBERED_MAX = 50_000;

export class ExcludePatterns {
  readonly #patterns: readonly string[];
  #ignore: Ignore;
  #asked = 0;

  /**
   * @param root The path that is backed up, as text without a final slash ("" for `/`).
   * @param patterns In order; empty lines and comments do no harm.
   * @throws ForgeError "usage" for a pattern that cannot be used.
   */
  constructor(root: string, patterns: readonly string[]) {
    for (const pattern of patterns) {
      const fault = findPatternFault(pattern);
      if (fault !== undefined) throw unusable(pattern, fault);
    }
    const rootParts = root.split("/").filter((part) => part !== "");
    this.#patterns = patterns.flatMap((pattern) => {
      const relative = relativeTo(rootParts, pattern);
      return relative === undefined ? [pattern] : [pattern, relative];
    });
    this.#ignore = compile(this.#patterns);
  }

  /** @param path Relative to the root, as text; a directory's ends with a slash. */
  excludes(path: string): boolean {
    if (++this.#asked > REMEMBERED_MAX) {
      this.#asked = 0;
      this.#ignore = compile(this.#patterns);
    }
    return this.#ignore.ignores(path);
  }
}

/** The lines of an exclude file that are patterns. */
export function patternLines(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line.trim() !== "" && !line.startsWith("#"));
}

function compile(patterns: readonly string[]): Ignore {
  const rules = ignore({ ignorecase: false });
  for (const pattern of patterns) {
    try {
      rules.add(pattern);
    } catch (cause) {
      throw unusable(pattern, messageOf(cause), cause);
    }
  }
  return rules;
}

function unusable(pattern: string, reason: string, cause?: unknown): ForgeError {
  return new ForgeError("usage", `Cannot use the exclude pattern "${pattern}": ${reason}`, {
    cause,
  });
}

/** An absolute pattern as one relative to the root; `undefined` when it does not lead below it. */
function relativeTo(rootParts: readonly string[], pattern: string): string | undefined {
  const negation = pattern.startsWith("!") ? "!" : "";
  const body = pattern.slice(negation.length);
  if (!body.startsWith("/") || rootParts.length === 0) return undefined;
  const parts = body.slice(1).split("/");
  for (const [i, rootPart] of rootParts.entries()) {
    const part = parts[i];
    // It ends at the root or above: what was given explicitly is backed up.
    if (part === undefined || parts.length === i + 1) return undefined;
    // Any number of components, so also those that are left of the root's.
    if (part === "**") return `${negation}/${parts.slice(i).join("/")}`;
    if (part !== rootPart && !compile([`/${part}`]).ignores(rootPart)) return undefined;
  }
  const rest = parts.slice(rootParts.length).join("/");
  return rest === "" ? undefined : `${negation}/${rest}`;
}
