/** A stream of JSON lines as the state of a component: begun anew when its address changes. */
import { useEffect, useState } from "react";

import { apiStream } from "./client.ts";

/** What has come of the stream at `url`. */
export interface StreamState<Line> {
  readonly url: string;
  readonly lines: readonly Line[];
  readonly status: "running" | "done" | "failed";
  readonly error: unknown;
}

/** Lines are shown together this often: each change draws the list anew. */
const SHOW_MS = 80;

/**
 * Reads `url`; nothing when it is `undefined`. A stream that was left is ended.
 * @returns what has come so far, which may still be of the address before; and `retry`.
 */
export function useStream<Line extends { readonly type: string }>(
  url: string | undefined,
): readonly [StreamState<Line> | undefined, () => void] {
  const [state, setState] = useState<StreamState<Line>>();
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    if (url === undefined) return;
    const controller = new AbortController();
    void read<Line>(url, controller.signal, setState);
    return () => {
      controller.abort();
    };
  }, [url, attempt]);
  return [
    state,
    () => {
      setAttempt(attempt + 1);
    },
  ];
}

async function read<Line extends { readonly type: string }>(
  url: string,
  signal: AbortSignal,
  show: (state: StreamState<Line>) => void,
): Promise<void> {
  const lines: Line[] = [];
  let shownMs = performance.now();
  try {
    for await (const line of apiStream<Line>(url, { signal })) {
      lines.push(line);
      const nowMs = performance.now();
      if (nowMs - shownMs < SHOW_MS) continue;
      shownMs = nowMs;
      show({ url, lines: [...lines], status: "running", error: undefined });
    }
    if (signal.aborted) return;
    const last = lines.at(-1);
    if (last?.type === "done") {
      show({ url, lines, status: "done", error: undefined });
    } else {
      const error =
        failureOf(last) ?? new Error("The server stopped answering before it was done.");
      show({ url, lines, status: "failed", error });
    }
  } catch (error) {
    if (!signal.aborted) show({ url, lines, status: "failed", error });
  }
}

function failureOf(line: unknown): Error | undefined {
  if (typeof line !== "object" || line === null || !("error" in line)) return undefined;
  const { error } = line;
  if (typeof error !== "object" || error === null || !("message" in error)) return undefined;
  return new Error(String(error.message));
}
