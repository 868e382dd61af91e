/** Tables for a terminal: columns as wide as their widest cell, two spaces between. */

export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

/** Lines of the table, the titles first. Cells are taken as they are: escape them before. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string[] {
  const all = [columns.map((column) => column.title), ...rows];
  const widths = columns.map((_, i) =>
    all.reduce((widest, row) => Math.max(widest, displayWidth(row[i] ?? "")), 0),
  );
  return all.map((row) =>
    columns
      .map((column, i) => {
        const cell = row[i] ?? "";
        const space = " ".repeat(Math.max(0, (widths[i] ?? 0) - displayWidth(cell)));
        return column.align === "right" ? space + cell : cell + space;
      })
      .join("  ")
      .trimEnd(),
  );
}

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const NO_WIDTH = /[\p{Mn}\p{Me}\u200b-\u200d\ufe0f]/u;

/** Cells of a terminal that `text` takes: wide characters two, combining ones none. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const char of text) width += widthOf(char);
  return width;
}

/** The end of `text` that fits `width` cells, with "…" before it when something was cut off. */
export function fitEnd(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let out = "";
  let used = 1;
  for (const char of Array.from(text).reverse()) {
    used += widthOf(char);
    if (used > width) break;
    out = char + out;
  }
  return width < 1 ? "" : `…${out}`;
}

function widthOf(char: string): number {
  if (char < "\u0300") return 1;
  if (NO_WIDTH.test(char)) return 0;
  return WIDE.test(char) ? 2 : 1;
}
