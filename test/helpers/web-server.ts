/** The server of the web file browser over a repository in memory, on a real socket. */
import { createServer } from "node:http";
import { ForgeError } from "../../engine/base/errors.ts";
import type { Backend, IndexedRepository, ReadBackend, SnapshotFilter } from "../../engine/node.ts";
import { Catalog } from "../../src/server/catalog.ts";
import type { HostRules } from "../../src/server/host-check.ts";
import type { RestorePolicy } from "../../src/server/restore-policy.ts";
import { Sessions } from "../../src/server/sessions.ts";
import type { StaticUi } from "../../src/server/static-ui.ts";
import type { WebContext } from "../../src/server/web-context.ts";
import { createWebServer } from "../../src/server/web-server.ts";
import type { MemoryRepository } from "./memory-repository.ts";
import { type Answer, type AskOptions, ask, listening } from "./webdav-server.ts";

export const PASSWORD = "pass:wörd";

export interface TestWeb {
  readonly port: number;
  readonly context: WebContext;
  /** What was reported to the owner. */
  readonly errors: unknown[];
  /** The time of sessions and lists; tests move it. */
  readonly clock: { ms: number };
  /** Sends `path` as it is, not logged in. */
  ask(path: string, options?: AskOptions): Promise<Answer>;
  logIn(): Promise<TestUser>;
  close(): Promise<void>;
}

/** Somebody who is logged in. */
export interface TestUser {
  readonly cookie: string;
  readonly csrf: string;
  ask(path: string, options?: AskOptions): Promise<Answer>;
  /** POST or DELETE with all that it needs. */
  send(method: "POST" | "DELETE", path: string, body?: unknown): Promise<Answer>;
  /** The JSON of a GET that must succeed. */
  json<Value>(path: string): Promise<Value>;
}

export interface TestWebOptions {
  readonly restorePolicy?: RestorePolicy;
  readonly hosts?: HostRules;
  readonly ui?: StaticUi;
  readonly filter?: SnapshotFilter;
  /** What packs are read from, instead of the repository itself. */
  readonly packs?: Pick<ReadBackend, "read">;
}

export async function serveWeb(
  memory: MemoryRepository,
  options: TestWebOptions = {},
): Promise<TestWeb> {
  const errors: unknown[] = [];
  const clock = { ms: 1000 };
  const now = (): number => clock.ms;
  const end = new AbortController();
  const packs = options.packs === undefined ? {} : { backend: options.packs };
  const readSide = {
    ...(await memory.readSide(packs)),
    warmUp: () => undefined,
    close: () => Promise.resolve(),
  };
  const repository: IndexedRepository<Backend> = await memory.indexed();
  const context: WebContext = {
    repository,
    readSide,
    catalog: new Catalog({ repository, readSide, filter: options.filter ?? {}, now }),
    sessions: new Sessions({ password: PASSWORD, now }),
    restorePolicy: options.restorePolicy ?? NO_RESTORE,
    names: { program: "forge test", repository: "memory", hostname: "here" },
    onError: (error) => errors.push(error),
    now,
    signal: end.signal,
    untilEnd: new Set(),
  };
  const app = createWebServer(context, {
    hosts: options.hosts ?? { isLoopback: true, allowed: [] },
    ui: options.ui ?? ((_, response) => response.end("the pages")),
  });
  const server = createServer(app);
  server.on("checkContinue", app);
  // A test that computes for seconds finds its connection still open.
  server.keepAliveTimeout = 120_000;
  const port = await listening(server);
  return {
    port,
    context,
    errors,
    clock,
    ask: (path, given) => ask(port, path, given),
    logIn: () => logIn(port),
    close: () =>
      new Promise((resolve) => {
        end.abort();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function logIn(port: number): Promise<TestUser> {
  const answer = await ask(port, "/api/session", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ password: PASSWORD }),
  });
  const cookie = answer.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
  const { csrfToken: csrf } = JSON.parse(answer.text) as { csrfToken: string };
  const own = (path: string, given: AskOptions = {}): Promise<Answer> =>
    ask(port, path, { ...given, headers: { cookie, ...given.headers } });
  return {
    cookie,
    csrf,
    ask: own,
    send: (method, path, body) =>
      own(path, {
        method,
        headers: { "x-forge-csrf": csrf, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    json: async <Value>(path: string) => {
      const { status, text } = await own(path);
      if (status !== 200) throw new Error(`GET ${path} was answered ${status}: ${text}`);
      return JSON.parse(text) as Value;
    },
  };
}

const NO_RESTORE: RestorePolicy = {
  allowed: false,
  roots: [],
  inPlaceAllowed: false,
  checkTarget: () => Promise.reject(new ForgeError("permission", "restoring is not allowed here")),
};
