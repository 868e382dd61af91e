/** The first step of a restore: where to, and what happens to what is there. */
import type { ReactNode } from "react";

import type { RestoreRequest } from "../../../../src/server/api.ts";
import { useLoggedIn, useSnapshot } from "../../api/queries.ts";
import { Button } from "../../components/button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { Checkbox, RadioGroup } from "../../components/field.tsx";
import { Notice } from "../../components/states.tsx";
import { formatCount } from "../../format.ts";
import { FolderPicker } from "./folder-picker.tsx";
import styles from "./restore-dialog.module.css";

type Place = "original" | "folder";

export interface RestoreChoices {
  readonly place: Place;
  readonly folder: string;
  readonly overwrite: RestoreRequest["overwrite"];
  readonly verify: boolean;
}

export function ChooseDialog({
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
  readonly choices: RestoreChoices;
  readonly onChoose: (choices: RestoreChoices) => void;
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
        <RadioGroup<RestoreChoices["overwrite"]>
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
