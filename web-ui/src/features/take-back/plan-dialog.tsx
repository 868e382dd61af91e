/** The second step of a restore: what would be written, before anything is. */
import { useEffect } from "react";
import type { ReactNode } from "react";

import type { RestoreJob } from "../../../../src/server/api.ts";
import { Button } from "../../components/button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { ErrorState, Notice, Skeleton, SlowNotice } from "../../components/states.tsx";
import { formatCount } from "../../format.ts";
import { JobResult } from "./job-result.tsx";
import styles from "./restore-dialog.module.css";
import { abandonPlan, isRunning, useRestore } from "./take-back-queries.ts";

export function PlanDialog({
  id,
  error,
  busy,
  onBack,
  onStart,
  onClose,
}: {
  readonly id: string;
  readonly error: string | undefined;
  readonly busy: boolean;
  readonly onBack: () => void;
  readonly onStart: () => void;
  readonly onClose: () => void;
}): ReactNode {
  const { data: job, isError, error: failure, refetch } = useRestore(id);
  const running = job === undefined || isRunning(job);
  // A plan that nobody looks at any more need not be finished.
  useEffect(
    () => () => {
      abandonPlan(id);
    },
    [id],
  );
  const nothing = job?.state === "done" && isNothing(job);
  return (
    <Dialog
      open
      onClose={onClose}
      title="What will happen"
      footer={
        <>
          <Button onClick={onBack}>Back</Button>
          {nothing ? (
            <Button variant="primary" onClick={onClose}>
              Close
            </Button>
          ) : (
            <Button
              variant="primary"
              disabled={job?.state !== "done"}
              busy={busy}
              onClick={onStart}
            >
              Restore now
            </Button>
          )}
        </>
      }
    >
      <div className={styles["body"]}>
        {isError ? (
          <ErrorState
            title="The plan cannot be made"
            error={failure}
            onRetry={() => void refetch()}
          />
        ) : running ? (
          <Planning found={job?.progress.filesTotal ?? 0} />
        ) : (
          <>
            {nothing && (
              <Notice tone="success">
                Nothing has to be written. Everything is there already.
              </Notice>
            )}
            <JobResult job={job} />
          </>
        )}
        {error !== undefined && <Notice tone="danger">{error}</Notice>}
      </div>
    </Dialog>
  );
}

function Planning({ found }: { readonly found: number }): ReactNode {
  return (
    <div role="status" className={styles["planning"]}>
      <p>Comparing with what is there. {formatCount(found, "file")} found so far.</p>
      <Skeleton width="62%" />
      <Skeleton width="44%" />
      <Skeleton width="53%" />
      <SlowNotice pending>Large folders take a while. Nothing is written yet.</SlowNotice>
    </div>
  );
}

function isNothing({ result }: RestoreJob): boolean {
  if (result === undefined) return false;
  const { created, replaced, problemCount } = result;
  return created.count + replaced.count + problemCount === 0 && result.unchanged > 0;
}
