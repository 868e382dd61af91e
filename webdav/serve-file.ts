/**
 * GET and HEAD of one file: conditions, ranges, and the content no faster than it is taken. What is
 * ahead of the reader is loaded meanwhile; nothing is read any more once the client is gone.
 */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { ForgeError } from "../engine/base/errors.ts";
import type { Bytes } from "../engine/base/bytes.ts";
import type { FsFile } from "../engine/read/readonly-fs.ts";
import { type ByteRange, selectRanges } from "./byte-ranges.ts";
import { CONTENT_SECURITY_HEADERS, contentDisposition, contentTypeOf } from "./content-type.ts";
import { httpDate, wholeSecondsMs } from "./http-date.ts";
import { type Validators, checkPreconditions, isRangeWanted } from "./preconditions.ts";
import { abortedSignal, sendStatus, writePart } from "./send.ts";

export interface ServeFileOptions {
  /** The name it is asked for by, for its type and for saving it. */
  readonly name: string;
  /** Always offer it for saving, whatever its type. */
  readonly download?: boolean;
}

/** One read of the snapshot, and one piece on its way to the client: 1 MiB is some ten packets of a
 * fast network and little memory for many clients. */
const READ_BYTES = 1024 * 1024;
/** Loaded ahead of a reader: the window doubles as long as it goes on reading. */
const AHEAD_BYTES_MIN = 2 * 1024 * 1024;
const AHEAD_BYTES_MAX = 16 * 1024 * 1024;

/** The strong validator of a file's content. */
export function etagOf(file: FsFile): string {
  return `"${file.contentKey}"`;
}

/**
 * Answers a GET or HEAD request for `file`.
 * @throws ForgeError of the read side. After the header was sent the caller must break the
 *   connection, so that nobody takes a part for the whole.
 */
export async function serveFile(
  request: IncomingMessage,
  response: ServerResponse,
  file: FsFile,
  options: ServeFileOptions,
): Promise<void> {
  const { sizeBytes, mtimeNs } = file.attributes;
  const modifiedMs = wholeSecondsMs(mtimeNs);
  const validators: Validators = { etag: etagOf(file), modifiedMs };
  const type = contentTypeOf(options.name);
  for (const [name, value] of Object.entries(CONTENT_SECURITY_HEADERS)) {
    response.setHeader(name, value);
  }
  response.setHeader("ETag", validators.etag);
  // RFC 9110, section 8.8.2.1: never a time later than the answer's own.
  if (modifiedMs <= Date.now()) response.setHeader("Last-Modified", httpDate(mtimeNs));
  response.setHeader("Cache-Control", "private, no-cache");
  response.setHeader("Accept-Ranges", "bytes");

  const verdict = checkPreconditions(request.headers, validators);
  if (verdict !== "go-on") {
    sendStatus(response, verdict === "failed" ? 412 : 304);
    return;
  }

  const offered = options.download === true ? "" : type;
  response.setHeader("Content-Disposition", contentDisposition(options.name, offered));
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
    return sendRange(response, file, { offset: 0, length: sizeBytes }, { status: 200, headers });
  }
  const [only, second] = ranges;
  if (only === undefined || second !== undefined) return sendParts(response, file, ranges, type);
  const headers = {
    "Content-Type": type,
    "Content-Length": only.length,
    "Content-Range": contentRange(only, sizeBytes),
  };
  return sendRange(response, file, only, { status: 206, headers });
}

interface Header {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number>>;
}

async function sendRange(
  response: ServerResponse,
  file: FsFile,
  range: ByteRange,
  header: Header,
): Promise<void> {
  const signal = abortedSignal(response);
  // The header waits for the first bytes: what cannot be read at all gets an honest status.
  for await (const bytes of readPieces(file, range, signal)) {
    if (!response.headersSent) response.writeHead(header.status, { ...header.headers });
    await writePart(response, bytes);
  }
  if (!response.headersSent) response.writeHead(header.status, { ...header.headers });
  response.end();
}

/** multipart/byteranges, RFC 9110, section 14.6, with a length known before. */
async function sendParts(
  response: ServerResponse,
  file: FsFile,
  ranges: readonly ByteRange[],
  type: string,
): Promise<void> {
  const signal = abortedSignal(response);
  const boundary = randomBytes(18).toString("hex");
  const sizeBytes = file.attributes.sizeBytes;
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
    for await (const bytes of readPieces(file, range, signal)) {
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

/** The bytes of a range in order. The next piece is read while the caller has the one before. */
async function* readPieces(
  file: FsFile,
  range: ByteRange,
  signal: AbortSignal,
): AsyncGenerator<Bytes> {
  const end = range.offset + range.length;
  let loadedUntil = range.offset;
  let aheadBytes = AHEAD_BYTES_MIN;
  const read = (offset: number): Promise<Bytes> | undefined => {
    if (offset >= end) return undefined;
    const until = Math.min(end, offset + READ_BYTES);
    const reading = readExactly(file, { offset, length: until - offset }, signal);
    // It may fail while nobody waits for it yet, or when nobody will.
    reading.catch(() => undefined);
    loadedUntil = Math.max(loadedUntil, until);
    // Half a window at a time: few, large ranges coalesce better than many small ones.
    if (loadedUntil < end && loadedUntil - until <= aheadBytes / 2) {
      const wanted = Math.min(end, until + aheadBytes);
      file.prefetch({ offset: loadedUntil, length: wanted - loadedUntil });
      loadedUntil = wanted;
      aheadBytes = Math.min(AHEAD_BYTES_MAX, aheadBytes * 2);
    }
    return reading;
  };
  let offset = range.offset;
  let next = read(offset);
  while (next !== undefined) {
    const bytes = await next;
    offset += bytes.length;
    signal.throwIfAborted();
    next = read(offset);
    yield bytes;
  }
}

async function readExactly(file: FsFile, range: ByteRange, signal: AbortSignal): Promise<Bytes> {
  const bytes = await file.read({ ...range, signal });
  if (bytes.length === range.length) return bytes;
  throw new ForgeError(
    "corrupt",
    `Cannot read ${range.length} bytes at offset ${range.offset} of a file: got ${bytes.length}`,
  );
}

function contentRange({ offset, length }: ByteRange, sizeBytes: number): string {
  return `bytes ${offset}-${offset + length - 1}/${sizeBytes}`;
}
