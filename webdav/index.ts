/**
 * The door of WebDAV: shows a `ReadonlyFs` as a drive that systems map without a driver of ours.
 * Class 1 of RFC 4918, read-only; who is let in is decided before (`src/server/auth.ts`).
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Router } from "express";
import { type Bytes, findUtf8 } from "../engine/base/bytes.ts";
import { isForgeError } from "../engine/base/errors.ts";
import type { FsDirectory, ReadonlyFs } from "../engine/read/readonly-fs.ts";
import { decodePath, encodeName } from "./entry-name.ts";
import { sendFolderPage } from "./folder-page.ts";
import { grantLock, insistsOnLocks } from "./lock.ts";
import { sendMultistatus } from "./multistatus.ts";
import { parsePropfind, readSmallBody } from "./propfind-body.ts";
import { refuseBody, sendStatus, sendText } from "./send.ts";
import { serveFile } from "./serve-file.ts";
import { type Place, findPlace } from "./shown-tree.ts";
import { statusOf } from "./status.ts";

export type { ByteRange } from "./byte-ranges.ts";
export { CONTENT_SECURITY_HEADERS, contentDisposition, contentTypeOf } from "./content-type.ts";
export { decodePath, encodeName } from "./entry-name.ts";
export { abortedSignal, writePart } from "./send.ts";
export { type ByteSource, serveBytes } from "./serve-bytes.ts";
export { type ServeFileOptions, serveFile } from "./serve-file.ts";
export { type Place, findPlace } from "./shown-tree.ts";
export { statusOf } from "./status.ts";

export interface WebdavOptions {
  /** Told of every failure that a client sees as one of the server. */
  readonly onError?: (error: unknown) => void;
}

/** What a request is about. */
interface Target {
  readonly fs: ReadonlyFs;
  readonly place: Place;
  /** The link of the entry: escaped, below where the router stands, of a directory with a slash. */
  readonly href: string;
  /** Empty for the root. */
  readonly name: string;
}

type Method = (
  request: IncomingMessage,
  response: ServerResponse,
  target: Target,
) => void | Promise<void>;

const METHODS: Readonly<Record<string, Method>> = {
  GET: get,
  HEAD: get,
  PROPFIND: propfind,
  LOCK: lock,
  UNLOCK: unlock,
};
/** Methods that would change something: the drive has them, and nobody may use them. */
const WRITES = new Set(["PUT", "DELETE", "MKCOL", "COPY", "MOVE", "PROPPATCH"]);
const ALLOW = "OPTIONS, GET, HEAD, PROPFIND";

/**
 * An express router that answers every request below its path. It authenticates nobody, and wants to
 * stand behind something that does.
 */
export function createWebdav(fs: ReadonlyFs, options: WebdavOptions = {}): Router {
  const router = Router();
  router.use((request, response) => {
    answer(fs, { request, response, base: request.baseUrl }).catch((error: unknown) =>
      fail(response, error, options),
    );
  });
  return router;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The path that the router stands at, without a slash at the end. */
  readonly base: string;
}

async function answer(fs: ReadonlyFs, { request, response, base }: Exchange): Promise<void> {
  const method = request.method ?? "";
  // Office and the drive of Windows take it for the sign of a server they can work with.
  response.setHeader("MS-Author-Via", "DAV");
  if (method === "OPTIONS") {
    options(request, response);
    return;
  }
  const handle = METHODS[method];
  if (handle === undefined) {
    refuse(request, response);
    return;
  }
  const names = decodePath(pathOf(request));
  if (names === undefined) {
    sendText(response, 400, "This path cannot name a file.");
    return;
  }
  const place = await findPlace(fs.root, names);
  if (place === undefined) {
    // To lock what is not there would make it.
    if (method === "LOCK") {
      refuse(request, response);
      return;
    }
    sendText(response, 404, "There is no such file.");
    return;
  }
  await handle(request, response, { fs, place, ...linkOf(base, names, place) });
}

function options(request: IncomingMessage, response: ServerResponse): void {
  const locks = insistsOnLocks(request);
  response.writeHead(200, {
    DAV: locks ? "1, 2" : "1",
    Allow: locks ? `${ALLOW}, LOCK, UNLOCK` : ALLOW,
    "Content-Length": 0,
  });
  response.end();
}

async function get(
  request: IncomingMessage,
  response: ServerResponse,
  { place, href, name }: Target,
): Promise<void> {
  if (place.entry.type === "file") return serveFile(request, response, place.entry, { name });
  const folder: Place & { readonly entry: FsDirectory } = { ...place, entry: place.entry };
  const headOnly = request.method === "HEAD";
  return sendFolderPage(response, folder, { href, name, headOnly, hasParent: name !== "" });
}

async function propfind(
  request: IncomingMessage,
  response: ServerResponse,
  { fs, place, href, name }: Target,
): Promise<void> {
  const show = findShown(request.headers["depth"]);
  if (show === "infinite") {
    refuseBody(request, response);
    sendCondition(response, "propfind-finite-depth");
    return;
  }
  if (show === undefined) {
    sendText(response, 400, "The header Depth must be 0 or 1.");
    return;
  }
  // The listener leaves it to us to say whether a body is wanted.
  if (request.headers.expect !== undefined) response.writeContinue();
  const body = await readSmallBody(request);
  if (body === "too-large") {
    response.setHeader("Connection", "close");
    sendText(response, 413, "The body of a PROPFIND must be below 64 KiB.");
    return;
  }
  const query = parsePropfind(body);
  if (query === undefined) {
    sendText(response, 400, "The body is no propfind element.");
    return;
  }
  await sendMultistatus(response, place, { fs, href, name, query, show });
}

/** RFC 4918, section 9.1: no Depth is infinity. `noroot` is an old word of Microsoft's clients. */
function findShown(
  depth: string | string[] | undefined,
): "self" | "children" | "both" | "infinite" | undefined {
  switch (
    String(depth ?? "infinity")
      .toLowerCase()
      .replaceAll(" ", "")
  ) {
    case "0":
      return "self";
    case "1":
      return "both";
    case "1,noroot":
      return "children";
    case "infinity":
    case "infinity,noroot":
      return "infinite";
    default:
      return undefined;
  }
}

function lock(request: IncomingMessage, response: ServerResponse, { href }: Target): void {
  if (!insistsOnLocks(request)) {
    refuse(request, response);
    return;
  }
  grantLock(request, response, href);
}

function unlock(request: IncomingMessage, response: ServerResponse): void {
  if (!insistsOnLocks(request)) {
    refuse(request, response);
    return;
  }
  sendStatus(response, 204);
}

/** Writes are forbidden here; other methods do not exist. */
function refuse(request: IncomingMessage, response: ServerResponse): void {
  refuseBody(request, response);
  const method = request.method ?? "";
  if (WRITES.has(method) || (method === "LOCK" && insistsOnLocks(request))) {
    sendText(response, 403, "Backups are read-only.");
    return;
  }
  response.setHeader("Allow", ALLOW);
  sendText(response, 405, "Backups are read-only: OPTIONS, GET, HEAD and PROPFIND work.");
}

/** The path as it was sent: express has taken the part before the router away, and nothing else. */
function pathOf(request: IncomingMessage): string {
  const url = request.url ?? "/";
  const path = /^[a-z][a-z0-9+.-]*:\/\/[^/?]*([^?]*)/i.exec(url)?.[1] ?? url;
  return path.replace(/\?.*$/s, "");
}

function linkOf(
  base: string,
  names: readonly Bytes[],
  { entry }: Place,
): Omit<Target, "fs" | "place"> {
  const segments = names.map(encodeName);
  const slash = entry.type === "directory" && segments.length > 0 ? "/" : "";
  const last = names.at(-1);
  return {
    href: `${base.replace(/\/+$/, "")}/${segments.join("/")}${slash}`,
    name: last === undefined ? "" : (findUtf8(last) ?? encodeName(last)),
  };
}

function sendCondition(response: ServerResponse, condition: string): void {
  const body = `<?xml version="1.0" encoding="utf-8"?>\n<D:error xmlns:D="DAV:"><D:${condition}/></D:error>\n`;
  response.writeHead(403, {
    "Content-Type": "application/xml; charset=utf-8",
    "Content-Length": Buffer.byteLength(body),
  });
  response.end(body);
}

/** A client sees that it failed, and never a part as the whole; why it failed is for the owner. */
function fail(response: ServerResponse, error: unknown, { onError }: WebdavOptions): void {
  // The client went away: what it had asked for was stopped, and nobody needs to hear of it.
  if (response.destroyed && !response.writableFinished) return;
  const status = isForgeError(error) ? statusOf(error.code) : 500;
  if (status >= 500) onError?.(error);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  sendText(response, status, "This cannot be read; forge has said why where it was started.");
}
