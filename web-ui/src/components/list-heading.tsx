/** A row of a list that is no entry: the title of those below it, and how many they are. */
import type { ReactNode } from "react";

import styles from "./list-heading.module.css";

/** What it takes in the list, in pixels. */
export const HEADING_ROW = 44;

export function ListHeading({
  title,
  count,
}: {
  readonly title: string;
  readonly count: string;
}): ReactNode {
  return (
    <div role="row" className={styles["heading"]}>
      <div role="gridcell">
        <h2>{title}</h2>
        <span>{count}</span>
      </div>
    </div>
  );
}
