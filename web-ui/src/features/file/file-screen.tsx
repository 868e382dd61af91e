/** A file of a snapshot. */
import type { ReactNode } from "react";

export default function FileScreen({
  path,
}: {
  readonly snapshotId: string;
  readonly path: string;
}): ReactNode {
  return path;
}
