/** A dialog over the page: the browser's own, which keeps the focus inside and closes with Escape. */
import { X } from "lucide-react";
import { useEffect, useId, useRef } from "react";
import type { ReactNode } from "react";

import { IconButton } from "./button.tsx";
import { classNames } from "./class-names.ts";
import styles from "./dialog.module.css";

export interface DialogProps {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly title: string;
  readonly size?: "small" | "medium" | "large";
  /** Buttons, the main one last. */
  readonly footer?: ReactNode;
  readonly children: ReactNode;
}

/** Its children exist only while it is open. */
export function Dialog({ open, ...rest }: DialogProps): ReactNode {
  return open ? <OpenDialog {...rest} /> : null;
}

function OpenDialog({
  onClose,
  title,
  size = "medium",
  footer,
  children,
}: Omit<DialogProps, "open">): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    element?.showModal();
    return () => {
      element?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    // A click on the dialog itself is one beside its content.
    <dialog
      ref={dialog}
      aria-labelledby={titleId}
      className={classNames(styles["dialog"], styles[size])}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onKeyDown={(event) => {
        // Lists below the dialog listen too.
        event.stopPropagation();
      }}
      onMouseDown={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      <div className={styles["frame"]}>
        <header className={styles["header"]}>
          <h2 id={titleId}>{title}</h2>
          <IconButton icon={X} label="Close" size="small" onClick={onClose} />
        </header>
        <div className={styles["body"]}>{children}</div>
        {footer !== undefined && <footer className={styles["footer"]}>{footer}</footer>}
      </div>
    </dialog>
  );
}
