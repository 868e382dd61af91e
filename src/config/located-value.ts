/**
 * LocatedValue: what stands in a configuration file, with the line it stands on, whether the file
 * is YAML or TOML. And the readers that turn it into typed settings or say, with the line, why not.
 */
import { ForgeError } from "../../engine/base/errors.ts";
import { findSimilar } from "./similar.ts";

export interface ScalarValue {
  readonly kind: "scalar";
  readonly line: number | undefined;
  readonly value: string | number | boolean | null;
  /** It was text with a `${VAR}` in it, so that "7" may stand for a number. */
  readonly expanded: boolean;
}

export interface ListValue {
  readonly kind: "list";
  readonly line: number | undefined;
  readonly items: readonly LocatedValue[];
}

export interface MapValue {
  readonly kind: "map";
  readonly line: number | undefined;
  /** A Map: a key may be `__proto__`. */
  readonly entries: ReadonlyMap<string, MapEntry>;
}

export interface MapEntry {
  readonly keyLine: number | undefined;
  readonly value: LocatedValue;
}

export type LocatedValue = ScalarValue | ListValue | MapValue;

/** A value and where it stands, for messages. */
export interface Located {
  readonly file: string;
  /** "repositories[0].encryption"; "" at the top. */
  readonly path: string;
  readonly value: LocatedValue;
}

/** A "usage" error that names file, line and setting. */
export function configurationError(
  file: string,
  line: number | undefined,
  found: string,
): ForgeError {
  const at = line === undefined ? file : `${file}:${line}`;
  return new ForgeError("usage", `Cannot use the configuration ${at}: ${found}`, {
    context: line === undefined ? { file } : { file, line },
  });
}

function wrong(at: Located, wanted: string): ForgeError {
  const name = at.path === "" ? "the file" : at.path;
  return configurationError(at.file, at.value.line, `${name} is ${shown(at.value)}, ${wanted}`);
}

/** What stands there, for a message. A text is not repeated: it may be a secret. */
function shown(value: LocatedValue): string {
  if (value.kind !== "scalar") return value.kind === "list" ? "a list" : "a section";
  if (value.value === null) return "empty";
  return typeof value.value === "string" ? "a text" : `the ${typeof value.value} ${value.value}`;
}

/** The keys of a section, each of which must be known. */
export class Section<Key extends string> {
  readonly #at: Located;
  readonly #map: MapValue;

  constructor(at: Located, keys: readonly Key[]) {
    if (at.value.kind !== "map") throw wrong(at, "but a section with keys is needed");
    this.#at = at;
    this.#map = at.value;
    for (const [key, entry] of at.value.entries) {
      if ((keys as readonly string[]).includes(key)) continue;
      const similar = findSimilar(key, keys);
      const where = at.path === "" ? "" : ` in ${at.path}`;
      throw configurationError(
        at.file,
        entry.keyLine,
        `unknown key "${key}"${where}; ` +
          (similar === undefined ? `known are ${keys.join(", ")}` : `did you mean "${similar}"?`),
      );
    }
  }

  has(key: Key): boolean {
    return this.#map.entries.has(key);
  }

  /** The value read by `read`, or `undefined` when the key is absent. */
  find<Value>(key: Key, read: (at: Located) => Value): Value | undefined {
    const entry = this.#map.entries.get(key);
    if (entry === undefined) return undefined;
    const path = this.#at.path === "" ? key : `${this.#at.path}.${key}`;
    return read({ file: this.#at.file, path, value: entry.value });
  }

  /** An error about the section as a whole. */
  error(found: string): ForgeError {
    const name = this.#at.path === "" ? "the file" : this.#at.path;
    return configurationError(this.#at.file, this.#map.line, `${name} ${found}`);
  }
}

/** @throws ForgeError "usage" for numbers, booleans and nothing: `label: 1` wants quotes. */
export function readText(at: Located): string {
  const { value } = at;
  if (value.kind !== "scalar" || typeof value.value !== "string" || value.value === "") {
    const empty = value.kind === "scalar" && value.value === "";
    throw wrong(at, empty ? "but it must not be empty" : "but a text is needed (in quotes)");
  }
  return value.value;
}

export function readBoolean(at: Located): boolean {
  const { value } = at;
  if (value.kind === "scalar") {
    if (typeof value.value === "boolean") return value.value;
    if (value.expanded && (value.value === "true" || value.value === "false")) {
      return value.value === "true";
    }
  }
  throw wrong(at, "but true or false is needed");
}

/** A reader of whole numbers in a range. */
export function readInteger(min: number, max: number): (at: Located) => number {
  return (at) => {
    const { value } = at;
    if (value.kind === "scalar") {
      const number =
        value.expanded && typeof value.value === "string" && /^\d+$/.test(value.value)
          ? Number(value.value)
          : value.value;
      if (
        typeof number === "number" &&
        Number.isInteger(number) &&
        number >= min &&
        number <= max
      ) {
        return number;
      }
    }
    throw wrong(at, `but a whole number from ${min} to ${max} is needed`);
  };
}

/** A text that `find` understands; `wanted` describes such texts. */
export function readParsed<Value>(
  find: (text: string) => Value | undefined,
  wanted: string,
): (at: Located) => Value {
  return (at) => {
    const { value } = at;
    const scalar = value.kind === "scalar" ? value.value : null;
    const text = typeof scalar === "number" ? String(scalar) : scalar;
    const parsed = typeof text === "string" ? find(text) : undefined;
    if (parsed === undefined) {
      const found = typeof text === "string" ? `"${text}"` : shown(value);
      throw configurationError(
        at.file,
        value.line,
        `${at.path} is ${found}, but ${wanted} is needed`,
      );
    }
    return parsed;
  };
}

/** One of a few words. */
export function readWord<const Words extends readonly string[]>(
  words: Words,
): (at: Located) => Words[number] {
  return readParsed<Words[number]>(
    (text) => words.find((word) => word === text),
    `one of ${words.join(", ")}`,
  );
}

/** A list, each of whose items `read` reads. */
export function readList<Value>(read: (at: Located) => Value): (at: Located) => readonly Value[] {
  return (at) => {
    if (at.value.kind !== "list") throw wrong(at, "but a list is needed");
    return at.value.items.map((value, i) =>
      read({ file: at.file, path: `${at.path}[${i}]`, value }),
    );
  };
}

/** A list, or one item that stands for a list of it. */
export function readOneOrMore<Value>(
  read: (at: Located) => Value,
): (at: Located) => readonly Value[] {
  return (at) => (at.value.kind === "list" ? readList(read)(at) : [read(at)]);
}
