/** The way to the restores, in the header: with a mark while one runs, and a word when one ends. */
import { ArchiveRestore } from "lucide-react";
import { useEffect, useRef } from "react";
import type { ReactNode } from "react";

import type { RestoreJob } from "../../../../src/server/api.ts";
import { Link } from "../../components/link.tsx";
import { showToast } from "../../components/toast.tsx";
import { formatCount } from "../../format.ts";
import { restoresHref } from "../../routes.ts";
import { itemsTitle } from "./job-words.ts";
import styles from "./restores-indicator.module.css";
import { isRunning, useRestores, wasWatched } from "./take-back-queries.ts";

export function RestoresIndicator(): ReactNode {
  const { data: jobs } = useRestores();
  const running = jobs?.filter(isRunning).length ?? 0;
  useEndings(jobs);
  const label = running === 0 ? "Restores" : `${formatCount(running, "restore")} running`;
  return (
    <Link href={restoresHref} aria-label={label} title={label} className={styles["indicator"]}>
      <ArchiveRestore aria-hidden size={18} />
      {running > 0 && <span aria-hidden className={styles["mark"]} />}
    </Link>
  );
}

/** Tells of a restore that ended while people looked elsewhere. */
function useEndings(jobs: readonly RestoreJob[] | undefined): void {
  const seen = useRef<ReadonlySet<string>>(new Set());
  useEffect(() => {
    if (jobs === undefined) return;
    for (const job of jobs) {
      if (isRunning(job) || !seen.current.has(job.id)) continue;
      const isSeen = wasWatched(job.id) || location.pathname === restoresHref;
      if (isSeen || job.state === "cancelled") continue;
      const name = itemsTitle(job);
      if (job.state === "failed") showToast({ tone: "danger", text: `Could not restore ${name}.` });
      else if (job.progress.problems === 0) {
        showToast({ tone: "success", text: `Restored ${name}.` });
      } else {
        const problems = formatCount(job.progress.problems, "problem");
        showToast({ tone: "danger", text: `Restored ${name} with ${problems}.` });
      }
    }
    seen.current = new Set(jobs.filter(isRunning).map(({ id }) => id));
  }, [jobs]);
}
