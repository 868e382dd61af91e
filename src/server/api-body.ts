/** Bodies of requests: JSON and nothing else, and no more of it than a route expects. */
import { ForgeError } from "../../engine/base/errors.ts";
import { findUtf8 } from "../../engine/base/bytes.ts";
import { ApiFailure } from "./api-failure.ts";
import type { ApiCall } from "./api-route.ts";

const BODY_BYTES_MAX = 64 * 1024;

/**
 * The body as whatever JSON it is; the caller decodes it.
 *
 * A form of another site can send text, but not this content type without being asked first
 * (Fetch standard, "CORS-safelisted request-header"): one more reason to insist on it.
 *
 * @throws ApiFailure 413, 415; ForgeError "usage" for what is no JSON, "aborted".
 */
export async function readJsonBody(
  { request, response }: Pick<ApiCall, "request" | "response">,
  { bytesMax = BODY_BYTES_MAX }: { readonly bytesMax?: number } = {},
): Promise<unknown> {
  const type = request.headers["content-type"] ?? "";
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new ApiFailure(
      415,
      "usage",
      "Cannot read the request: its body has to be application/json",
    );
  }
  const tooLarge = (): ApiFailure =>
    new ApiFailure(
      413,
      "too-large",
      `Cannot read the request: its body is longer than ${bytesMax} bytes`,
    );
  if (Number(request.headers["content-length"] ?? 0) > bytesMax) throw tooLarge();
  // The listener leaves it to us to say whether a body is wanted.
  if (request.headers.expect !== undefined) response.writeContinue();
  const parts: Buffer[] = [];
  let length = 0;
  try {
    // Not destroyed when we stop early: the refusal still has to go out on the same connection.
    for await (const part of request.iterator({
      destroyOnReturn: false,
    }) as AsyncIterable<Buffer>) {
      length += part.length;
      if (length > bytesMax) throw tooLarge();
      parts.push(part);
    }
  } catch (error) {
    if (error instanceof ApiFailure) throw error;
    throw new ForgeError(
      "aborted",
      "Cannot read the request: the client has closed the connection",
      {
        cause: error,
      },
    );
  }
  const text = findUtf8(new Uint8Array(Buffer.concat(parts)));
  try {
    return JSON.parse(text ?? "");
  } catch {
    throw new ForgeError("usage", "Cannot read the request: its body is no JSON");
  }
}

/** @throws ForgeError "usage". */
export function objectOf(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body === "object" && body !== null && !Array.isArray(body)) {
    return { ...body };
  }
  throw new ForgeError("usage", "Cannot read the request: its body is no JSON object");
}
