/** Tabs as the ARIA practices describe them: arrows move between them, one is in the tab order. */
import { useId, useRef } from "react";
import type { KeyboardEvent, ReactNode } from "react";

import styles from "./tabs.module.css";

export interface Tab<T extends string> {
  readonly value: T;
  readonly label: ReactNode;
  readonly content: () => ReactNode;
}

export function Tabs<T extends string>({
  label,
  tabs,
  value,
  onValueChange,
}: {
  readonly label: string;
  readonly tabs: readonly Tab<T>[];
  readonly value: T;
  readonly onValueChange: (value: T) => void;
}): ReactNode {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent): void => {
    const at = tabs.findIndex((tab) => tab.value === value);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const index = (to + tabs.length) % tabs.length;
    const next = tabs[index];
    if (next === undefined) return;
    onValueChange(next.value);
    list.current?.querySelectorAll<HTMLElement>('[role="tab"]')[index]?.focus();
  };
  const shown = tabs.find((tab) => tab.value === value);
  return (
    <div className={styles["tabs"]}>
      <div
        ref={list}
        role="tablist"
        aria-label={label}
        className={styles["list"]}
        onKeyDown={onKeyDown}
      >
        {tabs.map((tab) => (
          <button
            key={tab.value}
            type="button"
            role="tab"
            id={`${id}-${tab.value}`}
            aria-selected={tab.value === value}
            aria-controls={`${id}-panel`}
            tabIndex={tab.value === value ? 0 : -1}
            className={styles["tab"]}
            onClick={() => {
              onValueChange(tab.value);
            }}
          >
            {tab.label}
          </button>
        ))}
      </div>
      <div
        role="tabpanel"
        id={`${id}-panel`}
        aria-labelledby={`${id}-${value}`}
        tabIndex={0}
        className={styles["panel"]}
      >
        {shown?.content()}
      </div>
    </div>
  );
}
