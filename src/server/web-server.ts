/**
 * The server of `forge browse`: what a request passes on its way. Name of the host → headers → pages,
 * or → who is it → token → route.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import express, { type Express } from "express";
import { ApiFailure, sendFailure } from "./api-failure.ts";
import { ApiQuery, type ApiRoute, type RouteMatch, findRoute } from "./api-route.ts";
import { type HostRules, admitsHost } from "./host-check.ts";
import { downloadRoutes } from "./routes/downloads.ts";
import { diffRoutes } from "./routes/diff.ts";
import { entryRoutes } from "./routes/entries.ts";
import { fileRoutes } from "./routes/file.ts";
import { restoreRoutes } from "./routes/restores.ts";
import { searchRoutes } from "./routes/search.ts";
import { serverFolderRoutes } from "./routes/server-folders.ts";
import { sessionRoutes } from "./routes/session.ts";
import { snapshotRoutes } from "./routes/snapshots.ts";
import { textRoutes } from "./routes/text.ts";
import { versionRoutes } from "./routes/versions.ts";
import { setSecurityHeaders } from "./security-headers.ts";
import type { StaticUi } from "./static-ui.ts";
import type { WebContext } from "./web-context.ts";

export interface WebServerOptions {
  readonly hosts: HostRules;
  readonly ui: StaticUi;
}

const GROUPS: readonly ((context: WebContext) => readonly ApiRoute[])[] = [
  sessionRoutes,
  snapshotRoutes,
  entryRoutes,
  fileRoutes,
  textRoutes,
  searchRoutes,
  versionRoutes,
  diffRoutes,
  serverFolderRoutes,
  downloadRoutes,
  restoreRoutes,
];

/** Every route there is. */
export function apiRoutes(context: WebContext): readonly ApiRoute[] {
  return GROUPS.flatMap((routesOf) => routesOf(context));
}

export function createWebServer(context: WebContext, { hosts, ui }: WebServerOptions): Express {
  const routes = apiRoutes(context);
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.set("query parser", false);
  app.use((request: IncomingMessage, response: ServerResponse) => {
    setSecurityHeaders(response);
    if (!admitsHost(request, response, hosts)) return;
    const { path, query } = splitUrl(request.url ?? "/");
    if (path !== "/api" && !path.startsWith("/api/")) {
      ui(request, response);
      return;
    }
    const exchange = { request, response, path: path.slice("/api".length), query };
    answer(context, routes, exchange).catch((error: unknown) =>
      sendFailure(request, response, error, context.onError),
    );
  });
  return app;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly query: ApiQuery;
}

async function answer(
  { sessions }: WebContext,
  routes: readonly ApiRoute[],
  { request, response, path, query }: Exchange,
): Promise<void> {
  refuseOtherPages(request);
  const method = request.method ?? "";
  const match = findRoute(routes, method, path);
  const call = { request, response, query };
  if (isMatch(match) && match.route.access === "everybody") {
    await match.route.handle({ ...call, param: match.param });
    return;
  }
  // Also for what does not exist: who is not logged in learns nothing of what there is.
  const session = sessions.find(request);
  if (session === undefined) {
    throw new ApiFailure(401, "unauthenticated", "Log in first; the session may have ended.");
  }
  if (match === undefined) {
    throw new ApiFailure(404, "not-found", "There is no such part of the API.");
  }
  if (!isMatch(match)) {
    const methods = match.includes("GET") ? ["HEAD", ...match] : match;
    throw new ApiFailure(405, "not-supported", `This path does not know the method ${method}.`, {
      headers: { Allow: methods.toSorted().join(", ") },
    });
  }
  if (match.route.method !== "GET") sessions.checkCsrf(request, session);
  await match.route.handle({ ...call, param: match.param, session });
}

function isMatch(match: ReturnType<typeof findRoute>): match is RouteMatch {
  return match !== undefined && "route" in match;
}

/**
 * Another port of this machine is another program, and the same "site" to a browser: its pages would
 * bring our cookie.
 */
function refuseOtherPages(request: IncomingMessage): void {
  const site = request.headers["sec-fetch-site"];
  if (site === undefined || site === "same-origin" || site === "none") return;
  throw new ApiFailure(403, "forbidden", "Pages of other sites have no access.");
}

/** As they were sent. The absolute form of proxies loses its host, which was checked by then. */
function splitUrl(url: string): { readonly path: string; readonly query: ApiQuery } {
  const local = /^[a-z][a-z0-9+.-]*:\/\/[^/?]*(.*)$/is.exec(url)?.[1] ?? url;
  const mark = local.indexOf("?");
  if (mark < 0) return { path: local, query: new ApiQuery("") };
  return { path: local.slice(0, mark), query: new ApiQuery(local.slice(mark + 1)) };
}
