/** The contents that a path had over time. */
import { useQuery } from "@tanstack/react-query";
import type { UseQueryResult } from "@tanstack/react-query";

import type { EncodedPath, VersionList } from "../../../../src/server/api.ts";
import { apiGet } from "../../api/client.ts";
import { versionsUrl } from "../../api/urls.ts";

/** @param host Only snapshots of this host; of all when it is "". */
export function useVersions(path: EncodedPath, host = ""): UseQueryResult<VersionList> {
  const query = host === "" ? "" : `?${new URLSearchParams({ host }).toString()}`;
  return useQuery({
    queryKey: ["versions", path, host],
    queryFn: ({ signal }) => apiGet<VersionList>(versionsUrl(path) + query, { signal }),
    // A backup that was made since may have another.
    staleTime: 30_000,
  });
}
