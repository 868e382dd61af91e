/**
 * Names of a snapshot as names of a ZIP archive. A snapshot has bytes in which all but NUL and `/` are
 * allowed; an archive has text that is unpacked anywhere, also by programs that take `\` for a folder
 * and `C:` for a drive. Names that are safe stay as they are.
 */
import { type Bytes, displayName, findUtf8, utf8 } from "../../engine/node.ts";

/** @param isTop It stands at the top of the archive, where a drive letter would mean a drive. */
export function zipNameOf(name: Bytes, isTop: boolean): { text: string; isExact: boolean } {
  const exact = findUtf8(name);
  // The escapes of bytes and control characters begin with a backslash, which goes below.
  let text = displayName(name).replace(/[\\/]/g, "_");
  if (text === "") text = "_";
  if (/^\.\.?$/.test(text)) text = text.replaceAll(".", "_");
  if (isTop && /^[a-z]:/i.test(text)) text = text.replace(":", "_");
  return { text, isExact: text === exact };
}

/** Gives the entries of one folder different names. */
export class UniqueNames {
  /** Names that were made, and for each the number to try next. */
  readonly #made = new Map<string, number>();
  readonly #isTaken: (name: Bytes) => Promise<boolean>;

  /** @param isTaken Whether an entry has the name as it is. */
  constructor(isTaken: (name: Bytes) => Promise<boolean>) {
    this.#isTaken = isTaken;
  }

  /** `wanted`, or with a number before the ending: `a (2).txt`. */
  async nameFor(wanted: string): Promise<string> {
    let name = wanted;
    for (;;) {
      const next = this.#made.get(wanted) ?? 2;
      if (!this.#made.has(name) && !(await this.#isTaken(utf8(name)))) break;
      name = numbered(wanted, next);
      this.#made.set(wanted, next + 1);
    }
    if (!this.#made.has(name)) this.#made.set(name, 2);
    return name;
  }
}

/** `a.txt` → `a (2).txt`; `.profile` → `.profile (2)` */
export function numbered(name: string, number: number): string {
  const [, stem = name, ending = ""] = /^(.+?)(\.[^. ]{1,8})?$/s.exec(name) ?? [];
  return `${stem} (${number})${ending}`;
}
