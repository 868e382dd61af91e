/** Which host, which tag, which path, which words. */
import type { ReactNode } from "react";

import { SearchField } from "../../components/field.tsx";
import { FilterBar, FilterChoice, namedOptions } from "../../components/filter-bar.tsx";
import type { FilterChoices, SnapshotFilter } from "./snapshot-filter.ts";
import { isFiltering } from "./snapshot-filter.ts";
import styles from "./timeline-filters.module.css";

export function TimelineFilters({
  choices,
  filter,
  onChange,
}: {
  readonly choices: FilterChoices;
  readonly filter: SnapshotFilter;
  readonly onChange: (change: Partial<SnapshotFilter>) => void;
}): ReactNode {
  return (
    <FilterBar
      onClear={
        isFiltering(filter)
          ? () => {
              onChange({ host: "", tag: "", path: "", text: "" });
            }
          : undefined
      }
    >
      <SearchField
        label="Filter snapshots"
        placeholder="Filter snapshots"
        value={filter.text}
        onValueChange={(text) => {
          onChange({ text });
        }}
        className={styles["text"]}
      />
      <Choice
        label="Host"
        all="All hosts"
        value={filter.host}
        values={choices.hosts}
        onChange={(host) => {
          onChange({ host });
        }}
      />
      <Choice
        label="Tag"
        all="All tags"
        value={filter.tag}
        values={choices.tags}
        onChange={(tag) => {
          onChange({ tag });
        }}
      />
      <Choice
        label="Path"
        all="All paths"
        value={filter.path}
        values={choices.paths}
        onChange={(path) => {
          onChange({ path });
        }}
      />
    </FilterBar>
  );
}

function Choice({
  label,
  all,
  value,
  values,
  onChange,
}: {
  readonly label: string;
  readonly all: string;
  readonly value: string;
  readonly values: readonly string[];
  readonly onChange: (value: string) => void;
}): ReactNode {
  // One host is no choice, unless the address asks for another.
  if (values.length < 2 && value === "") return null;
  return (
    <FilterChoice
      label={label}
      all={all}
      value={value}
      options={namedOptions(values, value)}
      className={styles["choice"]}
      onValueChange={onChange}
    />
  );
}
