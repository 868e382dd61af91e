/**
 * LOCK and UNLOCK for the clients that will not open a file without: Microsoft Office and the drive
 * of Windows. Nothing can change, so every lock is granted and nothing is kept of it.
 */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { escapeXml } from "./xml.ts";

/** Told to them, class 2 brings locks; told to the Finder, it would bring attempts to write. */
const INSISTS = /^Microsoft-WebDAV-MiniRedir|^Microsoft Office|^Microsoft Data Access|^MSOffice/i;

export function insistsOnLocks(request: IncomingMessage): boolean {
  return INSISTS.test(request.headers["user-agent"] ?? "");
}

/** Answers with a lock that holds for an hour. @param href Of the locked entry, escaped as a URL. */
export function grantLock(request: IncomingMessage, response: ServerResponse, href: string): void {
  request.resume();
  const token = `urn:uuid:${randomUUID()}`;
  const body =
    '<?xml version="1.0" encoding="utf-8"?>\n<D:prop xmlns:D="DAV:"><D:lockdiscovery><D:activelock>' +
    "<D:locktype><D:write/></D:locktype><D:lockscope><D:exclusive/></D:lockscope>" +
    "<D:depth>0</D:depth><D:timeout>Second-3600</D:timeout>" +
    `<D:locktoken><D:href>${token}</D:href></D:locktoken>` +
    `<D:lockroot><D:href>${escapeXml(href)}</D:href></D:lockroot>` +
    "</D:activelock></D:lockdiscovery></D:prop>\n";
  response.writeHead(200, {
    "Content-Type": "application/xml; charset=utf-8",
    "Content-Length": Buffer.byteLength(body),
    "Lock-Token": `<${token}>`,
    "X-Content-Type-Options": "nosniff",
  });
  response.end(body);
}
