/**
 * From a selection to files on the server's machine: where to, what happens to what is there, a plan
 * to look at, then the progress and what was done. Closing it does not stop a restore.
 */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { ReactNode } from "react";

import type { RestoreJob, RestoreRequest } from "../../../../src/server/api.ts";
import { messageOf } from "../../api/client.ts";
import { useLoggedIn, useSnapshot } from "../../api/queries.ts";
import { Button, LinkButton } from "../../components/button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { Checkbox, RadioGroup } from "../../components/field.tsx";
import { ErrorState, Notice, Skeleton, SlowNotice } from "../../components/states.tsx";
import { showToast } from "../../components/toast.tsx";
import { formatCount } from "../../format.ts";
import { restoresHref } from "../../routes.ts";
import { FolderPicker } from "./folder-picker.tsx";
import { JobProgress } from "./job-progress.tsx";
import { JobResult } from "./job-result.tsx";
import styles from "./restore-dialog.module.css";
import type { Selected } from "./selection-actions.tsx";
import {
  abandonPlan,
  isRunning,
  markWatched,
  startRestore,
  useCancelRestore,
  useRestore,
} from "./take-back-queries.ts";

type Place = "original" | "folder";

interface Choices {
  readonly place: Place;
  readonly folder: string;
  readonly overwrite: RestoreRequest["overwrite"];
  readonly verify: boolean;
}

/** Where one is: choosing, looking at the plan with its job, watching the restore with its job. */
type Step =
  | { readonly name: "choose" }
  | { readonly name: "plan"; readonly id: string }
  | { readonly name: "run"; readonly id: string };

export function RestoreDialog({
  snapshotId,
  paths,
  onClose,
}: Selected & { readonly onClose: () => void }): ReactNode {
  const client = useQueryClient();
  const { restore } = useLoggedIn();
  const [root = ""] = restore.roots;
  const [choices, setChoices] = useState<Choices>({
    place: restore.roots.length > 0 ? "folder" : "original",
    folder: restore.roots.length === 1 ? root : "",
    overwrite: "if-changed",
    verify: false,
  });
  const [step, setStep] = useState<Step>({ name: "choose" });
  const [starting, setStarting] = useState(false);
  const [error, setError] = useState<string | undefined>(undefined);

  const start = (dryRun: boolean): void => {
    setStarting(true);
    setError(undefined);
    const { place, folder, overwrite, verify } = choices;
    const target = place === "folder" ? { target: folder.trim() } : {};
    startRestore(client, { snapshotId, paths, overwrite, verify, dryRun, ...target })
      .then(({ id }) => {
        setStep(dryRun ? { name: "plan", id } : { name: "run", id });
      })
      .catch((failure: unknown) => {
        setError(messageOf(failure));
      })
      .finally(() => {
        setStarting(false);
      });
  };

  const back = (): void => {
    setError(undefined);
    setStep({ name: "choose" });
  };

  switch (step.name) {
    case "choose":
      return (
        <ChooseDialog
          snapshotId={snapshotId}
          count={paths.length}
          choices={choices}
          onChoose={setChoices}
          error={error}
          busy={starting}
          onNext={() => {
            start(true);
          }}
          onClose={onClose}
        />
      );
    case "plan":
      return (
        <PlanDialog
          id={step.id}
          error={error}
          busy={starting}
          onBack={back}
          onStart={() => {
            start(false);
          }}
          onClose={onClose}
        />
      );
    case "run":
      return <RunDialog id={step.id} onClose={onClose} />;
    default:
      return step satisfies never;
  }
}

function ChooseDialog({
  snapshotId,
  count,
  choices,
  onChoose,
  error,
  busy,
  onNext,
  onClose,
}: {
  readonly snapshotId: string;
  readonly count: number;
  readonly choices: Choices;
  readonly onChoose: (choices: Choices) => void;
  readonly error: string | undefined;
  readonly busy: boolean;
  readonly onNext: () => void;
  readonly onClose: () => void;
}): ReactNode {
  const { restore, hostname } = useLoggedIn();
  const snapshot = useSnapshot(snapshotId);
  const isLimited = restore.roots.length > 0;
  const isForeign = snapshot !== undefined && snapshot.hostname !== hostname;
  const ready = choices.place === "original" || choices.folder.trim() !== "";
  return (
    <Dialog
      open
      onClose={onClose}
      title={`Restore ${formatCount(count, "entry", "entries")}`}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" disabled={!ready} busy={busy} onClick={onNext}>
            Show what will happen
          </Button>
        </>
      }
    >
      <div className={styles["form"]}>
        <RadioGroup<Place>
          legend="Where to"
          name="place"
          value={choices.place}
          options={[
            {
              value: "original",
              label: "Where it came from",
              hint: isLimited
                ? "The server may write to certain folders only."
                : `Each entry goes back to its path on ${hostname}.`,
              disabled: isLimited,
            },
            {
              value: "folder",
              label: "Another folder",
              hint: `On ${hostname}, the machine forge runs on.`,
            },
          ]}
          onValueChange={(place) => {
            onChoose({ ...choices, place });
          }}
        />
        {choices.place === "original" && isForeign && (
          <Notice>
            This snapshot was made on {snapshot.hostname}. Its files would go to the same paths on{" "}
            {hostname}.
          </Notice>
        )}
        {choices.place === "folder" && (
          <FolderPicker
            hostname={hostname}
            value={choices.folder}
            onValueChange={(folder) => {
              onChoose({ ...choices, folder });
            }}
          />
        )}
        <RadioGroup<Choices["overwrite"]>
          legend="If something is already there"
          name="overwrite"
          value={choices.overwrite}
          options={[
            {
              value: "if-changed",
              label: "Replace what differs",
              hint: "Files of the same size and time stay as they are.",
            },
            {
              value: "never",
              label: "Keep what is there",
              hint: "Only what is missing comes back.",
            },
            { value: "always", label: "Replace everything", hint: "Writes each file anew." },
          ]}
          onValueChange={(overwrite) => {
            onChoose({ ...choices, overwrite });
          }}
        />
        <Checkbox
          label="Check afterwards"
          hint="Reads each restored file back and compares it."
          checked={choices.verify}
          onChange={(event) => {
            onChoose({ ...choices, verify: event.target.checked });
          }}
        />
        {error !== undefined && <Notice tone="danger">{error}</Notice>}
      </div>
    </Dialog>
  );
}

function PlanDialog({
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

function RunDialog({
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

function isNothing({ result }: RestoreJob): boolean {
  if (result === undefined) return false;
  const { created, replaced, problemCount } = result;
  return created.count + replaced.count + problemCount === 0 && result.unchanged > 0;
}
