/** Downloads and restores: what the server is asked for. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { QueryClient, UseQueryResult } from "@tanstack/react-query";

import type {
  DownloadPlan,
  DownloadRequest,
  RestoreJob,
  RestoreRequest,
  ServerFolders,
} from "../../../../src/server/api.ts";
import { apiGet, apiSend } from "../../api/client.ts";

const RESTORES_URL = "/api/restores";
const restoresKey = ["restores"] as const;
const WATCH_MS = 500;
const IDLE_MS = 20_000;

export function prepareDownload(
  request: DownloadRequest,
  signal: AbortSignal,
): Promise<DownloadPlan> {
  return apiSend<DownloadPlan>("POST", "/api/downloads", request, { signal });
}

/** All restores, the newest first; asked for often while one runs. */
export function useRestores(
  options: { readonly enabled?: boolean } = {},
): UseQueryResult<readonly RestoreJob[]> {
  return useQuery({
    queryKey: restoresKey,
    queryFn: ({ signal }) => apiGet<readonly RestoreJob[]>(RESTORES_URL, { signal }),
    enabled: options.enabled ?? true,
    staleTime: 0,
    refetchInterval: ({ state }) => (state.data?.some(isRunning) === true ? WATCH_MS : IDLE_MS),
    refetchOnWindowFocus: true,
  });
}

/** One of them, with the paths in its result. */
export function useRestore(id: string | undefined): UseQueryResult<RestoreJob> {
  return useQuery({
    queryKey: ["restore", id],
    queryFn: ({ signal }) => apiGet<RestoreJob>(`${RESTORES_URL}/${id ?? ""}`, { signal }),
    enabled: id !== undefined,
    staleTime: 0,
    refetchInterval: ({ state }) =>
      state.data === undefined || isRunning(state.data) ? WATCH_MS : false,
    gcTime: 0,
  });
}

/** Restores whose end was seen in a dialog: nobody has to be told of it again. */
const watched = new Set<string>();

export function markWatched(id: string): void {
  watched.add(id);
}

export function wasWatched(id: string): boolean {
  return watched.has(id);
}

export function isRunning({ state }: RestoreJob): boolean {
  return state === "running";
}

/** Begins one; the list knows it at once. */
export async function startRestore(
  client: QueryClient,
  request: RestoreRequest,
): Promise<RestoreJob> {
  const job = await apiSend<RestoreJob>("POST", RESTORES_URL, request);
  client.setQueryData(["restore", job.id], job);
  if (!job.dryRun) void client.invalidateQueries({ queryKey: restoresKey });
  return job;
}

export function useCancelRestore(): (id: string) => Promise<void> {
  const client = useQueryClient();
  return async (id) => {
    await apiSend("DELETE", `${RESTORES_URL}/${id}`);
    await client.invalidateQueries({ queryKey: ["restore", id] });
    await client.invalidateQueries({ queryKey: restoresKey });
  };
}

/** Stops a plan, if it is still being made; whether that works matters to nobody. */
export function abandonPlan(id: string): void {
  apiSend("DELETE", `${RESTORES_URL}/${id}`).catch(() => undefined);
}

/** Folders of the server's machine. @param path Empty: where one begins to look. */
export function useServerFolders(path: string): UseQueryResult<ServerFolders> {
  return useQuery({
    queryKey: ["server-folders", path],
    queryFn: ({ signal }) =>
      apiGet<ServerFolders>(`/api/server-folders?${new URLSearchParams({ path }).toString()}`, {
        signal,
      }),
    staleTime: 5000,
    gcTime: 60_000,
  });
}
