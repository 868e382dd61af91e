/** Small words on a ground: a state, a tag, a number. */
import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";

import { classNames } from "./class-names.ts";
import styles from "./badge.module.css";

export type Tone = "neutral" | "accent" | "success" | "warning" | "danger";

export function Badge({
  tone = "neutral",
  icon: Icon,
  title,
  children,
}: {
  readonly tone?: Tone;
  readonly icon?: LucideIcon;
  readonly title?: string | undefined;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <span className={classNames(styles["badge"], styles[tone])} title={title}>
      {Icon && <Icon aria-hidden size={12} />}
      {children}
    </span>
  );
}

/** A tag of a snapshot. */
export function Tag({ children }: { readonly children: string }): ReactNode {
  return <span className={classNames(styles["badge"], styles["tag"])}>{children}</span>;
}
