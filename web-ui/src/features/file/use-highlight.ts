/** The lines of a text: plain at once, with colours as soon as a worker has found them. */
import { useEffect, useMemo, useState } from "react";

import { codeLanguage } from "./code-language.ts";
import type { HighlightRequest } from "./highlight.worker.ts";
import { plainLines } from "./highlight-lines.ts";
import type { Line } from "./highlight-lines.ts";

/** Larger texts stay plain: colours would come after they were read. */
const HIGHLIGHT_CHARS_MAX = 384 * 1024;

interface Coloured {
  readonly text: string;
  readonly lines: readonly Line[];
}

export function useHighlight(text: string, name: string): readonly Line[] {
  const plain = useMemo(() => plainLines(text), [text]);
  const [coloured, setColoured] = useState<Coloured | undefined>();
  const language = text.length <= HIGHLIGHT_CHARS_MAX ? codeLanguage(name, text) : undefined;
  useEffect(() => {
    if (language === undefined || language === "plaintext" || text === "") return;
    const worker = new Worker(new URL("./highlight.worker.ts", import.meta.url), {
      type: "module",
    });
    worker.addEventListener("message", ({ data }: MessageEvent<readonly Line[] | undefined>) => {
      // Colours must not change what is read.
      if (data?.length === plain.length) setColoured({ text, lines: data });
      worker.terminate();
    });
    worker.postMessage({ text, language } satisfies HighlightRequest);
    return () => {
      worker.terminate();
    };
  }, [text, language, plain]);
  return coloured?.text === text ? coloured.lines : plain;
}
