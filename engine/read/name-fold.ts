/**
 * How names are compared for people: one spelling for characters that Unicode writes in several ways
 * (macOS stores `é` as two code points), and on wish one case.
 */

/** Composed: NFC and NFD of one name are equal. */
export function composeName(text: string): string {
  return text.normalize("NFC");
}

/**
 * Composed and in lower case. The fold of a part of a text is a part of the fold of the text, so that
 * searching by parts finds what it should: the one letter whose lower case depends on its neighbours
 * (sigma at the end of a word) has a single form here.
 */
export function foldName(text: string): string {
  return composeName(text).toLowerCase().replaceAll("ς", "σ");
}
