/** Addresses of the API. Paths are put in as they stand. */
import type { EncodedPath } from "../../../src/server/api.ts";

export const sessionUrl = "/api/session";
export const snapshotsUrl = "/api/snapshots";

export function folderUrl(
  snapshot: string,
  path: EncodedPath,
  page: { readonly from: number; readonly limit: number },
): string {
  return `/api/snapshots/${snapshot}/folder/${path}?from=${page.from}&limit=${page.limit}`;
}

export function entryUrl(snapshot: string, path: EncodedPath): string {
  return `/api/snapshots/${snapshot}/entry/${path}`;
}

export function textUrl(snapshot: string, path: EncodedPath): string {
  return `/api/snapshots/${snapshot}/text/${path}`;
}

/** The content: for saving, or with `inline` for showing it in the page. */
export function contentUrl(
  snapshot: string,
  path: EncodedPath,
  { inline = false }: { readonly inline?: boolean } = {},
): string {
  return `/api/snapshots/${snapshot}/file/${path}${inline ? "?inline" : ""}`;
}

export function versionsUrl(path: EncodedPath): string {
  return `/api/versions/${path}`;
}

export function searchUrl(query: Readonly<Record<string, string>>, path: EncodedPath = ""): string {
  const folder = path === "" ? "" : `&path=${path}`;
  return `/api/search?${new URLSearchParams(query).toString()}${folder}`;
}

export function diffUrl(
  path: EncodedPath,
  { before, after }: { readonly before: string; readonly after: string },
): string {
  return `/api/diff/${path}?before=${before}&after=${after}`;
}
