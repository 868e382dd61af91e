/**
 * Requests to the server. Every failure is an `ApiFailure` with a code and a sentence for people,
 * also when the server cannot be reached. A 401 tells the page, which then shows the login.
 */
import type { ApiError } from "../../../src/server/api.ts";
import { readJsonLines } from "./ndjson.ts";

export class ApiFailure extends Error {
  /** A ForgeError's code, "unauthenticated", "forbidden", "too-many-attempts" or "unreachable". */
  readonly code: string;
  /** 0 when there was no answer. */
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    error: ApiError["error"],
    options: { readonly status: number; readonly cause?: unknown },
  ) {
    super(error.message, { cause: options.cause });
    this.name = "ApiFailure";
    this.code = error.code;
    this.status = options.status;
    this.retryAfterSeconds = error.retryAfterSeconds;
  }
}

let csrfToken: string | undefined;
let onUnauthenticated: (() => void) | undefined;

/** What POST and DELETE carry from now on: the session's token. */
export function setCsrfToken(token: string | undefined): void {
  csrfToken = token;
}

/** Called when the server says that nobody is logged in. */
export function setUnauthenticatedHandler(handler: () => void): void {
  onUnauthenticated = handler;
}

interface RequestOptions {
  readonly signal?: AbortSignal | undefined;
}

/** `GET path`, answered with JSON of type `T`. @throws ApiFailure; AbortError when aborted. */
export async function apiGet<T>(path: string, { signal }: RequestOptions = {}): Promise<T> {
  const response = await request(path, { signal: signal ?? null });
  return (await readBody(response)) as T;
}

/** POST or DELETE with JSON. An answer without a body gives `undefined`. @throws ApiFailure */
export async function apiSend<T>(
  method: "POST" | "DELETE",
  path: string,
  body?: unknown,
  { signal }: RequestOptions = {},
): Promise<T> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (csrfToken !== undefined) headers["x-forge-csrf"] = csrfToken;
  const response = await request(path, {
    method,
    headers,
    signal: signal ?? null,
    body: JSON.stringify(body ?? {}),
  });
  return (await readBody(response)) as T;
}

/**
 * `GET path`, answered with JSON lines of type `T`. Ending the loop early ends the request.
 * @throws ApiFailure, also when the stream breaks off.
 */
export async function* apiStream<T>(
  path: string,
  { signal }: RequestOptions = {},
): AsyncGenerator<T> {
  const response = await request(path, { signal: signal ?? null });
  if (response.body === null) return;
  try {
    for await (const line of readJsonLines(response.body)) yield line as T;
  } catch (cause) {
    if (signal?.aborted === true) throw cause;
    throw new ApiFailure(
      { code: "unreachable", message: "The server stopped answering before it was done." },
      { status: 0, cause },
    );
  }
}

async function request(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, credentials: "same-origin", redirect: "error" });
  } catch (cause) {
    if (init.signal?.aborted === true) throw cause;
    throw new ApiFailure(
      {
        code: "unreachable",
        message: "The server cannot be reached. Is forge browse still running?",
      },
      { status: 0, cause },
    );
  }
  if (response.ok) return response;
  const failure = await failureOf(response);
  if (response.status === 401 && failure.code === "unauthenticated") onUnauthenticated?.();
  throw failure;
}

async function failureOf(response: Response): Promise<ApiFailure> {
  const status = response.status;
  try {
    const body: unknown = await response.json();
    if (isApiError(body)) return new ApiFailure(body.error, { status });
  } catch {
    // Not from forge: a proxy, or a broken answer.
  }
  return new ApiFailure(
    { code: "http", message: `The server answered with status ${status}.` },
    { status },
  );
}

function isApiError(body: unknown): body is ApiError {
  if (typeof body !== "object" || body === null || !("error" in body)) return false;
  const { error } = body;
  return (
    typeof error === "object" &&
    error !== null &&
    "code" in error &&
    typeof error.code === "string" &&
    "message" in error &&
    typeof error.message === "string"
  );
}

async function readBody(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ApiFailure(
      { code: "http", message: "The server's answer cannot be read." },
      { status: response.status, cause },
    );
  }
}

/** A failure of any kind as a sentence for people. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether `error` says that what was asked for is not there. */
export function isNotFound(error: unknown): boolean {
  return error instanceof ApiFailure && error.status === 404;
}
