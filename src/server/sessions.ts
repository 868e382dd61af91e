/**
 * Sessions of the web file browser: who logged in by the password or by a ticket that works once, and
 * is known from then on by a cookie.
 *
 * A browser keeps cookies by host and not by port, so the port stands in the cookie's name: two
 * servers on one machine do not log each other's users out. What a cookie holds is kept here as a
 * hash only. @see ../../engine/decisions/0013-web-sessions.md
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { ApiFailure } from "./api-failure.ts";
import { FailureThrottle } from "./throttle.ts";

export interface WebSession {
  /** Value of the header `X-Forge-Csrf`. */
  readonly csrfToken: string;
  /** Fires when it is over: by logging out, by being idle, or because there are too many. */
  readonly ended: AbortSignal;
}

export interface SessionsOptions {
  readonly password: string;
  /** Milliseconds of a clock that goes forward. */
  readonly now: () => number;
}

const IDLE_MS_MAX = 12 * 60 * 60_000;
/** A browser that is slow to start, on a machine that is busy. */
const TICKET_MS_MAX = 10 * 60_000;
/** One person with many browsers; the one that was idle longest makes room. */
const SESSIONS_MAX = 200;
const COOKIE = "forge_session";

interface Kept extends WebSession {
  readonly end: AbortController;
  usedMs: number;
}

export class Sessions {
  readonly #password: Buffer;
  readonly #now: () => number;
  readonly #throttle: FailureThrottle;
  /** By hash of the cookie's value, the one that was idle longest first. */
  readonly #sessions = new Map<string, Kept>();
  /** By hash. */
  readonly #tickets = new Map<string, { readonly madeMs: number; readonly use: AbortController }>();

  constructor({ password, now }: SessionsOptions) {
    this.#password = digestOf(password.normalize("NFC"));
    this.#now = now;
    this.#throttle = new FailureThrottle(now);
  }

  /** Lets in whoever brings it first, within ten minutes; `used` fires then. */
  issueTicket(): { readonly ticket: string; readonly used: AbortSignal } {
    const ticket = randomText();
    const use = new AbortController();
    this.#tickets.set(keyOf(ticket), { madeMs: this.#now(), use });
    return { ticket, used: use.signal };
  }

  /** @throws ApiFailure 401 "unauthenticated", 429 "too-many-attempts". */
  logInByPassword(call: Exchange, password: string): WebSession {
    this.#refuseWhileWaiting(call.request);
    // Compared as hashes of one length: time does not tell how much of it was right.
    if (!timingSafeEqual(digestOf(password.normalize("NFC")), this.#password)) {
      this.#throttle.countFailure(call.request);
      throw new ApiFailure(401, "unauthenticated", "This is not the password.");
    }
    this.#throttle.forgive(call.request);
    return this.#begin(call);
  }

  /**
   * 192 random bits need no throttle: so whoever guesses passwords from this machine cannot keep its
   * owner's link from working.
   * @throws ApiFailure 401 "unauthenticated", 429 "too-many-attempts".
   */
  logInByTicket(call: Exchange, ticket: string): WebSession {
    const key = keyOf(ticket);
    const found = this.#tickets.get(key);
    this.#tickets.delete(key);
    if (found === undefined || this.#now() - found.madeMs > TICKET_MS_MAX) {
      this.#refuseWhileWaiting(call.request);
      this.#throttle.countFailure(call.request);
      const why = "This link was used already or is too old; log in with the password.";
      throw new ApiFailure(401, "unauthenticated", why);
    }
    found.use.abort();
    return this.#begin(call);
  }

  /** The session of a request, which is in use from now on again. */
  find(request: IncomingMessage): WebSession | undefined {
    for (const value of cookiesOf(request)) {
      const key = keyOf(value);
      const session = this.#sessions.get(key);
      if (session === undefined) continue;
      this.#sessions.delete(key);
      if (this.#now() - session.usedMs > IDLE_MS_MAX) {
        session.end.abort();
        continue;
      }
      session.usedMs = this.#now();
      this.#sessions.set(key, session);
      return session;
    }
    return undefined;
  }

  logOut({ request, response }: Exchange): void {
    for (const value of cookiesOf(request)) this.#end(keyOf(value));
    response.setHeader("Set-Cookie", `${cookieNameOf(request)}=; Max-Age=0${flagsOf(request)}`);
  }

  /** @throws ApiFailure 403 when the request does not carry the token of its session. */
  checkCsrf(request: IncomingMessage, session: WebSession): void {
    const given = request.headers["x-forge-csrf"];
    const right =
      typeof given === "string" && timingSafeEqual(digestOf(given), digestOf(session.csrfToken));
    if (right) return;
    throw new ApiFailure(
      403,
      "forbidden",
      "Cannot take the request: it does not carry this session's token; reload the page.",
    );
  }

  #begin({ request, response }: Exchange): WebSession {
    // Whoever logs in again leaves the old session: a cookie that was planted before is worth nothing.
    for (const value of cookiesOf(request)) this.#end(keyOf(value));
    const value = randomText();
    const end = new AbortController();
    const session = { csrfToken: randomText(), ended: end.signal, end, usedMs: this.#now() };
    this.#sessions.set(keyOf(value), session);
    if (this.#sessions.size > SESSIONS_MAX) {
      for (const idle of this.#sessions.keys()) {
        this.#end(idle);
        break;
      }
    }
    response.setHeader("Set-Cookie", `${cookieNameOf(request)}=${value}${flagsOf(request)}`);
    return session;
  }

  #end(key: string): void {
    this.#sessions.get(key)?.end.abort();
    this.#sessions.delete(key);
  }

  #refuseWhileWaiting(request: IncomingMessage): void {
    const seconds = Math.ceil(this.#throttle.waitMs(request) / 1000);
    if (seconds === 0) return;
    const why = `There were too many wrong passwords; try again in ${seconds} s.`;
    throw new ApiFailure(429, "too-many-attempts", why, { retryAfterSeconds: seconds });
  }
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** Ends with the browser; the server forgets it earlier. */
function flagsOf(request: IncomingMessage): string {
  // A proxy in front may speak TLS for us; the page's origin tells.
  const isTls =
    "encrypted" in request.socket || request.headers.origin?.startsWith("https:") === true;
  return `; HttpOnly; SameSite=Strict; Path=/${isTls ? "; Secure" : ""}`;
}

function cookieNameOf(request: IncomingMessage): string {
  const port = /:(\d{1,5})$/.exec(request.headers.host ?? "")?.[1];
  return port === undefined ? COOKIE : `${COOKIE}_${port}`;
}

/** There may be several of one name, of narrower paths: whoever plants one must not log us out. */
function cookiesOf(request: IncomingMessage): string[] {
  const name = cookieNameOf(request);
  const values: string[] = [];
  for (const part of (request.headers.cookie ?? "").split(";").slice(0, 100)) {
    const equals = part.indexOf("=");
    if (equals < 0 || part.slice(0, equals).trim() !== name) continue;
    values.push(part.slice(equals + 1).trim());
  }
  return values.slice(0, 4);
}

function randomText(): string {
  return randomBytes(24).toString("base64url");
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text, "utf8").digest();
}

function keyOf(secret: string): string {
  return digestOf(secret).toString("base64");
}
