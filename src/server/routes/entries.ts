/** Folders, page by page, and all that is known of one entry. */
import type { ServerResponse } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type FsDirectory, type FsEntry, type FsXattr, displayName } from "../../../engine/node.ts";
import { abortedSignal, findPlace, writePart } from "../../../webdav/index.ts";
import type { EntryDetails, FolderPage } from "../api.ts";
import { type ApiRoute, type SessionCall, getRoute } from "../api-route.ts";
import { entryJson } from "../entry-json.ts";
import { filePreview } from "../file-preview.ts";
import { sendJson } from "../send-json.ts";
import {
  type SnapshotPlace,
  crumbsOf,
  directoryOf,
  encodePath,
  findSnapshotPlace,
} from "../snapshot-place.ts";
import type { WebContext } from "../web-context.ts";

const LIMIT_DEFAULT = 5000;
const LIMIT_MAX = 100_000;
/** Entries that are made into text at a time, before others get their turn: some milliseconds. */
const SLICE_ENTRIES = 2000;
/** A value of an attribute that people look at; longer ones are cut. */
const XATTR_SHOWN_BYTES = 4096;

export function entryRoutes(context: WebContext): readonly ApiRoute[] {
  const find = ({ param }: SessionCall): Promise<SnapshotPlace> =>
    findSnapshotPlace(context.catalog, { reference: param("id"), path: param("path") });
  return [
    getRoute("/snapshots/{id}/folder/{path...}", async (call) => {
      const place = await find(call);
      const from = call.query.number("from", { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 0 });
      const limits = { min: 1, max: LIMIT_MAX, fallback: LIMIT_DEFAULT };
      await sendFolder(call, place, { from, limit: call.query.number("limit", limits) });
    }),
    getRoute("/snapshots/{id}/entry/{path...}", async (call) => {
      sendJson(call.response, await entryDetails(context, await find(call)));
    }),
  ];
}

/**
 * A `FolderPage`, sent as it is read. What cannot be read at all gets an honest status; after the
 * first piece the connection is broken.
 */
async function sendFolder(
  { response, request }: SessionCall,
  place: SnapshotPlace,
  { from, limit }: { readonly from: number; readonly limit: number },
): Promise<void> {
  const directory = directoryOf(place);
  const head: Omit<FolderPage, "entries" | "next"> = {
    snapshotId: place.snapshot.id,
    crumbs: crumbsOf(place.names),
  };
  let text = `${JSON.stringify(head).slice(0, -1)},"entries":[`;
  let count = 0;
  for await (const slice of slices(directory, { from, limit, signal: abortedSignal(response) })) {
    if (count > 0) {
      await sendPiece(response, text);
      text = ",";
      if (request.method === "HEAD") break;
    }
    text += JSON.stringify(slice.map(entryJson)).slice(1, -1);
    count += slice.length;
  }
  const next = count < limit ? "" : `,"next":${from + count}`;
  text += `]${next}}`;
  if (response.headersSent) {
    response.end(text);
    return;
  }
  response.writeHead(200, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(text),
  });
  response.end(text);
}

async function sendPiece(response: ServerResponse, text: string): Promise<void> {
  if (!response.headersSent) response.writeHead(200, { "Content-Type": "application/json" });
  await writePart(response, text);
  await nextTurn();
}

/** At most `limit` entries, some thousand at a time. */
async function* slices(
  directory: FsDirectory,
  {
    from,
    limit,
    signal,
  }: { readonly from: number; readonly limit: number; readonly signal: AbortSignal },
): AsyncGenerator<readonly FsEntry[]> {
  const end = from + limit;
  for (let at = from; at < end;) {
    const page = await directory.readEntries(at, { signal });
    if (page.length === 0) return;
    const wanted = page.slice(0, end - at);
    for (let i = 0; i < wanted.length; i += SLICE_ENTRIES) {
      signal.throwIfAborted();
      yield wanted.slice(i, i + SLICE_ENTRIES);
    }
    at += wanted.length;
  }
}

async function entryDetails({ onError }: WebContext, place: SnapshotPlace): Promise<EntryDetails> {
  const { entry, names, snapshot } = place;
  const attributes = entry.attributes;
  const { uid, gid, linkCount, deviceMajor: major, deviceMinor: minor } = attributes;
  const isDevice = entry.type === "char-device" || entry.type === "block-device";
  const preview = entry.type === "file" ? await filePreview(entry, onError) : undefined;
  return {
    snapshotId: snapshot.id,
    crumbs: crumbsOf(names),
    entry: entryJson(entry),
    uid,
    gid,
    mtimeNs: String(attributes.mtimeNs),
    ctimeNs: String(attributes.ctimeNs),
    linkCount,
    allocatedBytes: attributes.blocks512 * 512,
    xattrs: entry.xattrs.map(xattrJson),
    preview: preview?.kind ?? "none",
    contentType: preview?.contentType,
    crc32: entry.type === "file" ? hex32(entry.crc32) : undefined,
    targetPath: entry.type === "symlink" ? await findTargetPath(place) : undefined,
    device: isDevice ? { major, minor } : undefined,
  };
}

/** Inside the snapshot, as the drive resolves links. */
async function findTargetPath({ root, names }: SnapshotPlace): Promise<string | undefined> {
  const target = await findPlace(root, names);
  return target === undefined ? undefined : encodePath(target.realNames);
}

function xattrJson({ name, value }: FsXattr): EntryDetails["xattrs"][number] {
  const shown = displayName(value.subarray(0, XATTR_SHOWN_BYTES));
  return { name: displayName(name), value: value.length > XATTR_SHOWN_BYTES ? `${shown}…` : shown };
}

function hex32(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}
