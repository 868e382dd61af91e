/**
 * The addresses of the page, as values. Paths in a snapshot stay as they came from the server
 * (`EncodedPath`): they are cut at `/` and put together again, never decoded or encoded here.
 */
import type { EncodedName, EncodedPath } from "../../src/server/api.ts";

export type Route =
  | { readonly name: "timeline" }
  | { readonly name: "browse"; readonly snapshot: string; readonly path: EncodedPath }
  | { readonly name: "file"; readonly snapshot: string; readonly path: EncodedPath }
  | { readonly name: "search" }
  | { readonly name: "versions"; readonly path: EncodedPath }
  | {
      readonly name: "compare";
      readonly before: string;
      readonly after: string;
      readonly path: EncodedPath;
    }
  | { readonly name: "restores" }
  | { readonly name: "unknown" };

/** What a `pathname` of the address bar means. Never throws: what is no page is "unknown". */
export function parseRoute(pathname: string): Route {
  const parts = pathname.split("/").slice(1);
  // A trailing slash says nothing: names are never empty.
  while (parts.length > 0 && parts.at(-1) === "") parts.pop();
  const [page, first, second] = parts;
  switch (page) {
    case undefined:
      return { name: "timeline" };
    case "browse":
    case "file":
      if (first === undefined || first === "") return { name: "unknown" };
      return { name: page, snapshot: first, path: parts.slice(2).join("/") };
    case "search":
      return parts.length === 1 ? { name: "search" } : { name: "unknown" };
    case "versions":
      return { name: "versions", path: parts.slice(1).join("/") };
    case "compare":
      if (first === undefined || second === undefined || first === "" || second === "")
        return { name: "unknown" };
      return { name: "compare", before: first, after: second, path: parts.slice(3).join("/") };
    case "restores":
      return parts.length === 1 ? { name: "restores" } : { name: "unknown" };
    default:
      return { name: "unknown" };
  }
}

export const timelineHref = "/";
export const restoresHref = "/restores";

export function browseHref(snapshot: string, path: EncodedPath): string {
  return `/browse/${snapshot}/${path}`;
}

export function fileHref(snapshot: string, path: EncodedPath): string {
  return `/file/${snapshot}/${path}`;
}

export function versionsHref(path: EncodedPath): string {
  return `/versions/${path}`;
}

export function compareHref(before: string, after: string, path: EncodedPath = ""): string {
  return `/compare/${before}/${after}/${path}`;
}

export function searchHref(query: string, more: Readonly<Record<string, string>> = {}): string {
  return `/search?${new URLSearchParams({ q: query, ...more }).toString()}`;
}

/** The path of `key` in the folder `folder`. */
export function joinPath(folder: EncodedPath, key: EncodedName): EncodedPath {
  return folder === "" ? key : `${folder}/${key}`;
}

/** The folder that `path` is in; of the root the root. */
export function parentPath(path: EncodedPath): EncodedPath {
  const end = path.lastIndexOf("/");
  return end < 0 ? "" : path.slice(0, end);
}

/** The last name of `path`, encoded; empty for the root. */
export function lastName(path: EncodedPath): EncodedName {
  return path.slice(path.lastIndexOf("/") + 1);
}
