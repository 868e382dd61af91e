/** Rows of a list with a cursor: what shows where it is, and clicks beside the links. */
import type { HTMLAttributes, ReactNode } from "react";

import { navigate } from "../router.ts";
import { classNames } from "./class-names.ts";
import styles from "./list-row.module.css";

/** Its columns and their distance are the caller's. */
export function ListRow({
  current,
  className,
  ...rest
}: HTMLAttributes<HTMLDivElement> & {
  /** The cursor of the keyboard is on it. */
  readonly current: boolean;
}): ReactNode {
  return (
    <div
      {...rest}
      role="row"
      aria-selected={current}
      className={classNames(styles["row"], current && styles["current"], className)}
    />
  );
}

/** The first cell: an icon and the name, which gives way when there is little room. */
export function LeadCell({ className, ...rest }: HTMLAttributes<HTMLDivElement>): ReactNode {
  return <div {...rest} role="gridcell" className={classNames(styles["lead"], className)} />;
}

/** A row all of which leads to `href`, but for links and boxes in it. */
export function ClickableRow({
  href,
  children,
}: {
  readonly href: string;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <div
      role="presentation"
      className={styles["click"]}
      onClick={(event) => {
        if (event.target instanceof Element && event.target.closest("a, label")) return;
        navigate(href);
      }}
    >
      {children}
    </div>
  );
}
