/** What stands around every screen: the header, and below it the place of the screen. */
import type { ReactNode } from "react";

import type { SessionInfo } from "../../../src/server/api.ts";
import { Toasts } from "../components/toast.tsx";
import { Header } from "./header.tsx";
import styles from "./shell.module.css";

export function Shell({
  session,
  children,
}: {
  /** Absent while nobody knows who is logged in. */
  readonly session: Extract<SessionInfo, { authenticated: true }> | undefined;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <div className={styles["shell"]}>
      <a href="#content" className={styles["skip"]}>
        Skip to content
      </a>
      <Header session={session} />
      <main id="content" tabIndex={-1} className={styles["main"]}>
        {children}
      </main>
      <Toasts />
    </div>
  );
}
