/** How far something is; without `value` only that it is under way. */
import type { ReactNode } from "react";

import { classNames } from "./class-names.ts";
import styles from "./progress-bar.module.css";

export function ProgressBar({
  value,
  label,
  tone = "accent",
}: {
  /** 0 … 1. */
  readonly value?: number | undefined;
  readonly label: string;
  readonly tone?: "accent" | "success" | "danger";
}): ReactNode {
  const percent =
    value === undefined ? undefined : Math.round(Math.min(1, Math.max(0, value)) * 100);
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      className={styles["track"]}
    >
      <div
        className={classNames(
          styles["bar"],
          styles[tone],
          percent === undefined && styles["unknown"],
        )}
        style={percent === undefined ? undefined : { width: `${percent}%` }}
      />
    </div>
  );
}
