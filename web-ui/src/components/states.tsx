/** What a screen shows when there is nothing to show yet, nothing at all, or something went wrong. */
import { CircleAlert, CircleCheck, Info, RotateCw, TriangleAlert } from "lucide-react";
import type { LucideIcon } from "lucide-react";
import { useEffect, useState } from "react";
import type { ReactNode } from "react";

import { messageOf } from "../api/client.ts";
import { Button } from "./button.tsx";
import { classNames } from "./class-names.ts";
import styles from "./states.module.css";

export function EmptyState({
  icon: Icon,
  title,
  children,
  actions,
}: {
  readonly icon?: LucideIcon;
  readonly title: string;
  readonly children?: ReactNode;
  readonly actions?: ReactNode;
}): ReactNode {
  return (
    <div className={styles["state"]}>
      {Icon && (
        <div className={styles["icon"]}>
          <Icon aria-hidden size={24} strokeWidth={1.75} />
        </div>
      )}
      <h2>{title}</h2>
      {children !== undefined && <div className={styles["text"]}>{children}</div>}
      {actions !== undefined && <div className={styles["actions"]}>{actions}</div>}
    </div>
  );
}

/** A failure with its cause, and a button that tries again. */
export function ErrorState({
  title,
  error,
  onRetry,
  actions,
}: {
  /** What failed: "The folder cannot be shown". */
  readonly title: string;
  readonly error: unknown;
  readonly onRetry?: (() => void) | undefined;
  readonly actions?: ReactNode;
}): ReactNode {
  return (
    <div className={styles["state"]} role="alert">
      <div className={classNames(styles["icon"], styles["bad"])}>
        <CircleAlert aria-hidden size={24} strokeWidth={1.75} />
      </div>
      <h2>{title}</h2>
      <p className={styles["text"]}>{messageOf(error)}</p>
      <div className={styles["actions"]}>
        {onRetry && (
          <Button icon={RotateCw} onClick={onRetry}>
            Try again
          </Button>
        )}
        {actions}
      </div>
    </div>
  );
}

const NOTICE_ICONS = {
  warning: TriangleAlert,
  danger: CircleAlert,
  info: Info,
  success: CircleCheck,
};

/** One line above content that is there but not whole. */
export function Notice({
  tone = "warning",
  children,
  action,
}: {
  readonly tone?: "warning" | "danger" | "info" | "success";
  readonly children: ReactNode;
  readonly action?: ReactNode;
}): ReactNode {
  const Icon = NOTICE_ICONS[tone];
  return (
    <div
      role={tone === "danger" ? "alert" : "status"}
      className={classNames(styles["notice"], styles[tone])}
    >
      <Icon aria-hidden size={16} />
      <div className={styles["noticeText"]}>{children}</div>
      {action}
    </div>
  );
}

/** A grey shape where something will be. */
export function Skeleton({
  width = "100%",
  height = 14,
  round = false,
}: {
  readonly width?: number | string;
  readonly height?: number | string;
  readonly round?: boolean;
}): ReactNode {
  return (
    <span
      aria-hidden
      className={classNames(styles["skeleton"], round && styles["round"])}
      style={{ width, height }}
    />
  );
}

/** Rows of a list that is loading. */
export function SkeletonRows({
  count,
  rowHeight,
  label = "Loading",
}: {
  readonly count: number;
  readonly rowHeight: number;
  readonly label?: string;
}): ReactNode {
  return (
    <div role="status" aria-label={label} className={styles["rows"]}>
      {Array.from({ length: count }, (_, index) => (
        <div key={index} className={styles["row"]} style={{ height: rowHeight }}>
          <Skeleton width={18} height={18} />
          <Skeleton width={`${28 + ((index * 37) % 34)}%`} />
        </div>
      ))}
    </div>
  );
}

/** Whether `pending` has lasted longer than `afterMs`. */
export function useSlow(pending: boolean, afterMs = 2000): boolean {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    if (!pending) return;
    const timer = setTimeout(() => {
      setSlow(true);
    }, afterMs);
    return () => {
      clearTimeout(timer);
      setSlow(false);
    };
  }, [pending, afterMs]);
  return pending && slow;
}

/** Says that something takes long; takes no room until then. */
export function SlowNotice({
  pending,
  children = "This takes longer than usual. The storage may be slow to answer.",
}: {
  readonly pending: boolean;
  readonly children?: ReactNode;
}): ReactNode {
  const slow = useSlow(pending);
  return (
    <p role="status" className={styles["slow"]} hidden={!slow}>
      {slow && children}
    </p>
  );
}
