/** Highlights beside the page, so that a large file does not hold it up. */
import hljs from "highlight.js/lib/common";

import { linesOfHighlighted } from "./highlight-lines.ts";

export interface HighlightRequest {
  readonly text: string;
  readonly language: string;
}

addEventListener("message", ({ data }: MessageEvent<HighlightRequest>) => {
  const known = hljs.getLanguage(data.language) !== undefined;
  // Nothing: the text stays as it is.
  const lines = known
    ? linesOfHighlighted(
        hljs.highlight(data.text, { language: data.language, ignoreIllegals: true }).value,
      )
    : undefined;
  postMessage(lines);
});
