/**
 * Against web pages that reach for this machine: names that were bound to 127.0.0.1 after the page
 * was loaded (DNS rebinding), and requests that another site's page makes.
 */
import type { IncomingMessage, ServerResponse } from "node:http";

export interface HostRules {
  /** Whether only this machine can connect: then only its own names are let through. */
  readonly isLoopback: boolean;
  /** Further names, in lower case: of a proxy in front, say. */
  readonly allowed: readonly string[];
}

/** Whether the request may go on. When not, it was answered: 421 or 403. */
export function admitsHost(
  request: IncomingMessage,
  response: ServerResponse,
  rules: HostRules,
): boolean {
  const host = nameOf(request.headers.host);
  if (rules.isLoopback && !isOwnName(host) && !rules.allowed.includes(host)) {
    return refuse(response, 421, "This is not a name of this server; see --allow-host.");
  }
  const origin = request.headers.origin;
  // A proxy in front, whose name was allowed, may speak TLS for us.
  const schemes = rules.allowed.includes(host) ? ["http", "https"] : [schemeOf(request)];
  const isForeignOrigin = origin !== undefined && !originsOf(request, schemes).includes(origin);
  const site = request.headers["sec-fetch-site"];
  const isForeignPage = site === "cross-site" && request.headers["sec-fetch-mode"] !== "navigate";
  if (isForeignOrigin || isForeignPage) {
    return refuse(response, 403, "Pages of other sites have no access.");
  }
  return true;
}

function isOwnName(host: string): boolean {
  return (
    host === "localhost" ||
    host.endsWith(".localhost") ||
    host === "[::1]" ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
  );
}

/** The name without its port: whoever forwards a port may use another. */
function nameOf(host: string | undefined): string {
  return (host ?? "").toLowerCase().replace(/:\d*$/, "").replace(/\.$/, "");
}

function schemeOf(request: IncomingMessage): string {
  return "encrypted" in request.socket ? "https" : "http";
}

function originsOf(request: IncomingMessage, schemes: readonly string[]): readonly string[] {
  const host = (request.headers.host ?? "").toLowerCase();
  return schemes.map((scheme) => `${scheme}://${host}`);
}

function refuse(response: ServerResponse, status: number, sentence: string): false {
  response.writeHead(status, {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": sentence.length + 1,
    "X-Content-Type-Options": "nosniff",
    Connection: "close",
  });
  response.end(`${sentence}\n`);
  return false;
}
