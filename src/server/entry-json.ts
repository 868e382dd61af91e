/** Entries as the web API shows them. */
import { type FsAttributes, type FsEntry, displayName } from "../../engine/node.ts";
import { encodeName } from "../../webdav/index.ts";
import type { Entry } from "./api.ts";

export function entryJson(entry: FsEntry): Entry {
  const { type, name } = entry;
  // Computed at each access: once for all of them.
  const attributes = entry.attributes;
  const key = encodeName(name);
  const shown = {
    // A name that needs no escape is its own text: most are, and folders are long.
    name: key.includes("%") ? displayName(name) : key,
    key,
    type,
    sizeBytes: type === "file" ? attributes.sizeBytes : 0,
    mtimeMs: milliseconds(attributes.mtimeNs),
    mode: attributes.mode,
    owner: ownerOf(attributes),
  };
  return type === "symlink" ? { ...shown, target: displayName(entry.target) } : shown;
}

/** Rounded down, also before 1970. */
export function milliseconds(ns: bigint): number {
  return Number(ns / 1_000_000n) - (ns % 1_000_000n < 0n ? 1 : 0);
}

function ownerOf({ user, group, uid, gid }: FsAttributes): string {
  return `${user === "" ? uid : displayText(user)}:${group === "" ? gid : displayText(group)}`;
}

/** Names of users are a snapshot's own words as well. */
function displayText(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "\ufffd");
}
