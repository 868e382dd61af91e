/** All restores since the server was started: those that run, and what became of the others. */
import { ArchiveRestore, CircleAlert, CircleCheck, CircleSlash, LoaderCircle } from "lucide-react";
import type { LucideIcon } from "lucide-react";
import { useState } from "react";
import type { ReactNode } from "react";

import type { RestoreJob } from "../../../../src/server/api.ts";
import { messageOf } from "../../api/client.ts";
import { Badge } from "../../components/badge.tsx";
import type { Tone } from "../../components/badge.tsx";
import { Button, LinkButton } from "../../components/button.tsx";
import { ScreenTitle } from "../../components/screen.tsx";
import { EmptyState, ErrorState, SkeletonRows } from "../../components/states.tsx";
import { RelativeTime } from "../../components/time.tsx";
import { showToast } from "../../components/toast.tsx";
import { formatCount, formatDuration } from "../../format.ts";
import { timelineHref } from "../../routes.ts";
import { useTitle } from "../../shell/use-title.ts";
import { JobProgress } from "./job-progress.tsx";
import { JobResult } from "./job-result.tsx";
import { itemsTitle, targetWords, writtenWords } from "./job-words.ts";
import styles from "./restores-screen.module.css";
import { isRunning, useCancelRestore, useRestore, useRestores } from "./take-back-queries.ts";

export default function RestoresScreen(): ReactNode {
  useTitle("Restores");
  const { data: jobs, isPending, isError, error, refetch } = useRestores();
  return (
    <div className={styles["screen"]}>
      <div className={styles["page"]}>
        <header className={styles["head"]}>
          <ScreenTitle>Restores</ScreenTitle>
          <p>Kept until forge is stopped. They go on when this page is closed.</p>
        </header>
        {isPending ? (
          <SkeletonRows count={4} rowHeight={72} label="Loading restores" />
        ) : isError ? (
          <ErrorState
            title="The restores cannot be listed"
            error={error}
            onRetry={() => void refetch()}
          />
        ) : jobs.length === 0 ? (
          <EmptyState
            icon={ArchiveRestore}
            title="Nothing was restored yet"
            actions={<LinkButton href={timelineHref}>Show all snapshots</LinkButton>}
          >
            Open a snapshot, select what you need, and choose Restore.
          </EmptyState>
        ) : (
          <ul className={styles["jobs"]}>
            {jobs.map((job) => (
              <JobCard key={job.id} job={job} />
            ))}
          </ul>
        )}
      </div>
    </div>
  );
}

function JobCard({ job }: { readonly job: RestoreJob }): ReactNode {
  const [open, setOpen] = useState(false);
  const running = isRunning(job);
  return (
    <li className={styles["job"]}>
      <div className={styles["line"]}>
        <div className={styles["what"]}>
          <h2>{itemsTitle(job)}</h2>
          <p className={styles["where"]}>
            to <span className={job.target && styles["path"]}>{targetWords(job)}</span>
          </p>
        </div>
        <JobState job={job} />
      </div>
      {running ? (
        <JobProgress job={job} />
      ) : (
        <p className={styles["summary"]}>
          {job.result && `${writtenWords(job.result)} written`}
          {job.endedMs !== undefined && ` in ${formatDuration(job.endedMs - job.startedMs)}`}
          {", "}
          <RelativeTime timeMs={job.endedMs ?? job.startedMs} />
        </p>
      )}
      {open && <OpenResult id={job.id} />}
      <div className={styles["buttons"]}>
        {running ? (
          <CancelButton id={job.id} />
        ) : (
          <Button
            size="small"
            variant="quiet"
            aria-expanded={open}
            onClick={() => {
              setOpen(!open);
            }}
          >
            {open ? "Hide details" : "Show details"}
          </Button>
        )}
      </div>
    </li>
  );
}

function OpenResult({ id }: { readonly id: string }): ReactNode {
  const { data: job, isError, error } = useRestore(id);
  if (isError) return <ErrorState title="The details cannot be shown" error={error} />;
  return job === undefined ? (
    <SkeletonRows count={3} rowHeight={28} label="Loading details" />
  ) : (
    <JobResult job={job} isTitled />
  );
}

function CancelButton({ id }: { readonly id: string }): ReactNode {
  const cancel = useCancelRestore();
  const [busy, setBusy] = useState(false);
  return (
    <Button
      size="small"
      busy={busy}
      onClick={() => {
        setBusy(true);
        cancel(id).catch((error: unknown) => {
          setBusy(false);
          const text = `The restore cannot be cancelled. ${messageOf(error)}`;
          showToast({ tone: "danger", text });
        });
      }}
    >
      Cancel the restore
    </Button>
  );
}

function JobState({ job: { state, progress } }: { readonly job: RestoreJob }): ReactNode {
  const [tone, icon, text] = stateWords(state, progress.problems);
  return (
    <Badge tone={tone} icon={icon}>
      {text}
    </Badge>
  );
}

function stateWords(state: RestoreJob["state"], problems: number): [Tone, LucideIcon, string] {
  switch (state) {
    case "running":
      return ["accent", LoaderCircle, "Running"];
    case "done":
      return problems === 0
        ? ["success", CircleCheck, "Done"]
        : ["warning", CircleAlert, formatCount(problems, "problem")];
    case "failed":
      return ["danger", CircleAlert, "Failed"];
    case "cancelled":
      return ["neutral", CircleSlash, "Cancelled"];
    default:
      return state satisfies never;
  }
}
