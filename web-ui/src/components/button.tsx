/** Buttons, and links that look like them. */
import type { LucideIcon } from "lucide-react";
import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";

import { classNames } from "./class-names.ts";
import { Link } from "./link.tsx";
import styles from "./button.module.css";

export type ButtonVariant = "primary" | "secondary" | "quiet" | "danger";

interface ButtonLook {
  readonly variant?: ButtonVariant;
  readonly size?: "small" | "medium";
  readonly icon?: LucideIcon | undefined;
}

function lookOf({ variant = "secondary", size = "medium" }: ButtonLook, iconOnly = false): string {
  return classNames(
    styles["button"],
    styles[variant],
    size === "small" && styles["small"],
    iconOnly && styles["iconOnly"],
  );
}

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement>, ButtonLook {
  /** Keeps its width and says that it is at work. */
  readonly busy?: boolean;
  readonly ref?: Ref<HTMLButtonElement>;
}

export function Button({
  variant = "secondary",
  size = "medium",
  icon: Icon,
  busy = false,
  children,
  className,
  disabled,
  ...rest
}: ButtonProps): ReactNode {
  return (
    <button
      type="button"
      {...rest}
      disabled={disabled === true || busy}
      aria-busy={busy || undefined}
      className={classNames(lookOf({ variant, size }), busy && styles["busy"], className)}
    >
      {Icon && <Icon aria-hidden size={16} />}
      {children}
    </button>
  );
}

export interface IconButtonProps extends Omit<ButtonProps, "children" | "icon" | "aria-label"> {
  readonly icon: LucideIcon;
  /** Said by screen readers and shown as a tooltip. */
  readonly label: string;
}

export function IconButton({
  variant = "quiet",
  size = "medium",
  icon: Icon,
  label,
  busy = false,
  className,
  disabled,
  title,
  ...rest
}: IconButtonProps): ReactNode {
  return (
    <button
      type="button"
      {...rest}
      disabled={disabled === true || busy}
      aria-label={label}
      title={title ?? label}
      className={classNames(lookOf({ variant, size }, true), className)}
    >
      <Icon aria-hidden size={size === "small" ? 16 : 18} />
    </button>
  );
}

/** A link of this page, or with `download` one that saves a file, as a button. */
export function LinkButton({
  href,
  variant = "secondary",
  size = "medium",
  icon: Icon,
  children,
  download,
  className,
}: ButtonLook & {
  readonly href: string;
  readonly children: ReactNode;
  readonly download?: boolean;
  readonly className?: string | undefined;
}): ReactNode {
  const look = classNames(lookOf({ variant, size }), className);
  const content = (
    <>
      {Icon && <Icon aria-hidden size={16} />}
      {children}
    </>
  );
  if (download === true) {
    return (
      <a href={href} download className={look}>
        {content}
      </a>
    );
  }
  return (
    <Link href={href} className={look}>
      {content}
    </Link>
  );
}
