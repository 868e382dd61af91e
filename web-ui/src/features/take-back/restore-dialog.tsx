/**
 * From a selection to files on the server's machine: what is chosen, a plan to look at, then the
 * restore. Closing it does not stop a restore.
 */
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { ReactNode } from "react";

import { messageOf } from "../../api/client.ts";
import { useLoggedIn } from "../../api/queries.ts";
import { ChooseDialog } from "./choose-dialog.tsx";
import type { RestoreChoices } from "./choose-dialog.tsx";
import { PlanDialog } from "./plan-dialog.tsx";
import { RunDialog } from "./run-dialog.tsx";
import type { Selected } from "./selection-actions.tsx";
import { startRestore } from "./take-back-queries.ts";

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
  const [choices, setChoices] = useState<RestoreChoices>({
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
