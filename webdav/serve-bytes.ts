/**
 * GET and HEAD of anything that has a size, a strong validator and readable ranges: a file of a
 * snapshot, an archive of many. Conditions, one or many ranges, the content no faster than it is
 * taken; nothing is read any more once the client is gone.
 */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Bytes } from "../engine/base/bytes.ts";
import { type ByteRange, selectRanges } from "./byte-ranges.ts";
import { CONTENT_SECURITY_HEADERS, contentDisposition } from "./content-type.ts";
import { httpDate, wholeSecondsMs } from "./http-date.ts";
import { type Validators, checkPreconditions, isRangeWanted } from "./preconditions.ts";
import { abortedSignal, sendStatus, writePart } from "./send.ts";

export interface ByteSource {
  readonly sizeBytes: number;
  /** Strong: never the same for other bytes. With its quotes. */
  readonly etag: string;
  readonly modifiedNs: bigint;
  /** The media type. */
  readonly type: string;
  /** For saving it. */
  readonly name: string;
  /** Always offer it for saving, whatever its type. */
  readonly download?: boolean | undefined;
  /** The bytes of a range that lies inside, in order; exactly as many as the range has. */
  read(range: ByteRange, signal: AbortSignal): AsyncIterable<Bytes>;
}

/**
 * Answers a GET or HEAD request for `source`.
 * @throws what `read` throws. After the header was sent the caller must break the connection, so
 *   that nobody takes a part for the whole.
 */
export async function serveBytes(
  request: IncomingMessage,
  response: ServerResponse,
  source: ByteSource,
): Promise<void> {
  const { sizeBytes, type, modifiedNs } = source;
  const modifiedMs = wholeSecondsMs(modifiedNs);
  const validators: Validators = { etag: source.etag, modifiedMs };
  for (const [name, value] of Object.entries(CONTENT_SECURITY_HEADERS)) {
    response.setHeader(name, value);
  }
  response.setHeader("ETag", validators.etag);
  // RFC 9110, section 8.8.2.1: never a time later than the answer's own.
  if (modifiedMs <= Date.now()) response.setHeader("Last-Modified", httpDate(modifiedNs));
  response.setHeader("Cache-Control", "private, no-cache");
  response.setHeader("Accept-Ranges", "bytes");

  const verdict = checkPreconditions(request.headers, validators);
  if (verdict !== "go-on") {
    sendStatus(response, verdict === "failed" ? 412 : 304);
    return;
  }

  const offered = source.download === true ? "" : type;
  response.setHeader("Content-Disposition", contentDisposition(source.name, offered));
  const ranges =
    request.method === "GET" && isRangeWanted(request.headers, validators)
      ? selectRanges(request.headers.range, sizeBytes)
      : "whole";
  if (ranges === "unsatisfiable") {
    response.setHeader("Content-Range", `bytes */${sizeBytes}`);
    sendStatus(response, 416);
    return;
  }
  if (request.method === "HEAD") {
    response.writeHead(200, { "Content-Type": type, "Content-Length": sizeBytes });
    response.end();
    return;
  }
  if (ranges === "whole") {
    const headers = { "Content-Type": type, "Content-Length": sizeBytes };
    return sendRange(response, source, { offset: 0, length: sizeBytes }, { status: 200, headers });
  }
  const [only, second] = ranges;
  if (only === undefined || second !== undefined) return sendParts(response, source, ranges);
  const headers = {
    "Content-Type": type,
    "Content-Length": only.length,
    "Content-Range": contentRange(only, sizeBytes),
  };
  return sendRange(response, source, only, { status: 206, headers });
}

interface Header {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number>>;
}

async function sendRange(
  response: ServerResponse,
  source: ByteSource,
  range: ByteRange,
  header: Header,
): Promise<void> {
  const signal = abortedSignal(response);
  // The header waits for the first bytes: what cannot be read at all gets an honest status.
  for await (const bytes of source.read(range, signal)) {
    if (!response.headersSent) response.writeHead(header.status, { ...header.headers });
    await writePart(response, bytes);
  }
  if (!response.headersSent) response.writeHead(header.status, { ...header.headers });
  response.end();
}

/** multipart/byteranges, RFC 9110, section 14.6, with a length known before. */
async function sendParts(
  response: ServerResponse,
  source: ByteSource,
  ranges: readonly ByteRange[],
): Promise<void> {
  const signal = abortedSignal(response);
  const boundary = randomBytes(18).toString("hex");
  const { sizeBytes, type } = source;
  const heads = ranges.map(
    (range, i) =>
      `${i === 0 ? "" : "\r\n"}--${boundary}\r\nContent-Type: ${type}\r\n` +
      `Content-Range: ${contentRange(range, sizeBytes)}\r\n\r\n`,
  );
  const tail = `\r\n--${boundary}--\r\n`;
  const length = ranges.reduce(
    (sum, range, i) => sum + range.length + (heads[i] ?? "").length,
    tail.length,
  );
  for (const [i, range] of ranges.entries()) {
    let head = heads[i] ?? "";
    for await (const bytes of source.read(range, signal)) {
      if (!response.headersSent) {
        response.writeHead(206, {
          "Content-Type": `multipart/byteranges; boundary=${boundary}`,
          "Content-Length": length,
        });
      }
      if (head !== "") await writePart(response, head);
      head = "";
      await writePart(response, bytes);
    }
  }
  response.end(tail);
}

function contentRange({ offset, length }: ByteRange, sizeBytes: number): string {
  return `bytes ${offset}-${offset + length - 1}/${sizeBytes}`;
}
