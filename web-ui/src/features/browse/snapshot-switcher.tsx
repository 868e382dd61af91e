/** The same path in another snapshot: one step back or forth in time, or any near by. */
import { CalendarClock, ChevronDown, ChevronLeft, ChevronRight, History } from "lucide-react";
import { useMemo } from "react";
import type { ReactNode } from "react";

import type { EncodedPath, SnapshotInfo } from "../../../../src/server/api.ts";
import { useSnapshots } from "../../api/queries.ts";
import { Button, IconButton } from "../../components/button.tsx";
import { Menu } from "../../components/menu.tsx";
import { Skeleton } from "../../components/states.tsx";
import { formatDateTime, formatFullDateTime } from "../../format.ts";
import { navigate } from "../../router.ts";
import { timelineHref } from "../../routes.ts";
import { pathsText, snapshotTitle } from "../../snapshot-words.ts";
import { seriesOf } from "./neighbours.ts";
import styles from "./snapshot-switcher.module.css";

/** Newer and older ones in the menu; all others are in the timeline. */
const NEAR = 12;

export function SnapshotSwitcher({
  snapshot,
  path,
  hrefIn,
}: {
  /** Absent while the list of snapshots is loading. */
  readonly snapshot: SnapshotInfo | undefined;
  readonly path: EncodedPath;
  /** The address of this screen in another snapshot. */
  readonly hrefIn: (snapshotId: string) => string;
}): ReactNode {
  const { data } = useSnapshots();
  const series = useMemo(
    () => (snapshot === undefined ? [] : seriesOf(data?.snapshots ?? [], snapshot, path)),
    [data, snapshot, path],
  );
  if (snapshot === undefined) return <Skeleton width={240} height={34} />;
  const at = series.findIndex(({ id }) => id === snapshot.id);
  const newer = series[at - 1];
  const older = series[at + 1];
  const near = series.slice(Math.max(0, at - NEAR), at + NEAR + 1);
  return (
    <div role="group" aria-label="Snapshot" className={styles["switcher"]}>
      <IconButton
        icon={ChevronLeft}
        label="Older snapshot"
        title={older ? `Older: ${formatFullDateTime(older.timeMs)}` : "This is the oldest"}
        disabled={older === undefined}
        onClick={() => {
          if (older) navigate(hrefIn(older.id));
        }}
      />
      <Menu
        label="Snapshots"
        trigger={(props) => (
          <Button {...props} className={styles["button"]} title={snapshotTitle(snapshot)}>
            <CalendarClock aria-hidden size={16} />
            <span className="visually-hidden">Snapshot of </span>
            <span className={styles["when"]}>{formatDateTime(snapshot.timeMs)}</span>
            <span className={styles["host"]}>{snapshot.hostname}</span>
            <ChevronDown aria-hidden size={14} />
          </Button>
        )}
        items={[
          ...near.map((one) => ({
            key: one.id,
            label: formatDateTime(one.timeMs),
            hint: one.name ?? one.label ?? pathsText(one, 2),
            current: one.id === snapshot.id,
            onSelect: () => {
              if (one.id !== snapshot.id) navigate(hrefIn(one.id));
            },
          })),
          {
            key: "all",
            label: "All snapshots",
            icon: History,
            onSelect: () => {
              navigate(timelineHref);
            },
          },
        ]}
      />
      <IconButton
        icon={ChevronRight}
        label="Newer snapshot"
        title={newer ? `Newer: ${formatFullDateTime(newer.timeMs)}` : "This is the newest"}
        disabled={newer === undefined}
        onClick={() => {
          if (newer) navigate(hrefIn(newer.id));
        }}
      />
    </div>
  );
}
