/** A button that opens a list of things to do. Arrows move, Enter does, Escape closes. */
import type { LucideIcon } from "lucide-react";
import { useEffect, useId, useRef, useState } from "react";
import type { KeyboardEvent, ReactNode } from "react";

import { classNames } from "./class-names.ts";
import styles from "./menu.module.css";

export interface MenuItem {
  readonly key: string;
  readonly label: ReactNode;
  readonly hint?: ReactNode;
  readonly icon?: LucideIcon;
  readonly disabled?: boolean;
  /** Shown as the one that holds now. */
  readonly current?: boolean;
  readonly onSelect: () => void;
}

export interface MenuTriggerProps {
  readonly "aria-haspopup": "menu";
  readonly "aria-expanded": boolean;
  readonly "aria-controls": string | undefined;
  readonly onClick: () => void;
}

export function Menu({
  label,
  items,
  trigger,
  align = "end",
}: {
  /** Of the list, for screen readers. */
  readonly label: string;
  readonly items: readonly MenuItem[];
  /** Makes the button; the properties go onto it. */
  readonly trigger: (props: MenuTriggerProps) => ReactNode;
  readonly align?: "start" | "end";
}): ReactNode {
  const [open, setOpen] = useState(false);
  const id = useId();
  const frame = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (!open) return;
    const close = (event: PointerEvent): void => {
      if (event.target instanceof Node && frame.current?.contains(event.target) === true) return;
      setOpen(false);
    };
    document.addEventListener("pointerdown", close);
    const buttons = buttonsOf(frame.current);
    const first = buttons.find((button) => button.ariaCurrent === "true") ?? buttons[0];
    first?.focus();
    first?.scrollIntoView({ block: "nearest" });
    return () => {
      document.removeEventListener("pointerdown", close);
    };
  }, [open]);

  const close = (): void => {
    setOpen(false);
    frame.current?.querySelector<HTMLElement>("[aria-haspopup]")?.focus();
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    if (!open) return;
    event.stopPropagation();
    if (event.key === "Escape" || event.key === "Tab") {
      close();
      return;
    }
    const buttons = buttonsOf(frame.current);
    const at = buttons.findIndex((button) => button === document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    buttons.at(to % buttons.length)?.focus();
  };

  return (
    <div
      ref={frame}
      className={styles["frame"]}
      onKeyDown={onKeyDown}
      onBlur={(event) => {
        const to = event.relatedTarget;
        if (to instanceof Node && frame.current?.contains(to) === false) setOpen(false);
      }}
    >
      {trigger({
        "aria-haspopup": "menu",
        "aria-expanded": open,
        "aria-controls": open ? id : undefined,
        onClick: () => {
          setOpen(!open);
        },
      })}
      {open && (
        <div
          id={id}
          role="menu"
          aria-label={label}
          className={classNames(styles["menu"], align === "end" ? styles["end"] : styles["start"])}
        >
          {items.map(({ key, icon: Icon, ...item }) => (
            <button
              key={key}
              type="button"
              role="menuitem"
              tabIndex={-1}
              disabled={item.disabled ?? false}
              aria-current={item.current === true ? "true" : undefined}
              className={styles["item"]}
              onClick={() => {
                close();
                item.onSelect();
              }}
            >
              {Icon && <Icon aria-hidden size={16} />}
              <span className={styles["text"]}>
                <span>{item.label}</span>
                {item.hint !== undefined && <span className={styles["hint"]}>{item.hint}</span>}
              </span>
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

function buttonsOf(frame: HTMLElement | null): HTMLElement[] {
  return [...(frame?.querySelectorAll<HTMLElement>('[role="menuitem"]:not(:disabled)') ?? [])];
}
