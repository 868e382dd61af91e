/**
 * Where the page is, over the History API. The address bar is the only state: what a screen shows
 * after a reload is what it showed before. Each entry of the history has a key, under which screens
 * remember how far they were scrolled.
 */
import { useCallback, useMemo, useSyncExternalStore } from "react";

import { parseRoute } from "./routes.ts";
import type { Route } from "./routes.ts";

interface Address {
  readonly pathname: string;
  readonly search: string;
  readonly hash: string;
  /** Of this entry of the history. */
  readonly key: string;
  /** What `navigate` was given as `state`. */
  readonly state: string | undefined;
}

export interface NavigateOptions {
  /** Replaces the current entry of the history instead of adding one. */
  readonly replace?: boolean;
  /** Kept with the entry: for instance the name to put the cursor on. */
  readonly state?: string | undefined;
}

const listeners = new Set<() => void>();
let serial = 0;
let current = readAddress();

function readAddress(): Address {
  const state: unknown = history.state;
  const kept = typeof state === "object" && state !== null ? state : {};
  const key = "key" in kept && typeof kept.key === "string" ? kept.key : "first";
  return {
    pathname: location.pathname,
    search: location.search,
    hash: location.hash,
    key,
    state: "state" in kept && typeof kept.state === "string" ? kept.state : undefined,
  };
}

function changed(): void {
  current = readAddress();
  for (const listener of listeners) listener();
}

window.addEventListener("popstate", changed);
// Lists restore their own places.
history.scrollRestoration = "manual";

/** Goes to `href`, a path of this page with or without a query. */
export function navigate(href: string, { replace = false, state }: NavigateOptions = {}): void {
  const entry = { key: replace ? current.key : newKey(), state };
  if (replace) history.replaceState(entry, "", href);
  else history.pushState(entry, "", href);
  changed();
}

function newKey(): string {
  serial += 1;
  return `${Date.now().toString(36)}-${serial.toString(36)}`;
}

/** Back to the page before, or to `otherwise` when this was the first. */
export function goBack(otherwise: string): void {
  if (current.key === "first") navigate(otherwise);
  else history.back();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useAddress(): Address {
  return useSyncExternalStore(subscribe, () => current);
}

export function useRoute(): Route {
  const { pathname } = useAddress();
  return useMemo(() => parseRoute(pathname), [pathname]);
}

/** The query of the address, and a function that changes some of it: `undefined` or "" takes out. */
export function useQueryParams(): [
  URLSearchParams,
  (change: Readonly<Record<string, string | undefined>>, options?: NavigateOptions) => void,
] {
  const { search } = useAddress();
  const params = useMemo(() => new URLSearchParams(search), [search]);
  const change = useCallback(
    (values: Readonly<Record<string, string | undefined>>, options: NavigateOptions = {}) => {
      const next = new URLSearchParams(current.search);
      for (const [name, value] of Object.entries(values)) {
        if (value === undefined || value === "") next.delete(name);
        else next.set(name, value);
      }
      const query = next.toString();
      navigate(current.pathname + (query === "" ? "" : `?${query}`), { replace: true, ...options });
    },
    [],
  );
  return [params, change];
}

const places = new Map<string, number>();

/** How far the list `name` of this entry of the history was scrolled. */
export function rememberedScroll(key: string, name: string): number {
  return places.get(`${key} ${name}`) ?? 0;
}

export function rememberScroll(key: string, name: string, offset: number): void {
  places.set(`${key} ${name}`, offset);
}
