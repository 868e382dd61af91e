/**
 * Turns what highlight.js writes into lines of marked pieces, so that the page makes text of them and
 * never HTML. Its output knows three things: `<span class="…">`, `</span>` and five entities.
 */

export interface Piece {
  readonly text: string;
  /** Class names of highlight.js, the innermost last; empty: not marked. */
  readonly marks: string;
}

export type Line = readonly Piece[];

const TOKEN = /<span class="([^"]*)">|<\/span>|&(?:amp|lt|gt|quot|#x27);|[^<&]+|[<&]/g;
const ENTITIES: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#x27;": "'",
};

/** The lines of `html`, whose text is that of the code which was highlighted. */
export function linesOfHighlighted(html: string): readonly Line[] {
  const lines: Line[] = [];
  const open: string[] = [];
  let line: Piece[] = [];
  for (const match of html.matchAll(TOKEN)) {
    const [token, opened] = match;
    if (opened !== undefined) open.push(opened);
    else if (token === "</span>") open.pop();
    else {
      // A span may go over several lines: each has its own pieces.
      const parts = (ENTITIES[token] ?? token).split("\n");
      for (const [index, text] of parts.entries()) {
        if (index > 0) {
          lines.push(line);
          line = [];
        }
        if (text !== "") line.push({ text, marks: open.join(" ") });
      }
    }
  }
  lines.push(line);
  return lines;
}

/** The lines of a text that is not highlighted. */
export function plainLines(text: string): readonly Line[] {
  return text.split("\n").map((line) => (line === "" ? [] : [{ text: line, marks: "" }]));
}
