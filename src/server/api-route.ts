/**
 * Routes of the web API: a table that says of each its method, its path and who may use it, so that
 * none can be forgotten when rights are checked. Paths are matched as they were sent, undecoded: a
 * name in a backup is bytes, and only `webdav/entry-name.ts` knows how they stand in a URL.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { assert } from "../../engine/base/errors.ts";
import type { WebSession } from "./sessions.ts";

export type ApiMethod = "GET" | "POST" | "DELETE";

/** One request that matched a route. */
export interface ApiCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** A parameter of the route's path, as it was sent. */
  readonly param: (name: string) => string;
  readonly query: ApiQuery;
}

export interface SessionCall extends ApiCall {
  readonly session: WebSession;
}

interface RouteBase {
  readonly method: ApiMethod;
  /**
   * Below `/api`: `/snapshots/{id}/folder/{path...}`. `{id}` is one component, `{path...}` all that
   * is left, also nothing; it stands at the end.
   */
  readonly path: string;
}

/** GET routes answer HEAD as well; Node leaves the body out. */
export type ApiRoute =
  | (RouteBase & {
      readonly access: "session";
      readonly handle: (call: SessionCall) => void | Promise<void>;
    })
  | (RouteBase & {
      /** Nobody has to be logged in. */
      readonly access: "everybody";
      readonly handle: (call: ApiCall) => void | Promise<void>;
    });

type SessionHandler = (call: SessionCall) => void | Promise<void>;

export function getRoute(path: string, handle: SessionHandler): ApiRoute {
  return { method: "GET", path, access: "session", handle };
}

export function postRoute(path: string, handle: SessionHandler): ApiRoute {
  return { method: "POST", path, access: "session", handle };
}

export function deleteRoute(path: string, handle: SessionHandler): ApiRoute {
  return { method: "DELETE", path, access: "session", handle };
}

/** What follows `?`. */
export class ApiQuery {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The value of `name` as it was sent: for an `EncodedPath`. The first when there are several. */
  findRaw(name: string): string | undefined {
    for (const part of this.#text.split("&")) {
      const equals = part.indexOf("=");
      const key = equals < 0 ? part : part.slice(0, equals);
      if (key === name) return equals < 0 ? "" : part.slice(equals + 1);
    }
    return undefined;
  }

  /** The value of `name`, decoded. */
  findText(name: string): string | undefined {
    return new URLSearchParams(this.#text).get(name) ?? undefined;
  }

  /** A whole number from `min` to `max`; what is more counts as `max`, what is none as `fallback`. */
  number(
    name: string,
    {
      min,
      max,
      fallback,
    }: { readonly min: number; readonly max: number; readonly fallback: number },
  ): number {
    const text = this.findRaw(name);
    if (text === undefined || !/^\d{1,15}$/.test(text)) return fallback;
    return Math.min(max, Math.max(min, Number(text)));
  }
}

export interface RouteMatch {
  readonly route: ApiRoute;
  readonly param: (name: string) => string;
}

/**
 * The route of a request; the methods that its path has, when it has not the one asked for; or
 * `undefined` when there is no such path.
 * @param path Below `/api`, without the query.
 */
export function findRoute(
  routes: readonly ApiRoute[],
  method: string,
  path: string,
): RouteMatch | readonly ApiMethod[] | undefined {
  const wanted = method === "HEAD" ? "GET" : method;
  const methods: ApiMethod[] = [];
  for (const route of routes) {
    const params = matchPath(route.path, path);
    if (params === undefined) continue;
    methods.push(route.method);
    if (route.method !== wanted) continue;
    const param = (name: string): string => {
      const value = params.get(name);
      assert(value !== undefined, `the route ${route.path} has no {${name}}`);
      return value;
    };
    return { route, param };
  }
  return methods.length === 0 ? undefined : methods;
}

function matchPath(pattern: string, path: string): ReadonlyMap<string, string> | undefined {
  const params = new Map<string, string>();
  const wanted = pattern.split("/");
  const given = path.split("/");
  for (const [i, part] of wanted.entries()) {
    const rest = /^\{(\w+)\.\.\.\}$/.exec(part)?.[1];
    if (rest !== undefined) {
      params.set(rest, given.slice(i).join("/"));
      return params;
    }
    const value = given[i];
    if (value === undefined) return undefined;
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name === undefined ? value !== part : value === "") return undefined;
    if (name !== undefined) params.set(name, value);
  }
  return given.length === wanted.length ? params : undefined;
}
