/** What the web API answers when it cannot do what it was asked: an `ApiError` with a status. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { isForgeError } from "../../engine/base/errors.ts";
import { statusOf } from "../../webdav/index.ts";
import type { ApiError } from "./api.ts";

/** A refusal that is HTTP's or the session's own, not one of the engine. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly code: string;
  readonly retryAfterSeconds: number | undefined;
  readonly headers: Readonly<Record<string, string>>;

  /** @param message For people: what was attempted, on what, what was found. */
  constructor(
    status: number,
    code: string,
    message: string,
    options: {
      readonly retryAfterSeconds?: number;
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(message);
    this.name = "ApiFailure";
    this.status = status;
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.headers = options.headers ?? {};
  }
}

/** A thrown thing in the words of the API; also for the last line of a stream. */
export function apiErrorOf(error: unknown): ApiError["error"] {
  if (error instanceof ApiFailure) {
    const { code, message, retryAfterSeconds } = error;
    return { code, message, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
  }
  if (isForgeError(error)) return { code: error.code, message: error.message };
  return {
    code: "internal",
    message: "This failed inside forge; it has said why where it was started.",
  };
}

/** Above 499 the owner of the server wants to hear of it. */
export function apiStatusOf(error: unknown): number {
  if (error instanceof ApiFailure) return error.status;
  return isForgeError(error) ? statusOf(error.code) : 500;
}

/**
 * Answers with what went wrong. When a part was sent already the connection is broken, so that nobody
 * takes it for the whole.
 */
export function sendFailure(
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
  onError: (error: unknown) => void,
): void {
  // The client went away: what it had asked for was stopped, and nobody needs to hear of it.
  if (response.destroyed && !response.writableFinished) return;
  const status = apiStatusOf(error);
  if (status >= 500) onError(error);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = JSON.stringify({ error: apiErrorOf(error) } satisfies ApiError);
  // Of the answer that was begun nothing may stay: a length, a name, a type.
  for (const name of CONTENT_HEADERS) response.removeHeader(name);
  response.setHeader("Cache-Control", "no-store");
  if (error instanceof ApiFailure) {
    for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value);
    if (error.retryAfterSeconds !== undefined) {
      response.setHeader("Retry-After", error.retryAfterSeconds);
    }
  }
  // A body that nobody reads would be taken for the next request.
  if (!request.complete) response.setHeader("Connection", "close");
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
  });
  response.end(body);
}

const CONTENT_HEADERS = [
  "Accept-Ranges",
  "Content-Disposition",
  "Content-Range",
  "ETag",
  "Last-Modified",
];
