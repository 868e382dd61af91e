/** Where to search, and for what kind of things. */
import type { ReactNode } from "react";

import type { SnapshotInfo } from "../../../../src/server/api.ts";
import { Button } from "../../components/button.tsx";
import { Select } from "../../components/field.tsx";
import { formatDateTime } from "../../format.ts";
import styles from "./search-screen.module.css";

export interface SearchFilter {
  /** "": all. */
  readonly snapshot: string;
  readonly type: string;
  readonly host: string;
}

/** More are not offered one by one; the address may still name any. */
const SNAPSHOTS_OFFERED = 50;

export function SearchFilters({
  snapshots,
  filter,
  onChange,
}: {
  readonly snapshots: readonly SnapshotInfo[];
  readonly filter: SearchFilter;
  readonly onChange: (change: Readonly<Record<string, string>>) => void;
}): ReactNode {
  const hosts = [...new Set(snapshots.map(({ hostname }) => hostname))].sort();
  const offered = snapshots.slice(0, SNAPSHOTS_OFFERED);
  const chosen = snapshots.find(({ id }) => id === filter.snapshot);
  if (chosen && !offered.includes(chosen)) offered.push(chosen);
  const isFiltering = filter.snapshot !== "" || filter.type !== "" || filter.host !== "";
  return (
    <div role="group" aria-label="Filters" className={styles["filters"]}>
      <Select
        label="Snapshot"
        hideLabel
        value={filter.snapshot}
        className={styles["choice"]}
        onChange={(event) => {
          onChange({ snapshot: event.target.value });
        }}
      >
        <option value="">All snapshots</option>
        {filter.snapshot !== "" && !chosen && (
          <option value={filter.snapshot}>Snapshot {filter.snapshot.slice(0, 8)}</option>
        )}
        {offered.map((snapshot) => (
          <option key={snapshot.id} value={snapshot.id}>
            {formatDateTime(snapshot.timeMs)}
            {hosts.length > 1 ? ` · ${snapshot.hostname}` : ""}
          </option>
        ))}
      </Select>
      <Select
        label="Type"
        hideLabel
        value={filter.type}
        className={styles["choice"]}
        onChange={(event) => {
          onChange({ type: event.target.value });
        }}
      >
        <option value="">Files and folders</option>
        <option value="file">Files</option>
        <option value="directory">Folders</option>
      </Select>
      {(hosts.length > 1 || filter.host !== "") && filter.snapshot === "" && (
        <Select
          label="Host"
          hideLabel
          value={filter.host}
          className={styles["choice"]}
          onChange={(event) => {
            onChange({ host: event.target.value });
          }}
        >
          <option value="">All hosts</option>
          {filter.host !== "" && !hosts.includes(filter.host) && (
            <option value={filter.host}>{filter.host}</option>
          )}
          {hosts.map((host) => (
            <option key={host} value={host}>
              {host}
            </option>
          ))}
        </Select>
      )}
      {isFiltering && (
        <Button
          variant="quiet"
          onClick={() => {
            onChange({ snapshot: "", type: "", host: "" });
          }}
        >
          Clear
        </Button>
      )}
    </div>
  );
}
