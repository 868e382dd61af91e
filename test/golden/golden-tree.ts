/** What a golden repository holds, as values: written once by `generate.ts`, compared ever after. */
import { createHash } from "node:crypto";

import { type Bytes, toHex } from "../../engine/base/bytes.ts";
import { nativePlatform } from "../../engine/platform/node/native.ts";
import { type FsDirectory, type FsEntry, fsEntries } from "../../engine/read/readonly-fs.ts";

/** Everything of an entry that a reader shows. Names and targets are hex, times nanoseconds. */
export interface GoldenEntry {
  readonly path: string;
  readonly type: FsEntry["type"];
  readonly mode: number;
  readonly owner: readonly [uid: number, gid: number, user: string, group: string];
  readonly mtimeNs: string;
  readonly ctimeNs: string;
  readonly atimeNs?: string;
  readonly linkCount: number;
  readonly hardLinkKey?: string;
  readonly device?: readonly [major: number, minor: number];
  readonly xattrs?: readonly (readonly [name: string, value: string])[];
  readonly target?: string;
  readonly sizeBytes?: number;
  readonly crc32?: number;
  readonly sha256?: string;
  readonly holes?: readonly (readonly [offset: number, length: number])[];
}

export interface GoldenSnapshot {
  readonly id: string;
  readonly timeNs: string;
  readonly hostname: string;
  readonly paths: readonly string[];
  readonly tags: readonly string[];
  readonly seq: number;
  readonly root: string;
  /** Entries read and shown; a hash of all of them, and the first ones in full. */
  readonly entries: number;
  readonly entriesSha256: string;
  readonly sample: readonly GoldenEntry[];
}

export interface GoldenRepository {
  readonly passphrase: string;
  readonly keyFile?: string;
  readonly repositoryId: string;
  readonly cipher: string;
  readonly snapshots: readonly GoldenSnapshot[];
  /** What reading the snapshots fails with, when it is meant to. */
  readonly failure?: string;
  readonly unindexedBlobs: number;
  /** Number of objects by kind. */
  readonly objects: Readonly<Record<string, number>>;
}

const SAMPLE_MAX = 60;

/** Reads every entry below `root`, contents included. */
export async function readGoldenEntries(root: FsDirectory): Promise<GoldenEntry[]> {
  const entries: GoldenEntry[] = [];
  await addEntries(root, "", entries);
  return entries;
}

export function summaryOf(
  entries: readonly GoldenEntry[],
): Pick<GoldenSnapshot, "entries" | "entriesSha256" | "sample"> {
  return {
    entries: entries.length,
    entriesSha256: sha256(new TextEncoder().encode(JSON.stringify(entries))),
    sample: entries.slice(0, SAMPLE_MAX),
  };
}

async function addEntries(
  directory: FsDirectory,
  prefix: string,
  entries: GoldenEntry[],
): Promise<void> {
  for await (const entry of fsEntries(directory)) {
    const path = `${prefix}/${toHex(entry.name)}`;
    entries.push(await goldenEntry(entry, path));
    if (entry.type === "directory") await addEntries(entry, path, entries);
  }
}

async function goldenEntry(entry: FsEntry, path: string): Promise<GoldenEntry> {
  const { attributes, type } = entry;
  const { mode, uid, gid, user, group, mtimeNs, ctimeNs, atimeNs, linkCount } = attributes;
  const isDevice = type === "char-device" || type === "block-device";
  return {
    path,
    type,
    mode,
    owner: [uid, gid, user, group],
    mtimeNs: mtimeNs.toString(),
    ctimeNs: ctimeNs.toString(),
    ...(atimeNs !== undefined && { atimeNs: atimeNs.toString() }),
    linkCount,
    ...(attributes.hardLinkKey !== undefined && { hardLinkKey: attributes.hardLinkKey }),
    ...(isDevice && { device: [attributes.deviceMajor, attributes.deviceMinor] as const }),
    ...(entry.xattrs.length > 0 && {
      xattrs: entry.xattrs.map(({ name, value }) => [toHex(name), toHex(value)] as const),
    }),
    ...(type === "symlink" && { target: toHex(entry.target) }),
    ...(type === "file" && (await contentOf(entry))),
  };
}

async function contentOf(
  file: FsEntry & { readonly type: "file" },
): Promise<Pick<GoldenEntry, "sizeBytes" | "crc32" | "sha256" | "holes">> {
  const { sizeBytes } = file.attributes;
  const content = await file.read({ offset: 0, length: Math.max(1, sizeBytes) });
  const crc32 = nativePlatform.crc32(content, 0);
  if (crc32 !== file.crc32) throw new Error(`the CRC of the content is ${crc32}`);
  const holes = (await file.holes()).map(({ offset, length }) => [offset, length] as const);
  return {
    sizeBytes: content.length,
    crc32,
    sha256: sha256(content),
    ...(holes.length > 0 && { holes }),
  };
}

function sha256(bytes: Bytes): string {
  return createHash("sha256").update(bytes).digest("hex");
}
