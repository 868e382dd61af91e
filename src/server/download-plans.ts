/**
 * DownloadPlans: what was prepared for downloading. A session keeps what it asked for, which is small,
 * so that a link works as long as the session; the layout of a ZIP is kept while there is room and
 * made again, byte for byte the same, when it is needed later.
 */
import { createHash } from "node:crypto";
import {
  ByteLru,
  type Bytes,
  type FsDirectory,
  ForgeError,
  displayName,
} from "../../engine/node.ts";
import { countEntries } from "../archive/count-entries.ts";
import { type ZipPlan, planZip } from "../archive/zip-plan.ts";
import { zipNameOf } from "../archive/zip-name.ts";
import type { DownloadRequest } from "./api.ts";
import type { Catalog } from "./catalog.ts";
import { type OpenedSelection, openSelection, selectionFolder } from "./selection.ts";
import type { WebSession } from "./sessions.ts";

export interface PlannedDownload {
  readonly id: string;
  readonly fileName: string;
  readonly format: DownloadRequest["format"];
  readonly selection: OpenedSelection;
  readonly folder: FsDirectory;
}

/** A ZIP of which every byte has its place. */
export interface PlannedZip {
  readonly plan: ZipPlan;
  /** Strong, with its quotes. */
  readonly etag: string;
  /** For people, at most `SKIPPED_MAX`. */
  readonly skipped: readonly string[];
}

/** What a session has prepared; the oldest is forgotten first. */
const DOWNLOADS_MAX = 200;
/** Of the paths that its downloads name. */
const PATHS_BYTES_MAX = 16 * 1024 * 1024;
const SKIPPED_MAX = 100;
/** Layouts of all sessions. */
const LAYOUTS_BYTES_MAX = 256 * 1024 * 1024;
/** One of them: some million files. Half of all, which is what the cache still keeps. */
const LAYOUT_BYTES_MAX = LAYOUTS_BYTES_MAX / 2;

interface Kept {
  readonly request: DownloadRequest;
  readonly pathsBytes: number;
}

export class DownloadPlans {
  readonly #catalog: Catalog;
  readonly #bySession = new WeakMap<WebSession, Map<string, Kept>>();
  readonly #zips = new ByteLru<PlannedZip>({
    bytesMax: LAYOUTS_BYTES_MAX,
    weigh: ({ plan }) => plan.layout.heldBytes + plan.entries.heldBytes,
  });

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  /** @throws ForgeError "not-found", "usage" and those of reading. */
  async prepare(session: WebSession, request: DownloadRequest): Promise<PlannedDownload> {
    const planned = await this.#open(request);
    const paths = planned.selection.paths;
    const known = this.#bySession.get(session) ?? new Map<string, Kept>();
    known.delete(planned.id);
    known.set(planned.id, {
      request: { format: request.format, snapshotId: planned.selection.snapshot.id, paths },
      pathsBytes: paths.reduce((sum, path) => sum + path.length, 0),
    });
    this.#bySession.set(session, known);
    let bytes = 0;
    for (const { pathsBytes } of known.values()) bytes += pathsBytes;
    for (const [id, { pathsBytes }] of known) {
      if (known.size <= DOWNLOADS_MAX && bytes <= PATHS_BYTES_MAX) break;
      if (id === planned.id) break;
      known.delete(id);
      bytes -= pathsBytes;
    }
    return planned;
  }

  /** @throws ForgeError "not-found" for what this session did not prepare. */
  async find(session: WebSession, id: string): Promise<PlannedDownload> {
    const kept = this.#bySession.get(session)?.get(id);
    if (kept !== undefined) return this.#open(kept.request);
    throw new ForgeError(
      "not-found",
      "Cannot find this download: it was prepared in another session; choose the files again",
    );
  }

  /** @throws ForgeError "too-large", "aborted" and those of reading. */
  zipOf(download: PlannedDownload, signal: AbortSignal): Promise<PlannedZip> {
    const load = (taskSignal: AbortSignal): Promise<PlannedZip> => layOut(download, taskSignal);
    return this.#zips.fetch(download.id, load, signal);
  }

  async #open({ format, ...wanted }: DownloadRequest): Promise<PlannedDownload> {
    const selection = await openSelection(this.#catalog, wanted);
    const { snapshot, paths } = selection;
    return {
      id: idOf({ format, snapshotId: snapshot.id, paths }),
      fileName: `${archiveNameOf(selection)}.${format}`,
      format,
      selection,
      folder: selectionFolder(selection, snapshot.timeNs),
    };
  }
}

/** What a tar archive will hold. @throws ForgeError "aborted" and those of reading. */
export async function describeTar(
  { folder }: PlannedDownload,
  signal: AbortSignal,
): Promise<{ readonly files: number; readonly directories: number; readonly skipped: string[] }> {
  const skipped = new SkippedList();
  const counts = await countEntries(folder, signal, (path, entry) => {
    if (entry.type === "socket") skipped.add(path, "a tar archive cannot hold a socket");
  });
  return { ...counts, skipped: skipped.shown };
}

async function layOut(download: PlannedDownload, signal: AbortSignal): Promise<PlannedZip> {
  const skipped = new SkippedList();
  const plan = await planZip(download.folder, {
    path: new Uint8Array(0),
    signal,
    heldBytesMax: LAYOUT_BYTES_MAX,
    onSkipped: (path, reason) => skipped.add(path, reason),
  });
  return { plan, etag: etagOf(download.id, plan), skipped: skipped.shown };
}

/** Contents follow from the snapshot and the paths; the layout also from the program that made it. */
function etagOf(id: string, { layout }: ZipPlan): string {
  const hash = createHash("sha256").update(id);
  for (let entry = 0; entry < layout.count; entry++) hash.update(layout.centralHeader(entry));
  return `"zip-${hash.digest("base64url")}"`;
}

/** The same for the same selection, so that it is laid out once and its link stays. */
function idOf(request: DownloadRequest): string {
  const { format, snapshotId, paths } = request;
  const text = JSON.stringify([format, snapshotId, paths]);
  return createHash("sha256").update(text).digest("base64url").slice(0, 32);
}

/** Without its ending: of the one entry, or of the folder that holds all of them. */
function archiveNameOf({ items, snapshot }: OpenedSelection): string {
  const [first, second] = items;
  const names = first?.names ?? [];
  const name = second === undefined ? names.at(-1) : commonFolder(items).at(-1);
  if (name === undefined) return `snapshot-${snapshot.id.slice(0, 8)}`;
  return zipNameOf(name, true).text;
}

function commonFolder(items: OpenedSelection["items"]): readonly Bytes[] {
  const shown = items.map(({ names }) => names.slice(0, -1));
  const [first = [], ...others] = shown;
  let length = first.length;
  for (const other of others) {
    let same = 0;
    while (same < length && isEqual(first[same], other[same])) same++;
    length = same;
  }
  return first.slice(0, length);
}

function isEqual(a: Bytes | undefined, b: Bytes | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}

/** The first entries that were left out, in words. */
class SkippedList {
  readonly shown: string[] = [];

  add(path: Bytes, reason: string): void {
    if (this.shown.length < SKIPPED_MAX) this.shown.push(`${displayName(path)}: ${reason}`);
  }
}
