/** A browse of a snapshot. */
import type { ReactNode } from "react";

export default function BrowseScreen({
  path,
}: {
  readonly snapshotId: string;
  readonly path: string;
}): ReactNode {
  return path;
}
