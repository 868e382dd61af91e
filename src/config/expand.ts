/**
 * `${VAR}` and `${VAR:-default}` in the texts of a configuration. It happens after parsing, value by
 * value: what a variable holds can never become a key, a list or a comment. `$${` stands for `${`.
 */
import { type LocatedValue, type MapEntry, configurationError } from "./located-value.ts";

export interface ExpandOptions {
  readonly file: string;
  readonly variables: Readonly<Record<string, string | undefined>>;
}

const REFERENCE = /\$\$\{|\$\{([^}]*)\}|\$\{/g;
const INSIDE = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/;

/** @throws ForgeError "usage" with the line when a variable is not set or a reference is malformed. */
export function expandValue(value: LocatedValue, options: ExpandOptions): LocatedValue {
  switch (value.kind) {
    case "list":
      return { ...value, items: value.items.map((item) => expandValue(item, options)) };
    case "map": {
      const entries = new Map<string, MapEntry>();
      for (const [key, entry] of value.entries) {
        entries.set(key, { ...entry, value: expandValue(entry.value, options) });
      }
      return { ...value, entries };
    }
    case "scalar": {
      if (typeof value.value !== "string" || !value.value.includes("${")) return value;
      const text = expandText(value.value, value.line, options);
      return { ...value, value: text, expanded: true };
    }
    default:
      return value satisfies never;
  }
}

function expandText(text: string, line: number | undefined, options: ExpandOptions): string {
  return text.replace(REFERENCE, (found: string, inside: string | undefined) => {
    if (found === "$${") return "${";
    const match = INSIDE.exec(inside ?? "");
    const name = match?.[1];
    if (name === undefined) {
      throw configurationError(
        options.file,
        line,
        `"${found}" is no reference to a variable; write \${NAME}, \${NAME:-default}, or $\${ for the characters themselves`,
      );
    }
    const value = options.variables[name];
    const fallback = match?.[2];
    // As in a shell, `:-` also covers a variable that is set and empty.
    if (fallback !== undefined) return value === undefined || value === "" ? fallback : value;
    if (value === undefined) {
      throw configurationError(
        options.file,
        line,
        `the environment variable ${name} is not set; set it, or write \${${name}:-default}`,
      );
    }
    return value;
  });
}
