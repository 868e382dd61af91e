/** The icon of an entry: by its type, and of a file by the end of its name. */
import {
  File,
  FileArchive,
  FileCode,
  FileImage,
  FileMusic,
  FileQuestion,
  FileSymlink,
  FileText,
  FileVideo,
  Folder,
  HardDrive,
} from "lucide-react";
import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";

import type { Entry } from "../../../src/server/api.ts";
import { fileKind } from "../file-kind.ts";
import type { FileKind } from "../file-kind.ts";
import styles from "./entry-icon.module.css";

const FILE_ICONS: Readonly<Record<FileKind, readonly [LucideIcon, string | undefined]>> = {
  image: [FileImage, styles["image"]],
  audio: [FileMusic, styles["media"]],
  video: [FileVideo, styles["media"]],
  document: [FileText, styles["document"]],
  text: [FileText, styles["plain"]],
  code: [FileCode, styles["code"]],
  archive: [FileArchive, styles["archive"]],
  disk: [HardDrive, styles["archive"]],
  other: [File, styles["plain"]],
};

export function EntryIcon({
  entry,
  size = 18,
}: {
  readonly entry: Pick<Entry, "type" | "name">;
  readonly size?: number;
}): ReactNode {
  switch (entry.type) {
    case "directory":
      return <Folder aria-hidden size={size} className={styles["folder"]} />;
    case "symlink":
      return <FileSymlink aria-hidden size={size} className={styles["plain"]} />;
    case "fifo":
    case "socket":
    case "char-device":
    case "block-device":
      return <FileQuestion aria-hidden size={size} className={styles["plain"]} />;
    case "file": {
      const [Icon, look] = FILE_ICONS[fileKind(entry.name)];
      return <Icon aria-hidden size={size} className={look} />;
    }
    default:
      return entry.type satisfies never;
  }
}
