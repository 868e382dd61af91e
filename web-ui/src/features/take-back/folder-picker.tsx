/** A folder of the server's machine: typed, or found step by step. */
import { CornerLeftUp, Folder } from "lucide-react";
import { useState } from "react";
import type { ReactNode } from "react";

import { isNotFound, messageOf } from "../../api/client.ts";
import { TextField } from "../../components/field.tsx";
import { SkeletonRows } from "../../components/states.tsx";
import styles from "./folder-picker.module.css";
import { useServerFolders } from "./take-back-queries.ts";

export function FolderPicker({
  hostname,
  value,
  onValueChange,
}: {
  readonly hostname: string;
  /** As typed; empty until one is chosen. */
  readonly value: string;
  readonly onValueChange: (path: string) => void;
}): ReactNode {
  // What is listed; it follows what is typed once the field is left.
  const [shown, setShown] = useState(value);
  const folders = useServerFolders(shown);
  const open = (path: string): void => {
    setShown(path);
    onValueChange(path);
  };
  return (
    <div className={styles["picker"]}>
      <TextField
        label={`Folder on ${hostname}`}
        placeholder={folders.data?.path ?? "/"}
        value={value}
        onChange={(event) => {
          onValueChange(event.target.value);
        }}
        onBlur={() => {
          setShown(value);
        }}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          setShown(value);
        }}
        hint={hintOf(shown, folders)}
        error={folders.isError && !isNotFound(folders.error) ? messageOf(folders.error) : undefined}
      />
      <div className={styles["list"]} role="group" aria-label="Folders">
        {folders.isPending ? (
          <SkeletonRows count={5} rowHeight={32} label="Loading folders" />
        ) : folders.data ? (
          <>
            {folders.data.parent !== undefined && (
              <FolderRow
                icon="up"
                name="Folder above"
                onOpen={() => {
                  open(folders.data.parent ?? "");
                }}
              />
            )}
            {folders.data.folders.map(({ name, path }) => (
              <FolderRow
                key={path}
                icon="folder"
                name={name}
                onOpen={() => {
                  open(path);
                }}
              />
            ))}
            {folders.data.folders.length === 0 && (
              <p className={styles["empty"]}>There are no folders in it.</p>
            )}
            {folders.data.truncated && (
              <p className={styles["empty"]}>There are more. Type the path of the one you want.</p>
            )}
          </>
        ) : (
          <p className={styles["empty"]}>
            {isNotFound(folders.error)
              ? "This folder is not there yet. It will be made."
              : "It cannot be listed."}
          </p>
        )}
      </div>
    </div>
  );
}

function hintOf(shown: string, { data }: ReturnType<typeof useServerFolders>): string {
  if (data === undefined) return "The selected entries go into this folder.";
  if (shown === "") return "Choose a folder, or type its path.";
  if (!data.writable) return "The server may not write to this folder.";
  return "The selected entries go into this folder.";
}

function FolderRow({
  icon,
  name,
  onOpen,
}: {
  readonly icon: "up" | "folder";
  readonly name: string;
  readonly onOpen: () => void;
}): ReactNode {
  const Icon = icon === "up" ? CornerLeftUp : Folder;
  return (
    <button type="button" className={styles["row"]} onClick={onOpen}>
      <Icon aria-hidden size={16} />
      <span>{name}</span>
    </button>
  );
}
