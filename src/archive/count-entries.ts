/** How many files and folders an archive of a folder will hold. Reads metadata alone. */
import type { Bytes } from "../../engine/base/bytes.ts";
import type { FsDirectory, FsEntry } from "../../engine/node.ts";
import { walkFolder } from "./walk-folder.ts";

/** @param onOther Told of what is neither file, folder nor link. @throws ForgeError of reading. */
export async function countEntries(
  folder: FsDirectory,
  signal: AbortSignal,
  onOther: (path: Bytes, entry: FsEntry) => void,
): Promise<{ readonly files: number; readonly directories: number }> {
  let files = 0;
  let directories = 0;
  const options = { prefetch: false };
  for await (const { path, entry } of walkFolder(folder, new Uint8Array(0), signal, options)) {
    if (path.length === 0) continue;
    if (entry.type === "file") files++;
    else if (entry.type === "directory") directories++;
    else if (entry.type !== "symlink") onOther(path, entry);
  }
  return { files, directories };
}
