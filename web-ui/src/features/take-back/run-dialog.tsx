/** The last step of a restore: how far it is, then what was done. */
import { useEffect } from "react";
import type { ReactNode } from "react";

import type { RestoreJob } from "../../../../src/server/api.ts";
import { messageOf } from "../../api/client.ts";
import { Button, LinkButton } from "../../components/button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { ErrorState } from "../../components/states.tsx";
import { showToast } from "../../components/toast.tsx";
import { restoresHref } from "../../routes.ts";
import { JobProgress } from "./job-progress.tsx";
import { JobResult } from "./job-result.tsx";
import styles from "./restore-dialog.module.css";
import { isRunning, markWatched, useCancelRestore, useRestore } from "./take-back-queries.ts";

export function RunDialog({
  id,
  onClose,
}: {
  readonly id: string;
  readonly onClose: () => void;
}): ReactNode {
  const { data: job, isError, error, refetch } = useRestore(id);
  const cancel = useCancelRestore();
  const running = job === undefined || isRunning(job);
  useEffect(() => {
    if (!running) markWatched(id);
  }, [running, id]);
  return (
    <Dialog
      open
      onClose={onClose}
      title={titleOf(job)}
      footer={
        running ? (
          <>
            <Button
              variant="danger"
              onClick={() => {
                cancel(id).catch((failure: unknown) => {
                  const text = `The restore cannot be cancelled. ${messageOf(failure)}`;
                  showToast({ tone: "danger", text });
                });
              }}
            >
              Cancel the restore
            </Button>
            <Button onClick={onClose}>Go on in the background</Button>
          </>
        ) : (
          <>
            <LinkButton href={restoresHref}>All restores</LinkButton>
            <Button variant="primary" onClick={onClose}>
              Close
            </Button>
          </>
        )
      }
    >
      <div className={styles["body"]}>
        {isError ? (
          <ErrorState
            title="The restore cannot be watched"
            error={error}
            onRetry={() => void refetch()}
          />
        ) : (
          job && (running ? <JobProgress job={job} /> : <JobResult job={job} />)
        )}
      </div>
    </Dialog>
  );
}

function titleOf(job: RestoreJob | undefined): string {
  if (job === undefined) return "Restoring";
  switch (job.state) {
    case "done":
      return job.progress.problems > 0 ? "Restored with problems" : "Restored";
    case "failed":
      return "The restore failed";
    case "cancelled":
      return "The restore was cancelled";
    case "running":
      return "Restoring";
    default:
      return job.state satisfies never;
  }
}
