/** Preconditions of GET and HEAD in the order of RFC 9110, section 13.2.2. */
import type { IncomingHttpHeaders } from "node:http";
import { findHttpDateMs } from "./http-date.ts";

/** What a representation is compared by. */
export interface Validators {
  /** Strong, with its quotes. */
  readonly etag: string;
  /** Whole seconds. */
  readonly modifiedMs: number;
}

export type Verdict = "go-on" | "not-modified" | "failed";

export function checkPreconditions(headers: IncomingHttpHeaders, now: Validators): Verdict {
  const ifMatch = headers["if-match"];
  if (ifMatch !== undefined) {
    if (!listsTag(ifMatch, now.etag, "strong")) return "failed";
  } else {
    const unmodifiedSince = findHttpDateMs(headers["if-unmodified-since"]);
    if (unmodifiedSince !== undefined && now.modifiedMs > unmodifiedSince) return "failed";
  }
  const ifNoneMatch = headers["if-none-match"];
  if (ifNoneMatch !== undefined) {
    return listsTag(ifNoneMatch, now.etag, "weak") ? "not-modified" : "go-on";
  }
  const modifiedSince = findHttpDateMs(headers["if-modified-since"]);
  if (modifiedSince !== undefined && now.modifiedMs <= modifiedSince) return "not-modified";
  return "go-on";
}

/** Whether a Range header counts: without If-Range always, else only for what it names. */
export function isRangeWanted(headers: IncomingHttpHeaders, now: Validators): boolean {
  const ifRange = headers["if-range"];
  if (typeof ifRange !== "string") return true;
  if (ifRange.includes('"')) return ifRange.trim() === now.etag;
  return findHttpDateMs(ifRange) === now.modifiedMs;
}

/** Strong: a tag that is marked weak never matches (RFC 9110, section 8.8.3.2). */
function listsTag(list: string, etag: string, comparison: "strong" | "weak"): boolean {
  if (list.trim() === "*") return true;
  for (const [tag] of list.matchAll(/(?:W\/)?"[^"]*"/g)) {
    if (tag === etag) return true;
    if (comparison === "weak" && tag === `W/${etag}`) return true;
  }
  return false;
}
