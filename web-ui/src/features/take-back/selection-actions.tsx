/** What can be done with entries of a snapshot: save them here, or restore them on the server. */
import { ArchiveRestore, ChevronDown, Download, FileArchive, Package } from "lucide-react";
import { useState } from "react";
import type { ReactNode } from "react";

import type { DownloadRequest, EncodedPath, Version } from "../../../../src/server/api.ts";
import { messageOf } from "../../api/client.ts";
import { useLoggedIn } from "../../api/queries.ts";
import { contentUrl } from "../../api/urls.ts";
import { Button, LinkButton } from "../../components/button.tsx";
import type { ButtonVariant } from "../../components/button.tsx";
import { classNames } from "../../components/class-names.ts";
import { Menu } from "../../components/menu.tsx";
import { showToast } from "../../components/toast.tsx";
import { formatCount } from "../../format.ts";
import { RestoreDialog } from "./restore-dialog.tsx";
import styles from "./selection-actions.module.css";
import { prepareDownload } from "./take-back-queries.ts";

export interface Selected {
  readonly snapshotId: string;
  readonly paths: readonly EncodedPath[];
}

export function SelectionActions({
  snapshotId,
  paths,
  isFile = false,
  isMain = false,
  size = "small",
}: Selected & {
  /** It is one file, which is saved as it is. */
  readonly isFile?: boolean;
  /** Taking these back is what people are here for now. */
  readonly isMain?: boolean;
  readonly size?: "small" | "medium";
}): ReactNode {
  const [only] = paths;
  return (
    <div className={classNames(styles["actions"], isMain && styles["main"])}>
      {isFile && only !== undefined ? (
        <LinkButton href={contentUrl(snapshotId, only)} download icon={Download} size={size}>
          <span className={styles["label"]}>Download</span>
        </LinkButton>
      ) : (
        <DownloadMenu snapshotId={snapshotId} paths={paths} size={size} />
      )}
      <RestoreButton
        snapshotId={snapshotId}
        paths={paths}
        size={size}
        variant={isMain ? "primary" : "secondary"}
      />
    </div>
  );
}

/** Nothing where the server may not write to its machine. */
export function RestoreButton({
  snapshotId,
  paths,
  size = "small",
  variant = "secondary",
  label = "Restore…",
}: Selected & {
  readonly size?: "small" | "medium";
  readonly variant?: ButtonVariant;
  readonly label?: string;
}): ReactNode {
  const { restore } = useLoggedIn();
  const [open, setOpen] = useState(false);
  if (!restore.allowed) return null;
  return (
    <>
      <Button
        icon={ArchiveRestore}
        size={size}
        variant={variant}
        aria-haspopup="dialog"
        onClick={() => {
          setOpen(true);
        }}
      >
        <span className={styles["label"]}>{label}</span>
      </Button>
      {open && (
        <RestoreDialog
          snapshotId={snapshotId}
          paths={paths}
          onClose={() => {
            setOpen(false);
          }}
        />
      )}
    </>
  );
}

/** Takes back one of the contents that a path had. */
export function RestoreVersion({
  version,
  path,
}: {
  readonly version: Version;
  readonly path: EncodedPath;
}): ReactNode {
  return (
    <RestoreButton snapshotId={version.lastSnapshotId} paths={[path]} label="Restore this one…" />
  );
}

function DownloadMenu({
  snapshotId,
  paths,
  size,
}: Selected & { readonly size: "small" | "medium" }): ReactNode {
  const [preparing, setPreparing] = useState(false);
  const download = (format: DownloadRequest["format"]): void => {
    setPreparing(true);
    saveArchive({ snapshotId, paths, format })
      .catch((error: unknown) => {
        showToast({ tone: "danger", text: `The download cannot begin. ${messageOf(error)}` });
      })
      .finally(() => {
        setPreparing(false);
      });
  };
  return (
    <Menu
      label="Download as"
      trigger={(props) => (
        <Button {...props} icon={Download} size={size} busy={preparing}>
          <span className={styles["label"]}>Download</span>
          <ChevronDown aria-hidden size={14} />
        </Button>
      )}
      items={[
        {
          key: "zip",
          label: "ZIP archive",
          hint: "Opens everywhere. Goes on if it is cut.",
          icon: FileArchive,
          onSelect: () => {
            download("zip");
          },
        },
        {
          key: "tar",
          label: "tar archive",
          hint: "Keeps owners, rights and links.",
          icon: Package,
          onSelect: () => {
            download("tar");
          },
        },
      ]}
    />
  );
}

async function saveArchive(request: DownloadRequest): Promise<void> {
  const plan = await prepareDownload(request, new AbortController().signal);
  const link = document.createElement("a");
  link.href = plan.href;
  link.download = plan.fileName;
  link.click();
  const [first] = plan.skipped;
  if (first === undefined) return;
  const count = formatCount(plan.skipped.length, "entry", "entries");
  showToast({ tone: "info", text: `The archive is without ${count}, such as ${first}.` });
}
