/** Globs on names and paths. The only file that imports `picomatch`. */
import picomatch from "picomatch";
import { type Bytes, ForgeError, lossyUtf8 } from "../../engine/node.ts";

export interface NamePattern {
  /** Set when the pattern has no slash: it holds for the name alone. */
  readonly name: ((name: Bytes) => boolean) | undefined;
  /** Set when it has one: it holds for the whole path, without a slash at the beginning. */
  readonly path: ((path: Bytes) => boolean) | undefined;
}

/** A pattern for names, or for paths without a slash at the beginning, as text. */
export interface TextPattern {
  readonly of: "name" | "path";
  readonly test: (text: string) => boolean;
}

/**
 * `*` and `?` stay inside a component, `**` crosses them, `[a-z]` and `{a,b}` mean what they do in a
 * shell. A path pattern that does not begin with a slash holds at any depth.
 *
 * @throws ForgeError "usage" for an empty one, and one that means nothing, such as `[z-a]`.
 */
export function textPattern(
  pattern: string,
  options: { readonly ignoreCase: boolean },
): TextPattern {
  const trimmed = pattern.replace(/\/+$/, "");
  if (trimmed === "") throw new ForgeError("usage", `Cannot search for "${pattern}": it is empty`);
  const hasSlash = trimmed.includes("/");
  const glob = !hasSlash || trimmed.startsWith("/") ? trimmed.replace(/^\/+/, "") : `**/${trimmed}`;
  return { of: hasSlash ? "path" : "name", test: compile(pattern, glob, options) };
}

/** `textPattern` for bytes. @throws the same. */
export function namePattern(
  pattern: string,
  options: { readonly ignoreCase: boolean },
): NamePattern {
  const { of, test: testText } = textPattern(pattern, options);
  const test = (bytes: Bytes): boolean => testText(lossyUtf8(bytes));
  return of === "path" ? { name: undefined, path: test } : { name: test, path: undefined };
}

function compile(
  pattern: string,
  glob: string,
  options: { readonly ignoreCase: boolean },
): (text: string) => boolean {
  try {
    return picomatch(asPicomatch(glob), {
      dot: true,
      nocase: options.ignoreCase,
      nonegate: true,
      noextglob: true,
      strictSlashes: true,
      // Without it what cannot be compiled matches nothing, silently.
      debug: true,
    });
  } catch (cause) {
    throw new ForgeError(
      "usage",
      `Cannot use the pattern "${pattern}": its brackets, braces or backslashes make no sense; ` +
        "write \\ before a character that means itself",
      { cause },
    );
  }
}

/** Where the library differs from a shell: parentheses and bars mean themselves; `[!a]` is `[^a]`. */
function asPicomatch(glob: string): string {
  return glob.replace(/\\.|[()|]|\[!/gs, (found) => {
    if (found === "[!") return "[^";
    return found.startsWith("\\") ? found : `\\${found}`;
  });
}

/** Holds when any of the patterns does; `undefined` without patterns. */
export function anyPattern(
  patterns: readonly string[],
  options: { readonly ignoreCase: boolean },
): ((name: Bytes, path: Bytes) => boolean) | undefined {
  if (patterns.length === 0) return undefined;
  const tests = patterns.map((pattern) => namePattern(pattern, options));
  return (name, path) =>
    tests.some((test) => (test.name?.(name) ?? false) || (test.path?.(path) ?? false));
}
