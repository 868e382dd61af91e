/**
 * Sockets: the one place that opens a listener. Loopback unless told otherwise, TLS with a
 * certificate, bounds on how long anybody may hold a connection, and an end that waits for nobody.
 */
import { lookup } from "node:dns/promises";
import { type RequestListener, type Server, createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, BlockList, isIP } from "node:net";
import { ForgeError, messageOf } from "../../engine/base/errors.ts";

export interface ListenAddress {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

export interface ListenOptions {
  readonly tls?: { readonly cert: Uint8Array; readonly key: Uint8Array } | undefined;
  /** Others than this machine may speak to it without TLS. */
  readonly insecureHttp: boolean;
}

/** An address that was looked up and may be listened on. */
export interface ListenPlan {
  readonly host: string;
  /** What `host` stands for. */
  readonly ip: string;
  readonly port: number;
  readonly isLoopback: boolean;
  readonly tls: ListenOptions["tls"];
}

export interface Listener {
  /** For people and programs on this machine: `http://127.0.0.1:8484/`. */
  readonly url: string;
  readonly port: number;
  /** Takes no new connection, gives answers under way a moment, and closes the rest. */
  close(): Promise<void>;
}

/** How long anybody may hold a connection without getting on. */
export interface ListenTimes {
  /** A whole header has to be there after this: a client that dribbles is none. */
  readonly headersMs: number;
  /** And the whole body: the longest is a selection of files, 1 MiB or so. */
  readonly requestMs: number;
  /** How often that is looked at. */
  readonly checkMs: number;
}

const TIMES: ListenTimes = { headersMs: 20_000, requestMs: 60_000, checkMs: 5000 };
const KEEP_ALIVE_MS = 30_000;
/** A film that is paused; its player asks again for the rest when the connection is gone. */
const IDLE_TIMEOUT_MS = 10 * 60_000;
const CONNECTIONS_MAX = 1024;
/** A path may have 4096 bytes, and in a URL three characters for each. */
const HEADER_BYTES_MAX = 32 * 1024;
const GRACE_MS = 2000;

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/** `127.0.0.1:8484`, `[::1]:8484`, `localhost:8484` or a port alone. @throws ForgeError "usage". */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-f:.%]+)\]|([^:[\]]+)):(\d{1,5})$/i.exec(
    /^\d+$/.test(text) ? `127.0.0.1:${text}` : text,
  );
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) {
    throw new ForgeError(
      "usage",
      `Cannot listen on "${text}": an address with a port is needed, such as 127.0.0.1:8484, ` +
        "[::1]:8484, or 0.0.0.0:8484 for all of this machine's",
    );
  }
  return { host, port };
}

/**
 * Looks the address up, and refuses what would send the password and the files readable through a
 * network.
 * @throws ForgeError "usage", "not-found".
 */
export async function planListener(
  { host, port }: ListenAddress,
  options: ListenOptions,
): Promise<ListenPlan> {
  const ip = isIP(host) === 0 ? await lookUp(host) : host;
  const isLoopback = LOOPBACK.check(ip, isIP(ip) === 6 ? "ipv6" : "ipv4");
  if (!isLoopback && options.tls === undefined && !options.insecureHttp) {
    throw new ForgeError(
      "usage",
      `Cannot listen on ${host}:${port} without TLS: other machines can reach it, and everybody on ` +
        "the way could read the password and the files; give --tls-cert and --tls-key, or, where " +
        "the network is safe in itself (a VPN, a proxy on this machine), --insecure-http",
    );
  }
  return { host, ip, port, isLoopback, tls: options.tls };
}

/** @throws ForgeError "io", "permission" or "usage" (a certificate that cannot be used). */
export async function listen(
  plan: ListenPlan,
  handler: RequestListener,
  times: ListenTimes = TIMES,
): Promise<Listener> {
  const server = createFor(plan, handler, times);
  server.maxConnections = CONNECTIONS_MAX;
  server.maxHeadersCount = 100;
  server.setTimeout(IDLE_TIMEOUT_MS);
  // A client that asks first whether it may send: nothing it could send is wanted.
  server.on("checkContinue", handler);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(listenError(plan, error)));
    server.listen({ host: plan.ip, port: plan.port }, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const scheme = plan.tls === undefined ? "http" : "https";
  return {
    url: `${scheme}://${urlHost(plan)}:${port}/`,
    port,
    close: () => close(server),
  };
}

function createFor({ tls }: ListenPlan, handler: RequestListener, times: ListenTimes): Server {
  const options = {
    noDelay: true,
    keepAlive: true,
    headersTimeout: times.headersMs,
    requestTimeout: times.requestMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: times.checkMs,
    maxHeaderSize: HEADER_BYTES_MAX,
  };
  if (tls === undefined) return createServer(options, handler);
  try {
    return createTlsServer(
      {
        ...options,
        cert: Buffer.from(tls.cert),
        key: Buffer.from(tls.key),
        minVersion: "TLSv1.2",
        handshakeTimeout: times.headersMs,
      },
      handler,
    );
  } catch (error) {
    throw new ForgeError(
      "usage",
      `Cannot use the files of --tls-cert and --tls-key: ${messageOf(error)}; both are needed as PEM, ` +
        "the key without a passphrase",
      { cause: error },
    );
  }
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeIdleConnections();
  const late = setTimeout(() => server.closeAllConnections(), GRACE_MS);
  await closed;
  clearTimeout(late);
}

async function lookUp(host: string): Promise<string> {
  try {
    return (await lookup(host)).address;
  } catch (error) {
    throw new ForgeError("not-found", `Cannot listen on ${host}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function listenError({ host, port }: ListenPlan, error: NodeJS.ErrnoException): ForgeError {
  const where = `Cannot listen on ${host}:${port}`;
  const cause = { cause: error };
  const { code } = error;
  if (code === "EACCES") {
    const found = "ports below 1024 are for root; choose another with --listen";
    return new ForgeError("permission", `${where}: ${found}`, cause);
  }
  if (code === "EADDRINUSE") {
    const found = "another program does already; choose another port with --listen";
    return new ForgeError("io", `${where}: ${found}`, cause);
  }
  return new ForgeError("io", `${where}: ${messageOf(error)}`, cause);
}

/** "All addresses" is nothing to connect to; this machine is. */
function urlHost({ host, ip }: ListenPlan): string {
  if (ip === "0.0.0.0" || ip === "::") return "localhost";
  return isIP(host) === 6 ? `[${host}]` : host;
}
