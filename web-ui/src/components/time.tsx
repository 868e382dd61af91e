/** Times in the page: readable, with the exact moment at hand. */
import { useEffect, useState } from "react";
import type { ReactNode } from "react";

import type { TimeMs } from "../../../src/server/api.ts";
import { formatDateTime, formatFullDateTime, formatRelative } from "../format.ts";

/** "3 hours ago", kept true. */
export function RelativeTime({ timeMs }: { readonly timeMs: TimeMs }): ReactNode {
  const nowMs = useNow();
  return (
    <time dateTime={isoOf(timeMs)} title={formatFullDateTime(timeMs)}>
      {formatRelative(timeMs, nowMs)}
    </time>
  );
}

/** "Nov 21, 2026, 2:05 PM" */
export function DateTime({ timeMs }: { readonly timeMs: TimeMs }): ReactNode {
  return (
    <time dateTime={isoOf(timeMs)} title={formatFullDateTime(timeMs)}>
      {formatDateTime(timeMs)}
    </time>
  );
}

function isoOf(timeMs: TimeMs): string | undefined {
  return Math.abs(timeMs) < 8.64e15 ? new Date(timeMs).toISOString() : undefined;
}

/** The time now, anew every half minute. */
export function useNow(): TimeMs {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      setNow(Date.now());
    }, 30_000);
    return () => {
      clearInterval(timer);
    };
  }, []);
  return now;
}
