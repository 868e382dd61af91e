/** What stands around a preview: a thin bar with what is known of it, and what can be done with it. */
import type { ReactNode } from "react";

import type { EncodedPath, EntryDetails } from "../../../../src/server/api.ts";
import { Skeleton } from "../../components/states.tsx";
import styles from "./preview-frame.module.css";

export interface PreviewProps {
  readonly details: EntryDetails;
  readonly path: EncodedPath;
}

export function PreviewFrame({
  bar,
  tools,
  notice,
  children,
}: {
  readonly bar: ReactNode;
  readonly tools?: ReactNode;
  readonly notice?: ReactNode;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <div className={styles["frame"]}>
      <div className={styles["bar"]}>
        <div className={styles["about"]}>{bar}</div>
        {tools !== undefined && <div className={styles["tools"]}>{tools}</div>}
      </div>
      {notice !== undefined && notice !== false && <div className={styles["notice"]}>{notice}</div>}
      {children}
    </div>
  );
}

export function PreviewSkeleton(): ReactNode {
  return (
    <div role="status" aria-label="Loading the preview" className={styles["skeleton"]}>
      {Array.from({ length: 18 }, (_, index) => (
        <Skeleton key={index} width={`${22 + ((index * 41) % 58)}%`} />
      ))}
    </div>
  );
}
