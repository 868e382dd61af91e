/** Answers of the web API: one JSON value, or a stream of JSON lines. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import { abortedSignal, writePart } from "../../webdav/index.ts";
import type { ApiError } from "./api.ts";
import { apiErrorOf, apiStatusOf } from "./api-failure.ts";

/** Lines that wait for one another no longer than this, so that the first hits are seen at once. */
const LINE_WAIT_MS = 40;
const PART_CHARACTERS = 64 * 1024;

export function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  const body = JSON.stringify(value);
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
  });
  response.end(body);
}

export function sendNothing(response: ServerResponse): void {
  response.writeHead(204);
  response.end();
}

/**
 * Sends what `lines` yields, one JSON value a line, no faster than the client takes them. When it
 * throws, the last line is `{ type: "failed", error }`. The signal that `lines` is given fires when
 * the client is gone.
 * @param onError Told of failures that are the server's.
 */
export async function sendJsonLines(
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
  lines: (signal: AbortSignal) => AsyncIterable<unknown>,
  onError: (error: unknown) => void,
): Promise<void> {
  response.writeHead(200, { "Content-Type": "application/x-ndjson" });
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  const signal = abortedSignal(response);
  let text = "";
  let sentMs = performance.now();
  try {
    for await (const line of lines(signal)) {
      text += `${JSON.stringify(line)}\n`;
      const nowMs = performance.now();
      if (text.length < PART_CHARACTERS && nowMs - sentMs < LINE_WAIT_MS) continue;
      await writePart(response, text);
      text = "";
      sentMs = nowMs;
      // Lines that come from memory alone would hold up everybody else.
      await nextTurn();
    }
  } catch (error) {
    if (signal.aborted) return;
    if (apiStatusOf(error) >= 500) onError(error);
    text += `${JSON.stringify({ type: "failed", error: apiErrorOf(error) } satisfies FailedLine)}\n`;
  }
  response.end(text);
}

interface FailedLine {
  readonly type: "failed";
  readonly error: ApiError["error"];
}
