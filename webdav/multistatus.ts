/**
 * The answer to PROPFIND: 207 with one response element for each entry. Text is put together by hand
 * and written in pieces of 64 KiB as the directory is read: ten thousand entries take tens of
 * milliseconds and no memory to speak of.
 */
import type { ServerResponse } from "node:http";
import type { FsDirectory, ReadonlyFs } from "../engine/read/readonly-fs.ts";
import { encodeSegment } from "./entry-name.ts";
import type { PropfindQuery } from "./propfind-body.ts";
import { propstatWriter } from "./properties.ts";
import { abortedSignal, writePart } from "./send.ts";
import { type Place, listShown } from "./shown-tree.ts";
import { escapeXml } from "./xml.ts";

export interface MultistatusOptions {
  readonly fs: ReadonlyFs;
  /** The link of the entry itself, escaped as a URL, with a slash at the end of a directory. */
  readonly href: string;
  /** Its name, for people. */
  readonly name: string;
  readonly query: PropfindQuery;
  /** The entry itself, its children, or both. */
  readonly show: "self" | "children" | "both";
}

const WRITE_CHARACTERS = 64 * 1024;
const HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus xmlns:D="DAV:">';
const TAIL = "</D:multistatus>\n";

/** @throws ForgeError when the directory cannot be read; after the header was sent, too. */
export async function sendMultistatus(
  response: ServerResponse,
  place: Place,
  options: MultistatusOptions,
): Promise<void> {
  const { fs, href, name, query, show } = options;
  const { entry } = place;
  const propstats = propstatWriter(query, fs);
  const headers = {
    "Content-Type": "application/xml; charset=utf-8",
    "Cache-Control": "private, no-cache",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
  };
  const escapedHref = escapeXml(href);
  let text = HEAD;
  if (show !== "children") {
    text += `\n<D:response><D:href>${escapedHref}</D:href>${propstats(entry, name)}</D:response>`;
  }
  if (show !== "self" && isDirectory(place)) {
    for await (const page of listShown(place, abortedSignal(response))) {
      for (const child of page) {
        const slash = child.entry.type === "directory" ? "/" : "";
        // An escaped segment holds at most an apostrophe of what XML minds, and that only in attributes.
        text += `\n<D:response><D:href>${escapedHref}${encodeSegment(child.name)}${slash}</D:href>${propstats(child.entry, child.name)}</D:response>`;
        if (text.length < WRITE_CHARACTERS) continue;
        if (!response.headersSent) response.writeHead(207, headers);
        await writePart(response, text);
        text = "";
      }
    }
  }
  text += TAIL;
  if (!response.headersSent) {
    response.writeHead(207, { ...headers, "Content-Length": Buffer.byteLength(text) });
  }
  response.end(text);
}

function isDirectory(place: Place): place is Place & { readonly entry: FsDirectory } {
  return place.entry.type === "directory";
}
