/** A snapshot in the timeline: when, what, where, how much, and what it added. */
import { TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";

import type { SnapshotInfo, TimeMs } from "../../../../src/server/api.ts";
import { Badge, Tag } from "../../components/badge.tsx";
import { classNames } from "../../components/class-names.ts";
import { Checkbox } from "../../components/field.tsx";
import { Link } from "../../components/link.tsx";
import {
  formatCount,
  formatFullDateTime,
  formatNumber,
  formatSize,
  formatTimeOfDay,
} from "../../format.ts";
import { browseHref } from "../../routes.ts";
import { pathsText } from "../../snapshot-words.ts";
import { dayKey } from "./timeline-rows.ts";
import styles from "./snapshot-row.module.css";

const weekday = new Intl.DateTimeFormat(undefined, { weekday: "short" });

export function SnapshotRow({
  id,
  snapshot,
  startsDay,
  nowMs,
  current,
  picked,
  onPick,
}: {
  /** Of the element, for `aria-activedescendant`. */
  readonly id: string;
  readonly snapshot: SnapshotInfo;
  readonly startsDay: boolean;
  readonly nowMs: TimeMs;
  /** The cursor of the keyboard is on it. */
  readonly current: boolean;
  /** Chosen for a comparison. */
  readonly picked: boolean;
  readonly onPick: () => void;
}): ReactNode {
  const { stats } = snapshot;
  const named = snapshot.name ?? snapshot.label;
  return (
    <div
      id={id}
      role="row"
      aria-selected={picked}
      className={classNames(
        styles["row"],
        startsDay && styles["startsDay"],
        current && styles["current"],
        picked && styles["picked"],
      )}
    >
      <div role="gridcell" className={styles["day"]}>
        {startsDay && <DayMark timeMs={snapshot.timeMs} nowMs={nowMs} />}
      </div>
      <div role="gridcell" className={styles["pick"]}>
        <Checkbox
          label={`Compare the snapshot of ${formatFullDateTime(snapshot.timeMs)}`}
          hideLabel
          tabIndex={-1}
          checked={picked}
          onChange={onPick}
        />
      </div>
      <div role="gridcell" className={styles["time"]}>
        <time
          dateTime={new Date(snapshot.timeMs).toISOString()}
          title={formatFullDateTime(snapshot.timeMs)}
        >
          {formatTimeOfDay(snapshot.timeMs)}
        </time>
      </div>
      <div role="gridcell" className={styles["main"]}>
        <div className={styles["title"]}>
          <Link href={browseHref(snapshot.id, "")} tabIndex={-1} className={styles["link"]}>
            {named ?? pathsText(snapshot)}
          </Link>
          {snapshot.problems > 0 && (
            <Badge
              tone="warning"
              icon={TriangleAlert}
              title="Entries that were left out or are incomplete"
            >
              {formatCount(snapshot.problems, "problem")}
            </Badge>
          )}
        </div>
        <div className={styles["about"]}>
          <span>{snapshot.hostname}</span>
          {named !== undefined && <span className={styles["paths"]}>{pathsText(snapshot, 2)}</span>}
          {snapshot.tags.slice(0, 4).map((tag) => (
            <Tag key={tag}>{tag}</Tag>
          ))}
          <code className={styles["id"]}>{snapshot.shortId}</code>
        </div>
      </div>
      <div role="gridcell" className={styles["number"]}>
        <span className={styles["value"]}>{formatNumber(stats.files)}</span>
        <span className={styles["unit"]}>{stats.files === 1 ? "file" : "files"}</span>
      </div>
      <div role="gridcell" className={styles["number"]}>
        <span className={styles["value"]}>{formatSize(stats.bytes)}</span>
        <span className={styles["unit"]}>in total</span>
      </div>
      <div role="gridcell" className={styles["number"]} title={changesText(snapshot)}>
        <span className={styles["value"]}>
          {stats.bytesStored === 0 ? "–" : `+${formatSize(stats.bytesStored)}`}
        </span>
        <span className={styles["unit"]}>{stats.bytesStored === 0 ? "nothing new" : "stored"}</span>
      </div>
    </div>
  );
}

function changesText({ stats }: SnapshotInfo): string {
  return (
    `${formatNumber(stats.filesNew)} new, ${formatNumber(stats.filesChanged)} changed, ` +
    `${formatNumber(stats.filesUnchanged)} unchanged files`
  );
}

function DayMark({
  timeMs,
  nowMs,
}: {
  readonly timeMs: TimeMs;
  readonly nowMs: TimeMs;
}): ReactNode {
  const date = new Date(timeMs);
  const today = dayKey(timeMs) === dayKey(nowMs);
  return (
    <span className={classNames(styles["dayMark"], today && styles["today"])}>
      <span>{today ? "Today" : weekday.format(date)}</span>
      <strong>{date.getDate()}</strong>
    </span>
  );
}
