/**
 * Who is let in: Basic authentication with one user and one password, compared in constant time, and
 * a growing wait for those who guess.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { isIPv6 } from "node:net";
import { type Bytes, findUtf8 } from "../../engine/base/bytes.ts";
import { ForgeError } from "../../engine/base/errors.ts";

export const HTTP_USER = "forge";

export interface Authentication {
  readonly password: string;
  /** Milliseconds of a clock that goes forward. */
  readonly now: () => number;
}

/** Wrong passwords that cost nothing: drives ask several times with what they remember. */
const FREE_FAILURES = 10;
const WAIT_MS_MAX = 60_000;
/** What was guessed wrongly is forgotten after this long. */
const FORGET_MS = 15 * 60_000;
const CLIENTS_MAX = 10_000;

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

interface Failures {
  count: number;
  lastMs: number;
}

/** Answers the requests that may not pass, and says of each whether it may. */
export class Gate {
  readonly #expected: Buffer;
  readonly #now: () => number;
  /** By address, the one that failed longest ago first. */
  readonly #failures = new Map<string, Failures>();

  constructor({ password, now }: Authentication) {
    this.#expected = digestOf(HTTP_USER, password);
    this.#now = now;
  }

  /** Whether the request may go on. When not, it was answered: 401, or 429 after many failures. */
  admits(request: IncomingMessage, response: ServerResponse): boolean {
    const client = clientOf(request);
    const header = request.headers.authorization;
    if (header === undefined) return refuse(response, 401);
    const waitMs = this.#waitMs(client);
    if (waitMs > 0) {
      response.setHeader("Retry-After", Math.ceil(waitMs / 1000));
      return refuse(response, 429);
    }
    const given = findCredentials(header);
    // Both are always compared, as hashes of one length: time tells neither the user nor a prefix.
    const digest = digestOf(given?.user ?? "", given?.password ?? "");
    if (timingSafeEqual(digest, this.#expected)) {
      this.#failures.delete(client);
      return true;
    }
    this.#countFailure(client);
    return refuse(response, 401);
  }

  #waitMs(client: string): number {
    const failures = this.#failures.get(client);
    if (failures === undefined || failures.count < FREE_FAILURES) return 0;
    const sinceMs = this.#now() - failures.lastMs;
    const doublings = Math.min(6, failures.count - FREE_FAILURES);
    return Math.max(0, Math.min(WAIT_MS_MAX, 1000 * 2 ** doublings) - sinceMs);
  }

  #countFailure(client: string): void {
    const nowMs = this.#now();
    const before = this.#failures.get(client);
    const isOld = before === undefined || nowMs - before.lastMs > FORGET_MS;
    this.#failures.delete(client);
    this.#failures.set(client, { count: isOld ? 1 : before.count + 1, lastMs: nowMs });
    if (this.#failures.size <= CLIENTS_MAX) return;
    for (const oldest of this.#failures.keys()) {
      this.#failures.delete(oldest);
      break;
    }
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

/** One machine may have a whole /64 of IPv6 addresses. */
function clientOf(request: IncomingMessage): string {
  const address = request.socket.remoteAddress ?? "";
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  // `::` stands for zeros, so what is before it names the network as well.
  const [groups = ""] = address.split("::");
  return groups.split(":").slice(0, 4).join(":");
}
