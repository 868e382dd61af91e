/** Where to search, and for what kind of things. */
import type { ReactNode } from "react";

import type { SnapshotInfo } from "../../../../src/server/api.ts";
import { FilterBar, FilterChoice, namedOptions } from "../../components/filter-bar.tsx";
import type { FilterOption } from "../../components/filter-bar.tsx";
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
const TYPES: readonly FilterOption[] = [
  { value: "file", label: "Files" },
  { value: "directory", label: "Folders" },
];

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
  const unknown =
    filter.snapshot === "" || chosen
      ? []
      : [{ value: filter.snapshot, label: `Snapshot ${filter.snapshot.slice(0, 8)}` }];
  const isFiltering = filter.snapshot !== "" || filter.type !== "" || filter.host !== "";
  return (
    <FilterBar
      onClear={
        isFiltering
          ? () => {
              onChange({ snapshot: "", type: "", host: "" });
            }
          : undefined
      }
    >
      <FilterChoice
        label="Snapshot"
        all="All snapshots"
        value={filter.snapshot}
        options={[...unknown, ...offered.map((one) => snapshotOption(one, hosts.length > 1))]}
        className={styles["choice"]}
        onValueChange={(snapshot) => {
          onChange({ snapshot });
        }}
      />
      <FilterChoice
        label="Type"
        all="Files and folders"
        value={filter.type}
        options={TYPES}
        className={styles["choice"]}
        onValueChange={(type) => {
          onChange({ type });
        }}
      />
      {(hosts.length > 1 || filter.host !== "") && filter.snapshot === "" && (
        <FilterChoice
          label="Host"
          all="All hosts"
          value={filter.host}
          options={namedOptions(hosts, filter.host)}
          className={styles["choice"]}
          onValueChange={(host) => {
            onChange({ host });
          }}
        />
      )}
    </FilterBar>
  );
}

function snapshotOption({ id, timeMs, hostname }: SnapshotInfo, withHost: boolean): FilterOption {
  return { value: id, label: formatDateTime(timeMs) + (withHost ? ` · ${hostname}` : "") };
}
