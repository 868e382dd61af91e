/** A selection of the web API: some entries of one snapshot, and a folder that holds just those. */
import {
  type Bytes,
  type FsDirectory,
  type FsEntry,
  ForgeError,
  type Snapshot,
  compareBytes,
  concatBytes,
  displayName,
  findUtf8,
  utf8,
} from "../../engine/node.ts";
import { numbered } from "../archive/zip-name.ts";
import type { Selection } from "./api.ts";
import type { Catalog } from "./catalog.ts";
import { renamedEntry } from "./renamed-entry.ts";
import { encodePath, placeIn } from "./snapshot-place.ts";

export interface SelectedItem {
  /** From the root; none for the root itself. */
  readonly names: readonly Bytes[];
  readonly entry: FsEntry;
}

export interface OpenedSelection {
  readonly snapshot: Snapshot;
  readonly root: FsDirectory;
  /** In order of paths; none lies in another. */
  readonly items: readonly SelectedItem[];
  /** As `EncodedPath`s, each item once: the same for every way to name the same. */
  readonly paths: readonly string[];
}

/** What people can select one by one; a folder counts once. */
const PATHS_MAX = 20_000;
export const SELECTION_BODY_BYTES_MAX: number = 8 * 1024 * 1024;

/** @throws ForgeError "usage". */
export function decodeSelection(body: Readonly<Record<string, unknown>>): Selection {
  const { snapshotId, paths } = body;
  if (typeof snapshotId !== "string" || !isTexts(paths)) {
    throw new ForgeError("usage", "Cannot read the selection: snapshotId and paths are needed");
  }
  if (paths.length === 0) throw new ForgeError("usage", "Nothing is selected");
  if (paths.length > PATHS_MAX) {
    throw new ForgeError(
      "usage",
      `Cannot take ${paths.length} entries one by one, at most ${PATHS_MAX}: select the folder`,
    );
  }
  return { snapshotId, paths };
}

/** @throws ForgeError "usage", "not-found" for a path that is not in the snapshot, those of reading. */
export async function openSelection(
  catalog: Catalog,
  selection: Selection,
): Promise<OpenedSelection> {
  const opened = await catalog.open(selection.snapshotId);
  const found = new Map<string, SelectedItem>();
  for (const path of selection.paths) {
    const { names, entry } = await placeIn(opened, path);
    found.set(encodePath(names), { names, entry });
  }
  const items = [...found].filter(([path, { names }]) => !isBelowAnother(path, names, found));
  items.sort(([, a], [, b]) => comparePaths(a.names, b.names));
  return {
    ...opened,
    items: items.map(([, item]) => item),
    paths: items.map(([path]) => path),
  };
}

/**
 * A folder of all items side by side; the root itself when that was selected. Items of one name from
 * different folders get a number.
 */
export function selectionFolder({ items, root }: OpenedSelection, mtimeNs: bigint): FsDirectory {
  if (items.some(({ names }) => names.length === 0)) return root;
  const byKey = new Map<string, FsEntry>();
  const isTaken = (name: Bytes): boolean => byKey.has(keyOf(name));
  for (const { entry } of items) {
    let name = entry.name;
    for (let n = 2; isTaken(name); n++) name = numberedBytes(entry.name, n);
    byKey.set(keyOf(name), name === entry.name ? entry : renamedEntry(entry, name));
  }
  const sorted = [...byKey.values()].sort((a, b) => compareBytes(a.name, b.name));
  return {
    type: "directory",
    name: new Uint8Array(0),
    attributes: {
      mode: 0o755,
      uid: process.getuid?.() ?? 0,
      gid: process.getgid?.() ?? 0,
      user: "",
      group: "",
      mtimeNs,
      ctimeNs: mtimeNs,
      atimeNs: undefined,
      sizeBytes: 0,
      blocks512: 0,
      linkCount: 2,
      deviceMajor: 0,
      deviceMinor: 0,
      hardLinkKey: undefined,
    },
    xattrs: [],
    immutable: true,
    contentKey: undefined,
    readEntries: (from) => Promise.resolve(sorted.slice(from)),
    lookup: (name) => Promise.resolve(byKey.get(keyOf(name))),
  };
}

/** An item for people: `/home/ada/notes`. */
export function shownItem({ names }: SelectedItem): string {
  return `/${names.map(displayName).join("/")}`;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function isBelowAnother(
  path: string,
  names: readonly Bytes[],
  found: ReadonlyMap<string, SelectedItem>,
): boolean {
  if (path !== "" && found.has("")) return true;
  for (let i = 1; i < names.length; i++) {
    if (found.has(encodePath(names.slice(0, i)))) return true;
  }
  return false;
}

function comparePaths(a: readonly Bytes[], b: readonly Bytes[]): number {
  for (const [i, name] of a.entries()) {
    const other = b[i];
    if (other === undefined) return 1;
    const order = compareBytes(name, other);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function numberedBytes(name: Bytes, number: number): Bytes {
  const text = findUtf8(name);
  return text === undefined
    ? concatBytes([name, utf8(` (${number})`)])
    : utf8(numbered(text, number));
}

function keyOf(name: Bytes): string {
  return Buffer.from(name.buffer, name.byteOffset, name.length).toString("latin1");
}
