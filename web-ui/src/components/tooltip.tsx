/** Words that appear beside something that is pointed at or focused, and describe it. */
import { useId } from "react";
import type { ReactNode } from "react";

import styles from "./tooltip.module.css";

export function Tooltip({
  text,
  children,
  side = "top",
}: {
  readonly text: string;
  readonly children: (props: { readonly "aria-describedby": string }) => ReactNode;
  readonly side?: "top" | "bottom";
}): ReactNode {
  const id = useId();
  return (
    <span className={styles["frame"]}>
      {children({ "aria-describedby": id })}
      <span id={id} role="tooltip" className={styles["tip"]} data-side={side}>
        {text}
      </span>
    </span>
  );
}
