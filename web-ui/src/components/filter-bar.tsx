/** What narrows a list: choices beside each other, and a button that takes all of them back. */
import type { ReactNode } from "react";

import { Button } from "./button.tsx";
import { Select } from "./field.tsx";
import styles from "./filter-bar.module.css";

export function FilterBar({
  onClear,
  children,
}: {
  /** Absent while nothing is filtered. */
  readonly onClear: (() => void) | undefined;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <div role="group" aria-label="Filters" className={styles["filters"]}>
      {children}
      {onClear && (
        <Button variant="quiet" onClick={onClear}>
          Clear
        </Button>
      )}
    </div>
  );
}

export interface FilterOption {
  readonly value: string;
  readonly label: string;
}

/** One of `options`, or "": all. */
export function FilterChoice({
  label,
  all,
  value,
  options,
  className,
  onValueChange,
}: {
  readonly label: string;
  readonly all: string;
  readonly value: string;
  readonly options: readonly FilterOption[];
  readonly className?: string | undefined;
  readonly onValueChange: (value: string) => void;
}): ReactNode {
  return (
    <Select
      label={label}
      hideLabel
      value={value}
      className={className}
      onChange={(event) => {
        onValueChange(event.target.value);
      }}
    >
      <option value="">{all}</option>
      {options.map((option) => (
        <option key={option.value} value={option.value}>
          {option.label}
        </option>
      ))}
    </Select>
  );
}

/** `values` as they are called; before them `value`, when the address asks for one that is unknown. */
export function namedOptions(values: readonly string[], value: string): readonly FilterOption[] {
  const all = value === "" || values.includes(value) ? values : [value, ...values];
  return all.map((one) => ({ value: one, label: one }));
}
