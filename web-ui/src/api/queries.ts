/** What the screens ask the server for, kept by react-query. */
import { QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import type { UseQueryResult } from "@tanstack/react-query";
import { useMemo } from "react";

import type {
  EncodedPath,
  EntryDetails,
  LoginRequest,
  SessionInfo,
  SnapshotInfo,
  SnapshotList,
  TextPreview,
} from "../../../src/server/api.ts";
import { ApiFailure, apiGet, apiSend, setCsrfToken, setUnauthenticatedHandler } from "./client.ts";
import { findSnapshot } from "../find-snapshot.ts";
import { entryUrl, sessionUrl, snapshotsUrl, textUrl } from "./urls.ts";

const MINUTE_MS = 60_000;

/** One for the page. What a snapshot holds never changes, so it is kept as long as there is room. */
export function createQueryClient(): QueryClient {
  const client = new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: Infinity,
        gcTime: 10 * MINUTE_MS,
        refetchOnWindowFocus: false,
        // An answer is an answer; only what did not come at all is asked for once more.
        retry: (count, error) =>
          count < 1 && error instanceof ApiFailure && error.code === "unreachable",
        retryDelay: 400,
      },
    },
  });
  setUnauthenticatedHandler(() => void leaveSession(client));
  return client;
}

export const sessionKey = ["session"] as const;

/** Who is logged in, and what the server is. */
export function useSession(): UseQueryResult<SessionInfo> {
  return useQuery({
    queryKey: sessionKey,
    queryFn: async ({ signal }) => keepToken(await apiGet<SessionInfo>(sessionUrl, { signal })),
  });
}

/** The session of somebody who is logged in: for screens, which are shown to nobody else. */
export function useLoggedIn(): Extract<SessionInfo, { authenticated: true }> {
  const { data } = useSession();
  if (data?.authenticated !== true) throw new Error("This screen needs a session");
  return data;
}

function keepToken(session: SessionInfo): SessionInfo {
  setCsrfToken(session.authenticated ? session.csrfToken : undefined);
  return session;
}

/** @throws ApiFailure "unauthenticated" when the password is wrong, "too-many-attempts". */
export async function logIn(client: QueryClient, request: LoginRequest): Promise<void> {
  const session = keepToken(await apiSend<SessionInfo>("POST", sessionUrl, request));
  client.setQueryData(sessionKey, session);
}

export async function logOut(client: QueryClient): Promise<void> {
  await apiSend("DELETE", sessionUrl);
  await leaveSession(client);
}

async function leaveSession(client: QueryClient): Promise<void> {
  const known = client.getQueryData<SessionInfo>(sessionKey);
  setCsrfToken(undefined);
  await client.cancelQueries({ predicate: ({ queryKey }) => queryKey[0] !== sessionKey[0] });
  client.setQueryData<SessionInfo>(sessionKey, {
    authenticated: false,
    program: known?.program ?? "forge",
  });
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== sessionKey[0] });
}

/** All snapshots, the newest first; looked for again every minute and when the window is used again. */
export function useSnapshots(): UseQueryResult<SnapshotList> {
  return useQuery({
    queryKey: ["snapshots"],
    queryFn: ({ signal }) => apiGet<SnapshotList>(snapshotsUrl, { signal }),
    staleTime: MINUTE_MS / 2,
    refetchInterval: MINUTE_MS,
    refetchOnWindowFocus: true,
    gcTime: Infinity,
  });
}

/** The snapshot that `id` of an address means: a whole id, the beginning of one, or `latest`. */
export function useSnapshot(id: string): SnapshotInfo | undefined {
  const { data } = useSnapshots();
  return useMemo(() => findSnapshot(data?.snapshots ?? [], id), [data, id]);
}

export function useEntry(
  snapshot: string,
  path: EncodedPath,
  options: { readonly enabled?: boolean } = {},
): UseQueryResult<EntryDetails> {
  return useQuery({
    queryKey: ["entry", snapshot, path],
    queryFn: ({ signal }) => apiGet<EntryDetails>(entryUrl(snapshot, path), { signal }),
    enabled: options.enabled ?? true,
  });
}

export function useText(snapshot: string, path: EncodedPath): UseQueryResult<TextPreview> {
  return useQuery({
    queryKey: ["text", snapshot, path],
    queryFn: ({ signal }) => apiGet<TextPreview>(textUrl(snapshot, path), { signal }),
    gcTime: MINUTE_MS,
  });
}

/** Asks again for everything that failed or is old. */
export function useRefresh(): () => void {
  const client = useQueryClient();
  return () => void client.invalidateQueries({ queryKey: ["snapshots"] });
}
