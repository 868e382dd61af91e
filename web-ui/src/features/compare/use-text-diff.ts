/** The difference of two texts, made by a worker that ends with the component. */
import { useEffect, useState } from "react";

import type { TextDiff } from "./text-diff.ts";

export type TextDiffState =
  | { readonly status: "running" }
  | { readonly status: "done"; readonly diff: TextDiff }
  /** They differ too much, or comparing failed. */
  | { readonly status: "given-up" };

/** The worker itself gives up before; this is for one that does not answer at all. */
const ANSWER_MS_MAX = 12_000;

export function useTextDiff(before: string, after: string): TextDiffState {
  const [state, setState] = useState<TextDiffState>({ status: "running" });
  useEffect(() => {
    setState({ status: "running" });
    const worker = new Worker(new URL("./text-diff.worker.ts", import.meta.url), {
      type: "module",
    });
    const giveUp = (): void => {
      setState({ status: "given-up" });
      worker.terminate();
    };
    const timer = setTimeout(giveUp, ANSWER_MS_MAX);
    worker.onmessage = ({ data }: MessageEvent<TextDiff | undefined>) => {
      clearTimeout(timer);
      if (data === undefined) giveUp();
      else setState({ status: "done", diff: data });
    };
    worker.onerror = giveUp;
    worker.postMessage([before, after]);
    return () => {
      clearTimeout(timer);
      worker.terminate();
    };
  }, [before, after]);
  return state;
}
