/** Sending: answers as a whole or piece by piece, no faster than the client takes them. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { ForgeError } from "../engine/base/errors.ts";

/** Fires when the client is gone before the answer was complete. */
export function abortedSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  if (response.destroyed) controller.abort();
  response.once("close", () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}

/** @throws ForgeError "aborted" when the client goes away instead of taking it. */
export async function writePart(
  response: ServerResponse,
  part: string | Uint8Array,
): Promise<void> {
  if (response.destroyed) throw gone();
  if (response.write(part)) return;
  await new Promise<void>((resolve, reject) => {
    const settle = (): void => {
      response.off("drain", settle);
      response.off("close", settle);
      if (response.destroyed) reject(gone());
      else resolve();
    };
    response.once("drain", settle);
    response.once("close", settle);
  });
}

/** A short answer in plain text, for people who look; nothing of a name or path is in it. */
export function sendText(response: ServerResponse, status: number, text: string): void {
  const body = `${text}\n`;
  response.writeHead(status, {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": Buffer.byteLength(body),
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'",
  });
  response.end(body);
}

export function sendStatus(response: ServerResponse, status: number): void {
  // RFC 9110, section 8.6: no length where there can be no body.
  if (status === 204 || status === 304) response.writeHead(status);
  else response.writeHead(status, { "Content-Length": 0 });
  response.end();
}

/** What is uploaded before the refusal is read to its end up to here, so that the client hears it. */
const REFUSED_BODY_BYTES_MAX = 64 * 1024 * 1024;

/** For an answer to a request whose body nobody wants: what is long ends the connection. */
export function refuseBody(request: IncomingMessage, response: ServerResponse): void {
  const length = Number(request.headers["content-length"] ?? 0);
  if (length > REFUSED_BODY_BYTES_MAX) response.setHeader("Connection", "close");
}

function gone(): ForgeError {
  return new ForgeError("aborted", "Cannot go on sending: the client has closed the connection");
}
