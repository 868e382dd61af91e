/** All snapshots by time. */
import type { ReactNode } from "react";

export function TimelineScreen(): ReactNode {
  return null;
}
