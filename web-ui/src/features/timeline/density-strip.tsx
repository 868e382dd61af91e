/** Time at a glance: a bar for each day, week or month, as high as it has snapshots. A click goes there. */
import { useMemo } from "react";
import type { ReactNode } from "react";

import type { SnapshotInfo, TimeMs } from "../../../../src/server/api.ts";
import { classNames } from "../../components/class-names.ts";
import { useNarrow } from "../../components/use-media-query.ts";
import { formatCount, formatDay, formatMonth } from "../../format.ts";
import { densityOf, spacedLabels } from "./density.ts";
import type { BucketUnit, TimeBucket } from "./density.ts";
import styles from "./density-strip.module.css";

/** Room that a label takes. */
const LABEL_PX = 36;

export function DensityStrip({
  snapshots,
  shownMs,
  onJump,
}: {
  readonly snapshots: readonly SnapshotInfo[];
  /** Time of the snapshot at the top of the list: its bar is marked. */
  readonly shownMs: TimeMs | undefined;
  readonly onJump: (bucket: TimeBucket) => void;
}): ReactNode {
  const { unit, buckets } = useMemo(() => densityOf(snapshots), [snapshots]);
  const most = Math.max(1, ...buckets.map(({ count }) => count));
  const labels = spacedLabels(buckets, (buckets.length * LABEL_PX) / (useNarrow() ? 340 : 1100));
  if (buckets.length < 2) return null;
  return (
    <div className={styles["strip"]} role="group" aria-label="Snapshots over time">
      {buckets.map((bucket) => {
        const shown = shownMs !== undefined && bucket.startMs <= shownMs && shownMs < bucket.endMs;
        return (
          <div key={bucket.startMs} className={styles["slot"]}>
            <button
              type="button"
              className={classNames(styles["bar"], shown && styles["shown"])}
              disabled={bucket.count === 0}
              tabIndex={-1}
              title={`${nameOf(unit, bucket)}: ${formatCount(bucket.count, "snapshot")}`}
              aria-label={`${nameOf(unit, bucket)}: ${formatCount(bucket.count, "snapshot")}`}
              onClick={() => {
                onJump(bucket);
              }}
            >
              <span
                style={{
                  height: bucket.count === 0 ? 2 : `${12 + 88 * Math.sqrt(bucket.count / most)}%`,
                }}
              />
            </button>
            {labels.has(bucket.startMs) && (
              <span aria-hidden className={styles["label"]}>
                {labels.get(bucket.startMs)}
              </span>
            )}
          </div>
        );
      })}
    </div>
  );
}

function nameOf(unit: BucketUnit, { startMs }: TimeBucket): string {
  switch (unit) {
    case "day":
      return formatDay(startMs);
    case "week":
      return `Week from ${formatDay(startMs)}`;
    case "month":
      return formatMonth(startMs);
    default:
      return unit satisfies never;
  }
}
