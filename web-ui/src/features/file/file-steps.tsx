/** To the file before and the one after in the folder, in the order in which the folder is shown. */
import { ChevronDown, ChevronUp } from "lucide-react";
import { useEffect, useMemo } from "react";
import type { ReactNode } from "react";

import type { EncodedPath } from "../../../../src/server/api.ts";
import { IconButton } from "../../components/button.tsx";
import { formatNumber } from "../../format.ts";
import { navigate } from "../../router.ts";
import { fileHref, joinPath, lastName, parentPath } from "../../routes.ts";
import { sortPages } from "../browse/sort-entries.ts";
import { useFolder } from "../browse/use-folder.ts";
import { useSorting } from "../browse/use-sorting.ts";
import styles from "./file-screen.module.css";

export function FileSteps({
  snapshotId,
  path,
}: {
  readonly snapshotId: string;
  readonly path: EncodedPath;
}): ReactNode {
  const parent = parentPath(path);
  const { folder } = useFolder(snapshotId, parent);
  const sorting = useSorting();
  const files = useMemo(
    () => sortPages(folder?.pages ?? [], sorting).filter(({ type }) => type !== "directory"),
    [folder, sorting],
  );
  const key = lastName(path);
  const at = useMemo(() => files.findIndex((entry) => entry.key === key), [files, key]);
  const before = at < 0 ? undefined : files[at - 1];
  const after = at < 0 ? undefined : files[at + 1];

  const previous = before && fileHref(snapshotId, joinPath(parent, before.key));
  const next = after && fileHref(snapshotId, joinPath(parent, after.key));
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
      // Fields, players, tabs and dialogs have their own keys.
      if (event.target instanceof Element && event.target.closest(OWN_KEYS) !== null) return;
      const href = { j: next, k: previous }[event.key];
      if (href !== undefined) navigate(href, { replace: true });
    };
    document.addEventListener("keydown", onKeyDown);
    return () => {
      document.removeEventListener("keydown", onKeyDown);
    };
  }, [previous, next]);

  const go = (href: string | undefined) => (): void => {
    // One step back leads to the folder, however many files were looked at.
    if (href !== undefined) navigate(href, { replace: true });
  };
  return (
    <div className={styles["steps"]} role="group" aria-label="Files of the folder">
      <IconButton
        icon={ChevronUp}
        label="File before"
        title={before ? `Before: ${before.name} (k)` : "This is the first"}
        disabled={previous === undefined}
        onClick={go(previous)}
      />
      <span className={styles["position"]}>
        {at >= 0 && `${formatNumber(at + 1)} of ${formatNumber(files.length)}`}
        {folder?.complete === false && "+"}
      </span>
      <IconButton
        icon={ChevronDown}
        label="File after"
        title={after ? `After: ${after.name} (j)` : "This is the last"}
        disabled={next === undefined}
        onClick={go(next)}
      />
    </div>
  );
}

const OWN_KEYS = "input, select, textarea, audio, video, dialog, [role=menu]";
