/** The way from the root to where one is. Of a long way the middle is folded into a menu. */
import { ChevronRight, Ellipsis } from "lucide-react";
import { Fragment } from "react";
import type { ReactNode } from "react";

import { navigate } from "../router.ts";
import { IconButton } from "./button.tsx";
import { Link } from "./link.tsx";
import { Menu } from "./menu.tsx";
import { useNarrow } from "./use-media-query.ts";
import styles from "./breadcrumbs.module.css";

export interface Crumb {
  readonly label: ReactNode;
  /** Absent: where one is. */
  readonly href?: string | undefined;
  readonly key: string;
}

/** With more crumbs than `max` the middle is folded, so that the first and the last ones stay. */
const WIDE = { max: 9, end: 5 };
const NARROW = { max: 4, end: 2 };

export function Breadcrumbs({
  crumbs,
  label = "Path",
  linkLast = false,
}: {
  readonly crumbs: readonly Crumb[];
  /** The last one is not where one is, but a place above it. */
  readonly linkLast?: boolean;
  readonly label?: string;
}): ReactNode {
  const room = useNarrow() ? NARROW : WIDE;
  const folds = crumbs.length > room.max;
  const start = folds ? crumbs.slice(0, 1) : [];
  const folded = folds ? crumbs.slice(1, -room.end) : [];
  const end = folds ? crumbs.slice(-room.end) : crumbs;
  return (
    <nav aria-label={label} className={styles["nav"]}>
      <ol className={styles["list"]}>
        {start.map((crumb) => (
          <CrumbItem key={crumb.key} crumb={crumb} isHere={false} isLast={false} />
        ))}
        {folded.length > 0 && (
          <li className={styles["item"]}>
            <Menu
              label="Folders in between"
              align="start"
              trigger={(props) => (
                <IconButton {...props} icon={Ellipsis} size="small" label="Folders in between" />
              )}
              items={folded.map((crumb) => ({
                key: crumb.key,
                label: crumb.label,
                onSelect: () => {
                  if (crumb.href !== undefined) navigate(crumb.href);
                },
              }))}
            />
            <ChevronRight aria-hidden size={14} />
          </li>
        )}
        {end.map((crumb, index) => (
          <Fragment key={crumb.key}>
            <CrumbItem
              crumb={crumb}
              isHere={!linkLast && index === end.length - 1}
              isLast={index === end.length - 1}
            />
          </Fragment>
        ))}
      </ol>
    </nav>
  );
}

function CrumbItem({
  crumb,
  isHere,
  isLast,
}: {
  readonly crumb: Crumb;
  readonly isHere: boolean;
  readonly isLast: boolean;
}): ReactNode {
  return (
    <li className={styles["item"]}>
      {crumb.href !== undefined && !isHere ? (
        <Link href={crumb.href} className={styles["link"]}>
          {crumb.label}
        </Link>
      ) : (
        <span aria-current={isHere ? "page" : undefined} className={styles["here"]}>
          {crumb.label}
        </span>
      )}
      {!isLast && <ChevronRight aria-hidden size={14} />}
    </li>
  );
}
