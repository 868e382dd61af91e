/** Short messages at the bottom of the page: something was done, or could not be. */
import { CircleAlert, CircleCheck, Info, X } from "lucide-react";
import { useEffect, useSyncExternalStore } from "react";
import type { ReactNode } from "react";

import { IconButton } from "./button.tsx";
import { classNames } from "./class-names.ts";
import styles from "./toast.module.css";

export interface ToastMessage {
  readonly tone: "success" | "danger" | "info";
  readonly text: string;
  readonly action?: ReactNode;
}

interface ShownToast extends ToastMessage {
  readonly id: number;
}

const TOASTS_MAX = 4;
const LIFE_MS = 6000;
let toasts: readonly ShownToast[] = [];
let serial = 0;
const listeners = new Set<() => void>();

/** Failures stay until they are closed; the rest goes after six seconds. */
export function showToast(message: ToastMessage): void {
  serial += 1;
  set([...toasts, { ...message, id: serial }].slice(-TOASTS_MAX));
}

function set(next: readonly ShownToast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

function dismiss(id: number): void {
  set(toasts.filter((toast) => toast.id !== id));
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Where the messages appear: once, in the shell. */
export function Toasts(): ReactNode {
  const shown = useSyncExternalStore(subscribe, () => toasts);
  return (
    <div className={styles["toasts"]} role="status" aria-live="polite">
      {shown.map((toast) => (
        <OneToast key={toast.id} toast={toast} />
      ))}
    </div>
  );
}

const ICONS = { success: CircleCheck, danger: CircleAlert, info: Info };

function OneToast({ toast }: { readonly toast: ShownToast }): ReactNode {
  const { id, tone } = toast;
  useEffect(() => {
    if (tone === "danger") return;
    const timer = setTimeout(() => {
      dismiss(id);
    }, LIFE_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [id, tone]);
  const Icon = ICONS[tone];
  return (
    <div className={classNames(styles["toast"], styles[tone])}>
      <Icon aria-hidden size={18} />
      <span className={styles["text"]}>{toast.text}</span>
      {toast.action}
      <IconButton
        icon={X}
        label="Dismiss"
        size="small"
        onClick={() => {
          dismiss(id);
        }}
      />
    </div>
  );
}
