/** Which part of a name was looked for. */

/** A piece of a name; `marked` when it is what was looked for. */
export interface NamePiece {
  readonly text: string;
  readonly marked: boolean;
}

/** The pieces of `name`. Globs mark nothing: what they match is the whole name. */
export function markName(name: string, query: string): readonly NamePiece[] {
  const plain = [{ text: name, marked: false }];
  if (/[*?[]/.test(query)) return plain;
  const needle = query.replace(/\/+$/, "").replace(/^.*\//, "").normalize("NFC");
  if (needle === "") return plain;
  const composed = name.normalize("NFC");
  const ignoreCase = query === query.toLowerCase();
  const lower = composed.toLowerCase();
  // Lower case that has another length would put the mark in the wrong place.
  if (ignoreCase && lower.length !== composed.length) return plain;
  const at = (ignoreCase ? lower : composed).indexOf(needle);
  if (at < 0) return plain;
  const end = at + needle.length;
  return [
    { text: composed.slice(0, at), marked: false },
    { text: composed.slice(at, end), marked: true },
    { text: composed.slice(end), marked: false },
  ].filter(({ text }) => text !== "");
}
