/** A folder for a browser that was pointed at the drive: a plain list of links, without scripts. */
import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { FsDirectory } from "../engine/read/readonly-fs.ts";
import { encodeSegment } from "./entry-name.ts";
import { isoDate } from "./http-date.ts";
import { abortedSignal, writePart } from "./send.ts";
import { type Place, type ShownEntry, listShown } from "./shown-tree.ts";
import { escapeXml } from "./xml.ts";

const STYLE =
  "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}" +
  "table{border-collapse:collapse;width:100%}td,th{padding:.25rem .5rem;text-align:left}" +
  "td:nth-child(n+2){color:#666;text-align:right;white-space:nowrap}" +
  "td:first-child{overflow-wrap:anywhere}:root{color-scheme:light dark}";
const STYLE_HASH = createHash("sha256").update(STYLE).digest("base64");

const HEADERS = {
  "Content-Type": "text/html; charset=utf-8",
  "Cache-Control": "private, no-cache",
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy":
    `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; ` +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
};
const WRITE_CHARACTERS = 64 * 1024;

export interface FolderPageOptions {
  /** The link of the folder, with a slash at its end. */
  readonly href: string;
  readonly name: string;
  /** Only the header is wanted. */
  readonly headOnly: boolean;
  readonly hasParent: boolean;
}

export async function sendFolderPage(
  response: ServerResponse,
  place: Place & { readonly entry: FsDirectory },
  options: FolderPageOptions,
): Promise<void> {
  if (options.headOnly) {
    response.writeHead(200, HEADERS);
    response.end();
    return;
  }
  const title = escapeXml(options.name === "" ? "Snapshots" : options.name);
  let text =
    `<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>${title}</title>` +
    `<meta name="viewport" content="width=device-width"><style>${STYLE}</style>` +
    `<h1><bdi>${title}</bdi></h1><table><tr><th>Name<th>Size<th>Modified`;
  if (options.hasParent) {
    const above = options.href.replace(/[^/]*\/$/, "");
    text += `<tr><td><a href="${escapeXml(above)}">..</a><td><td>`;
  }
  for await (const page of listShown(place, abortedSignal(response))) {
    for (const child of page) {
      text += rowOf(child, options.href);
      if (text.length < WRITE_CHARACTERS) continue;
      if (!response.headersSent) response.writeHead(200, HEADERS);
      await writePart(response, text);
      text = "";
    }
  }
  if (!response.headersSent) response.writeHead(200, HEADERS);
  response.end(`${text}</table></html>\n`);
}

function rowOf({ name, entry }: ShownEntry, href: string): string {
  const slash = entry.type === "directory" ? "/" : "";
  const link = escapeXml(`${href}${encodeSegment(name)}${slash}`);
  const size = entry.type === "file" ? entry.attributes.sizeBytes.toLocaleString("en") : "";
  const time = isoDate(entry.attributes.mtimeNs).replace("T", " ").slice(0, 16);
  return `<tr><td><a href="${link}"><bdi>${escapeXml(name)}</bdi>${slash}</a><td>${size}<td>${time}\n`;
}
