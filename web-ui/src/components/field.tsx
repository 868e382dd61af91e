/** What is typed, chosen and ticked: each with a label, and an error that screen readers say. */
import { ChevronDown, Search, X } from "lucide-react";
import { useId } from "react";
import type { InputHTMLAttributes, ReactNode, Ref, SelectHTMLAttributes } from "react";

import { classNames } from "./class-names.ts";
import styles from "./field.module.css";

interface FieldFrame {
  readonly label: string;
  /** The label is for screen readers alone. */
  readonly hideLabel?: boolean;
  readonly hint?: ReactNode;
  readonly error?: string | undefined;
}

function Frame({
  id,
  label,
  hideLabel = false,
  hint,
  error,
  className,
  children,
}: FieldFrame & {
  readonly id: string;
  readonly className?: string | undefined;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <div className={classNames(styles["field"], className)}>
      <label htmlFor={id} className={hideLabel ? "visually-hidden" : styles["label"]}>
        {label}
      </label>
      {children}
      {error !== undefined && (
        <p id={`${id}-error`} role="alert" className={styles["error"]}>
          {error}
        </p>
      )}
      {hint !== undefined && error === undefined && (
        <p id={`${id}-hint`} className={styles["hint"]}>
          {hint}
        </p>
      )}
    </div>
  );
}

function describedBy(id: string, { hint, error }: FieldFrame): string | undefined {
  if (error !== undefined) return `${id}-error`;
  return hint === undefined ? undefined : `${id}-hint`;
}

export interface TextFieldProps extends FieldFrame, InputHTMLAttributes<HTMLInputElement> {
  readonly ref?: Ref<HTMLInputElement>;
}

export function TextField({
  label,
  hideLabel,
  hint,
  error,
  className,
  ...rest
}: TextFieldProps): ReactNode {
  const made = useId();
  const id = rest.id ?? made;
  const frame: FieldFrame = { label, hint, ...(error === undefined ? {} : { error }) };
  return (
    <Frame id={id} {...frame} hideLabel={hideLabel ?? false} className={className}>
      <input
        type="text"
        autoComplete="off"
        spellCheck={false}
        {...rest}
        id={id}
        aria-invalid={error !== undefined || undefined}
        aria-describedby={describedBy(id, frame)}
        className={styles["input"]}
      />
    </Frame>
  );
}

/** A field for looking something up, with a cross that empties it. */
export function SearchField({
  label,
  value,
  onValueChange,
  className,
  ...rest
}: Omit<InputHTMLAttributes<HTMLInputElement>, "value" | "onChange"> & {
  readonly label: string;
  readonly value: string;
  readonly onValueChange: (value: string) => void;
  readonly ref?: Ref<HTMLInputElement>;
}): ReactNode {
  return (
    <div className={classNames(styles["search"], className)}>
      <Search aria-hidden size={16} />
      <input
        type="search"
        autoComplete="off"
        spellCheck={false}
        enterKeyHint="search"
        {...rest}
        aria-label={label}
        value={value}
        onChange={(event) => {
          onValueChange(event.target.value);
        }}
        className={styles["input"]}
      />
      {value !== "" && (
        <button
          type="button"
          aria-label="Clear"
          className={styles["clear"]}
          onClick={() => {
            onValueChange("");
          }}
        >
          <X aria-hidden size={14} />
        </button>
      )}
    </div>
  );
}

export function Select({
  label,
  hideLabel,
  hint,
  error,
  className,
  children,
  ...rest
}: FieldFrame & SelectHTMLAttributes<HTMLSelectElement>): ReactNode {
  const made = useId();
  const id = rest.id ?? made;
  const frame: FieldFrame = { label, hint, ...(error === undefined ? {} : { error }) };
  return (
    <Frame id={id} {...frame} hideLabel={hideLabel ?? false} className={className}>
      <div className={styles["select"]}>
        <select
          {...rest}
          id={id}
          aria-describedby={describedBy(id, frame)}
          className={styles["input"]}
        >
          {children}
        </select>
        <ChevronDown aria-hidden size={16} />
      </div>
    </Frame>
  );
}

export function Checkbox({
  label,
  hideLabel = false,
  hint,
  indeterminate = false,
  className,
  ...rest
}: {
  readonly label: ReactNode;
  readonly hideLabel?: boolean;
  readonly hint?: ReactNode;
  readonly indeterminate?: boolean;
} & Omit<InputHTMLAttributes<HTMLInputElement>, "type">): ReactNode {
  return (
    <label className={classNames(styles["checkbox"], className)}>
      <input
        {...rest}
        type="checkbox"
        ref={(input) => {
          if (input !== null) input.indeterminate = indeterminate;
        }}
      />
      <span className={hideLabel ? "visually-hidden" : undefined}>
        {label}
        {hint !== undefined && <span className={styles["hint"]}>{hint}</span>}
      </span>
    </label>
  );
}

/** One of several, each with a line that explains it. */
export function RadioGroup<T extends string>({
  legend,
  name,
  value,
  options,
  onValueChange,
}: {
  readonly legend: string;
  readonly name: string;
  readonly value: T;
  readonly options: readonly {
    readonly value: T;
    readonly label: string;
    readonly hint?: string;
    readonly disabled?: boolean;
  }[];
  readonly onValueChange: (value: T) => void;
}): ReactNode {
  return (
    <fieldset className={styles["radios"]}>
      <legend className={styles["label"]}>{legend}</legend>
      {options.map((option) => (
        <label key={option.value} className={styles["checkbox"]}>
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            disabled={option.disabled ?? false}
            onChange={() => {
              onValueChange(option.value);
            }}
          />
          <span>
            {option.label}
            {option.hint !== undefined && <span className={styles["hint"]}>{option.hint}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
