/**
 * Kinds of options and arguments: what a command declares, and how the text a person typed becomes
 * a value or a "usage" error. Nothing here knows the library that splits the command line.
 */
import { ForgeError } from "../../engine/base/errors.ts";
import { findMomentNs, findSize, findSpanSeconds } from "../quantities.ts";

export interface OptionKind<Value> {
  /** "-n, --dry-run" or "--tag <tag>". */
  readonly flags: string;
  readonly description: string;
  /** May be given several times. */
  readonly repeatable: boolean;
  /** Left out of the help. */
  readonly hidden: boolean;
  /** @param raw `undefined`, `true`, a text, or a list of texts when repeatable. */
  decode(raw: unknown): Value;
}

export interface ArgumentKind<Value> {
  readonly presence: "required" | "optional" | "rest";
  readonly description: string;
  decode(raw: unknown): Value;
}

type OptionExtras = Partial<Pick<OptionKind<unknown>, "hidden">>;

export function flag(
  flags: string,
  description: string,
  extras?: OptionExtras,
): OptionKind<boolean> {
  return option(flags, description, extras, (raw) => raw === true);
}

/** `--no-x`: true unless it was given. */
export function negated(flags: string, description: string): OptionKind<boolean> {
  return option(flags, description, undefined, (raw) => raw !== false);
}

/** How often a flag was given. */
export function counted(flags: string, description: string): OptionKind<number> {
  return {
    ...option(flags, description, undefined, (raw) => (Array.isArray(raw) ? raw.length : 0)),
    repeatable: true,
  };
}

export function text(
  flags: string,
  description: string,
  extras?: OptionExtras,
): OptionKind<string | undefined> {
  return option(flags, description, extras, (raw) => {
    const value = findText(raw);
    if (value === "") throw emptyValue(flags);
    return value;
  });
}

export function texts(
  flags: string,
  description: string,
  extras?: OptionExtras,
): OptionKind<readonly string[]> {
  const decode = (raw: unknown): readonly string[] => {
    const values = textList(raw);
    if (values.includes("")) throw emptyValue(flags);
    return values;
  };
  return { ...option(flags, description, extras, decode), repeatable: true };
}

/** One of a few words; the first is what holds when nothing is said. */
export function choice<const Words extends readonly [string, ...string[]]>(
  flags: string,
  description: string,
  words: Words,
): OptionKind<Words[number]> {
  return option(flags, `${description} (${words.join(", ")}; default: ${words[0]})`, {}, (raw) => {
    if (raw === undefined) return words[0];
    const word = words.find((candidate) => candidate === raw);
    if (word === undefined) throw unusable(flags, raw, `one of ${words.join(", ")} is needed`);
    return word;
  });
}

/** Like `choice`, without a default and for several. */
export function choices<const Words extends readonly [string, ...string[]]>(
  flags: string,
  description: string,
  words: Words,
): OptionKind<readonly Words[number][]> {
  return {
    ...option(flags, `${description} (${words.join(", ")})`, {}, (raw) =>
      textList(raw).map((given) => {
        const word = words.find((candidate) => candidate === given);
        if (word === undefined)
          throw unusable(flags, given, `one of ${words.join(", ")} is needed`);
        return word;
      }),
    ),
    repeatable: true,
  };
}

export function integer(
  flags: string,
  description: string,
  limits: { readonly min: number; readonly max?: number } & OptionExtras,
): OptionKind<number | undefined> {
  const { min, max = Number.MAX_SAFE_INTEGER } = limits;
  return option(flags, description, limits, (raw) => {
    if (raw === undefined) return undefined;
    const value = typeof raw === "string" && /^\d+$/.test(raw) ? Number(raw) : Number.NaN;
    if (!(value >= min && value <= max)) {
      const upTo = limits.max === undefined ? "" : ` to ${max}`;
      throw unusable(flags, raw, `a whole number from ${min}${upTo} is needed`);
    }
    return value;
  });
}

/** A size in bytes: "10M". @param extras.min Bytes, a whole number of MiB. */
export function size(
  flags: string,
  description: string,
  extras: OptionExtras & { readonly min?: number } = {},
): OptionKind<number | undefined> {
  return option(flags, description, extras, (raw) => {
    if (raw === undefined) return undefined;
    const bytes = typeof raw === "string" ? findSize(raw) : undefined;
    if (bytes === undefined) throw unusable(flags, raw, "a size such as 512K or 1.5G is needed");
    const { min = 0 } = extras;
    if (bytes < min) throw unusable(flags, raw, `at least ${min / 2 ** 20}M is needed`);
    return bytes;
  });
}

/** A span of time in seconds: "36h", "7d"; "0" is none. */
export function span(
  flags: string,
  description: string,
  extras?: OptionExtras,
): OptionKind<number | undefined> {
  return option(flags, description, extras, (raw) => {
    if (raw === undefined) return undefined;
    const seconds = raw === "0" ? 0 : typeof raw === "string" ? findSpanSeconds(raw) : undefined;
    if (seconds === undefined) throw unusable(flags, raw, "a span such as 36h, 7d or 1y is needed");
    return seconds;
  });
}

/** 0 … 100: "10" or "10%". */
export function percent(flags: string, description: string, usual: number): OptionKind<number> {
  return option(flags, `${description} (default: ${usual})`, undefined, (raw) => {
    if (raw === undefined) return usual;
    const value =
      typeof raw === "string" && /^\d{1,3}(\.\d+)?%?$/.test(raw)
        ? Number.parseFloat(raw)
        : Number.NaN;
    if (!(value >= 0 && value <= 100)) throw unusable(flags, raw, "0 to 100 is needed");
    return value;
  });
}

/** A moment in nanoseconds since 1970: a day, a local time, or a span before now. */
export function moment(flags: string, description: string): OptionKind<bigint | undefined> {
  return option(flags, description, undefined, (raw) => {
    if (raw === undefined) return undefined;
    const ns = typeof raw === "string" ? findMomentNs(raw, Date.now()) : undefined;
    if (ns === undefined) {
      throw unusable(flags, raw, "a time such as 2026-03-01, 2026-03-01T14:05 or 7d is needed");
    }
    return ns;
  });
}

export function required(description: string): ArgumentKind<string> {
  return {
    presence: "required",
    description,
    decode: (raw) => findArgument(raw, description) ?? "",
  };
}

export function optional(description: string): ArgumentKind<string | undefined> {
  return { presence: "optional", description, decode: (raw) => findArgument(raw, description) };
}

/** All further arguments; the last of a command. They may be empty: some are a command's. */
export function rest(description: string): ArgumentKind<readonly string[]> {
  return { presence: "rest", description, decode: textList };
}

function option<Value>(
  flags: string,
  description: string,
  extras: OptionExtras | undefined,
  decode: (raw: unknown) => Value,
): OptionKind<Value> {
  return { flags, description, repeatable: false, hidden: extras?.hidden ?? false, decode };
}

function findText(raw: unknown): string | undefined {
  return typeof raw === "string" ? raw : undefined;
}

/** An empty word is a script's variable that was never set; as a path it would mean this folder. */
function findArgument(raw: unknown, description: string): string | undefined {
  if (raw === "") {
    throw new ForgeError(
      "usage",
      `Cannot use an empty word as an argument; wanted: ${description}`,
    );
  }
  return findText(raw);
}

function emptyValue(flags: string): ForgeError {
  return unusable(flags, "", "it is empty");
}

function textList(raw: unknown): readonly string[] {
  return Array.isArray(raw) ? raw.filter((item) => typeof item === "string") : [];
}

function unusable(flags: string, raw: unknown, wanted: string): ForgeError {
  const long = /--[a-z0-9-]+/.exec(flags)?.[0] ?? flags;
  return new ForgeError("usage", `Cannot use ${long} "${String(raw)}": ${wanted}`);
}
