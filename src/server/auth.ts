/**
 * Who is let in: Basic authentication with one user and one password, compared in constant time, and
 * a growing wait for those who guess.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Bytes, findUtf8 } from "../../engine/base/bytes.ts";
import { ForgeError } from "../../engine/base/errors.ts";
import { FailureThrottle } from "./throttle.ts";

export const HTTP_USER = "forge";

export interface Authentication {
  readonly password: string;
  /** Milliseconds of a clock that goes forward. */
  readonly now: () => number;
}

/** 120 random bits, in letters that survive being read out. */
export function randomPassword(): string {
  return randomBytes(15).toString("base64url");
}

/** @throws ForgeError "usage". @param setting Names where it comes from. */
export function passwordFrom(bytes: Bytes, setting: string): string {
  const text = findUtf8(bytes)?.replace(/\r?\n$/, "");
  if (text === undefined || text === "" || text.includes("\n")) {
    throw new ForgeError(
      "usage",
      `Cannot use the password from ${setting}: one line of text is needed`,
    );
  }
  return text;
}

/** Answers the requests that may not pass, and says of each whether it may. */
export class Gate {
  readonly #expected: Buffer;
  readonly #throttle: FailureThrottle;

  constructor({ password, now }: Authentication) {
    this.#expected = digestOf(HTTP_USER, password);
    this.#throttle = new FailureThrottle(now);
  }

  /** Whether the request may go on. When not, it was answered: 401, or 429 after many failures. */
  admits(request: IncomingMessage, response: ServerResponse): boolean {
    const header = request.headers.authorization;
    if (header === undefined) return refuse(response, 401);
    const waitMs = this.#throttle.waitMs(request);
    if (waitMs > 0) {
      response.setHeader("Retry-After", Math.ceil(waitMs / 1000));
      return refuse(response, 429);
    }
    const given = findCredentials(header);
    // Both are always compared, as hashes of one length: time tells neither the user nor a prefix.
    const digest = digestOf(given?.user ?? "", given?.password ?? "");
    if (timingSafeEqual(digest, this.#expected)) {
      this.#throttle.forgive(request);
      return true;
    }
    this.#throttle.countFailure(request);
    return refuse(response, 401);
  }
}

function refuse(response: ServerResponse, status: 401 | 429): false {
  const text = status === 401 ? "The user name and password are needed.\n" : "Too many attempts.\n";
  if (status === 401) {
    response.setHeader("WWW-Authenticate", 'Basic realm="forge", charset="UTF-8"');
  }
  response.writeHead(status, {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": text.length,
    "X-Content-Type-Options": "nosniff",
    ...(hasLongBody(response.req) ? { Connection: "close" } : {}),
  });
  response.end(text);
  return false;
}

/** Such a body is not read to its end only to keep the connection of somebody unknown. */
function hasLongBody({ headers }: IncomingMessage): boolean {
  return (
    Number(headers["content-length"] ?? 0) > 64 * 1024 || headers["transfer-encoding"] !== undefined
  );
}

function findCredentials(header: string): { user: string; password: string } | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/_-]+={0,2}) *$/i.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  const text = findUtf8(Buffer.from(encoded, "base64"));
  const colon = text?.indexOf(":") ?? -1;
  if (text === undefined || colon < 0) return undefined;
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** The user name has no colon and no NUL, so one separator makes one text of both. */
function digestOf(user: string, password: string): Buffer {
  return createHash("sha256")
    .update(`${user}\0${password.normalize("NFC")}`, "utf8")
    .digest();
}
