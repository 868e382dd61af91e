/**
 * The built pages of the web file browser. All files are read into memory at the start: they are few,
 * they stay of one version when forge is upgraded meanwhile, and a request can only name one of them,
 * in whatever spelling.
 */
import { readFile, readdir } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { ForgeError } from "../../engine/base/errors.ts";
import { APP_CONTENT_SECURITY_POLICY } from "./security-headers.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".woff2": "font/woff2",
  ".ttf": "font/ttf",
  ".pfb": "application/octet-stream",
  ".bcmap": "application/octet-stream",
  ".txt": "text/plain; charset=utf-8",
};
/** Vite puts a hash of the content into the names of these. */
const HASHED = /^\/assets\/.*-[\w-]{8}\.\w+$/;

interface Asset {
  readonly bytes: Buffer;
  readonly type: string;
  readonly cacheControl: string;
}

/** Answers GET and HEAD of everything that is not the API. */
export type StaticUi = (request: IncomingMessage, response: ServerResponse) => void;

/** Beside `src` in `dist`, where the build puts it; in a clone the sources use the built one too. */
export function builtUiFolder(): string {
  const isBuilt = !import.meta.url.endsWith(".ts");
  return fileURLToPath(new URL(isBuilt ? "../../web-ui/" : "../../dist/web-ui/", import.meta.url));
}

/** @throws ForgeError "not-found" when the pages were not built. */
export async function loadStaticUi(folder: string): Promise<StaticUi> {
  const assets = new Map<string, Asset>();
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const path = `/${file.slice(join(folder, sep).length).split(sep).join("/")}`;
    assets.set(path, {
      bytes: await readFile(file),
      type: TYPES[extname(entry.name).toLowerCase()] ?? "application/octet-stream",
      cacheControl: HASHED.test(path) ? "private, max-age=31536000, immutable" : "no-store",
    });
  }
  const index = assets.get("/index.html");
  if (index === undefined) {
    throw new ForgeError(
      "not-found",
      `Cannot show the file browser: its pages are not in ${folder}; build them with: npm run build`,
    );
  }
  return (request, response) => {
    const path = (request.url ?? "/").replace(/[?#].*$/s, "");
    // Every other path is a place in the app, which reads it itself.
    const asset = assets.get(path) ?? (path.startsWith("/assets/") ? undefined : index);
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      sendSentence(response, 405, "Pages can only be read.");
    } else if (asset === undefined) {
      sendSentence(response, 404, "There is no such file.");
    } else {
      sendAsset(response, asset);
    }
  };
}

function sendAsset(response: ServerResponse, { bytes, type, cacheControl }: Asset): void {
  response.setHeader("Content-Security-Policy", APP_CONTENT_SECURITY_POLICY);
  response.setHeader("Cache-Control", cacheControl);
  response.writeHead(200, { "Content-Type": type, "Content-Length": bytes.length });
  response.end(bytes);
}

function sendSentence(response: ServerResponse, status: number, text: string): void {
  if (!response.req.complete) response.setHeader("Connection", "close");
  response.writeHead(status, {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": text.length + 1,
  });
  response.end(`${text}\n`);
}
