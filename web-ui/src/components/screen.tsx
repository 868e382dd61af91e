/** The frame of a screen: it fills the room below the header, and what scrolls is a part of it. */
import type { ReactNode } from "react";

import { classNames } from "./class-names.ts";
import styles from "./screen.module.css";

export function Screen({
  flowing = false,
  children,
}: {
  /** Where there is little room, it is as high as its parts and scrolls whole. */
  readonly flowing?: boolean;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <div className={classNames(styles["screen"], flowing && styles["flowing"])}>{children}</div>
  );
}

/** A part as wide as a page, in the middle of a wider window. */
export function PageColumn({
  className,
  children,
}: {
  readonly className?: string | undefined;
  readonly children: ReactNode;
}): ReactNode {
  return <div className={classNames(styles["column"], className)}>{children}</div>;
}

/** The title of a screen and what one chooses there, above the list. */
export function ScreenHead({ children }: { readonly children: ReactNode }): ReactNode {
  return <header className={classNames(styles["column"], styles["head"])}>{children}</header>;
}

export function ScreenTitle({
  className,
  children,
}: {
  readonly className?: string | undefined;
  readonly children: ReactNode;
}): ReactNode {
  return <h1 className={classNames(styles["title"], className)}>{children}</h1>;
}
