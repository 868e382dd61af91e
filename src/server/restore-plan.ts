/** What a restore of a selection comes to: which folders of the snapshot go where on this machine. */
import { resolve } from "node:path";
import {
  type Bytes,
  type Choice,
  type FsDirectory,
  ForgeError,
  type Select,
  findEntry,
  findUtf8,
} from "../../engine/node.ts";
import type { RestorePolicy } from "./restore-policy.ts";
import {
  type OpenedSelection,
  type SelectedItem,
  selectionFolder,
  shownItem,
} from "./selection.ts";

/** One run of the engine's restore. */
export interface RestoreStep {
  /** What of it is selected goes directly into `directory`. */
  readonly root: FsDirectory;
  /** Without symlinks, as far as it exists; allowed. */
  readonly directory: string;
  readonly select: Select | undefined;
  /** What it writes to, all of it at or below one of these. */
  readonly places: readonly string[];
}

/**
 * @param target The folder that takes all items; absent: each goes back to where it came from.
 * @throws ForgeError "permission", "usage" and those of reading.
 */
export async function planSteps(
  selection: OpenedSelection,
  target: string | undefined,
  { policy, nowNs }: { readonly policy: RestorePolicy; readonly nowNs: bigint },
): Promise<readonly RestoreStep[]> {
  if (target !== undefined) {
    const directory = await policy.checkTarget(target);
    const root = selectionFolder(selection, nowNs);
    return [{ root, directory, select: undefined, places: [directory] }];
  }
  if (!policy.inPlaceAllowed) {
    throw new ForgeError(
      "permission",
      policy.allowed
        ? `Cannot restore to the original places: the server may write to ${policy.roots.join(", ")} alone`
        : "Cannot restore to this machine: the server was started without --restore-to",
    );
  }
  const byFolder = new Map<string, { names: readonly Bytes[]; items: SelectedItem[] }>();
  for (const item of selection.items) {
    const { path, names } = folderOf(item);
    const group = byFolder.get(path);
    if (group === undefined) byFolder.set(path, { names, items: [item] });
    else group.items.push(item);
  }
  const steps: RestoreStep[] = [];
  for (const [path, { names, items }] of byFolder) {
    // The folder may be a symlink on this machine: it is resolved once, here, and none below it.
    const directory = await policy.checkTarget(path);
    const root = await findEntry(selection.root, names);
    if (root?.type !== "directory") throw new ForgeError("not-found", `Cannot find ${path}`);
    const below = items.map((item) => item.names.slice(names.length));
    const places = await Promise.all(
      below.map((parts) => policy.checkTarget(resolve(directory, ...parts.map(textOrNothing)))),
    );
    steps.push({ root, directory, select: selectOf(below), places });
  }
  return steps;
}

/** The folder an item is in; of names that are no text, the last one above them. */
function folderOf({ names }: SelectedItem): { path: string; names: readonly Bytes[] } {
  const folder: Bytes[] = [];
  let path = "";
  for (const name of names.slice(0, -1)) {
    const text = findUtf8(name);
    if (text === undefined) break;
    folder.push(name);
    path += `/${text}`;
  }
  return { path: path === "" ? "/" : path, names: folder };
}

/** Stands for the folder it would be in, where a path is text: that covers it as well. */
function textOrNothing(name: Bytes): string {
  return findUtf8(name) ?? "";
}

/** @param wanted Paths below the root of a restore; an empty one is all of it. */
export function selectOf(wanted: readonly (readonly Bytes[])[]): Select | undefined {
  const chosen = new Set(wanted.map(keyOf));
  if (chosen.has("")) return undefined;
  const above = new Set<string>();
  for (const parts of wanted) {
    for (let i = 1; i < parts.length; i++) above.add(keyOf(parts.slice(0, i)));
  }
  return (path, entry): Choice => {
    let key = "";
    for (const part of path) {
      key += keyOf([part]);
      if (chosen.has(key)) return "take";
    }
    return entry.type === "directory" && above.has(key) ? "look-inside" : "skip";
  };
}

/** What people selected, for a list of jobs. */
export function shownItems({ items }: OpenedSelection, max: number): string[] {
  return items.slice(0, max).map(shownItem);
}

function keyOf(parts: readonly Bytes[]): string {
  let key = "";
  for (const part of parts) {
    key += `/${Buffer.from(part.buffer, part.byteOffset, part.length).toString("latin1")}`;
  }
  return key;
}
