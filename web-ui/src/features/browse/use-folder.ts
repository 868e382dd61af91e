/**
 * The entries of a folder, page after page: the first is shown as soon as it is there, the others
 * follow by themselves. A page that fails leaves what is there, and says so.
 */
import { infiniteQueryOptions, useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo } from "react";

import type { EncodedPath, Entry, FolderPage, PathCrumb } from "../../../../src/server/api.ts";
import { apiGet } from "../../api/client.ts";
import { folderUrl } from "../../api/urls.ts";

/** The first page is what is waited for, and most folders are no larger; the others are few requests. */
const FIRST_PAGE = 1000;
const NEXT_PAGE = 10_000;

function folderQuery(snapshotId: string, path: EncodedPath) {
  return infiniteQueryOptions({
    queryKey: ["folder", snapshotId, path],
    queryFn: ({ pageParam, signal }) =>
      apiGet<FolderPage>(
        folderUrl(snapshotId, path, {
          from: pageParam,
          limit: pageParam === 0 ? FIRST_PAGE : NEXT_PAGE,
        }),
        { signal },
      ),
    initialPageParam: 0,
    getNextPageParam: (page: FolderPage) => page.next,
    // Comparing 100,000 entries with themselves gains nothing: they never change.
    structuralSharing: false,
  });
}

export interface Folder {
  readonly crumbs: readonly PathCrumb[];
  /** Those that are there, in order of their name bytes, and as the pages they came in. */
  readonly entries: readonly Entry[];
  readonly pages: readonly (readonly Entry[])[];
  /** More will come, or is missing because of `nextError`. */
  readonly complete: boolean;
  readonly nextError: Error | undefined;
}

export interface FolderQuery {
  readonly folder: Folder | undefined;
  readonly pending: boolean;
  /** Nothing could be read. */
  readonly error: Error | undefined;
  /** Asks again for what failed. */
  readonly retry: () => void;
}

export function useFolder(
  snapshotId: string,
  path: EncodedPath,
  { enabled = true }: { readonly enabled?: boolean } = {},
): FolderQuery {
  const query = useInfiniteQuery({ ...folderQuery(snapshotId, path), enabled });
  const { data, hasNextPage, isFetching, isError, fetchNextPage, refetch } = query;

  useEffect(() => {
    if (hasNextPage && !isFetching && !isError) void fetchNextPage();
  }, [hasNextPage, isFetching, isError, fetchNextPage, data]);

  const folder = useMemo((): Folder | undefined => {
    const first = data?.pages[0];
    if (data === undefined || first === undefined) return undefined;
    const pages = data.pages.map(({ entries }) => entries);
    return {
      crumbs: first.crumbs,
      entries: pages.length === 1 ? first.entries : pages.flat(),
      pages,
      complete: !hasNextPage,
      nextError: query.error ?? undefined,
    };
  }, [data, hasNextPage, query.error]);

  const retry = useCallback(() => {
    if (data === undefined) void refetch();
    else void fetchNextPage();
  }, [data, refetch, fetchNextPage]);
  return {
    folder,
    pending: query.isPending,
    error: folder === undefined ? (query.error ?? undefined) : undefined,
    retry,
  };
}

/** Begins to read a folder that will probably be opened. Opening it tells if that fails. */
export function usePrefetchFolder(): (snapshotId: string, path: EncodedPath) => void {
  const client = useQueryClient();
  return useCallback(
    (snapshotId, path) =>
      void client.infiniteQuery(folderQuery(snapshotId, path)).catch(() => undefined),
    [client],
  );
}
