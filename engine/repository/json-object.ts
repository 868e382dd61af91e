/** Small standalone objects whose plaintext is a JSON object of ours: what their decoders share. */
import type { Bytes } from "../base/bytes.ts";
import { ForgeError, messageOf } from "../base/errors.ts";

/** The fields of a JSON object from the storage; every getter says what is wrong by name. */
export class JsonFields {
  readonly #fields: ReadonlyMap<string, unknown>;
  readonly #what: string;

  /**
   * @param what For messages: "tombstone 3f…".
   * @param versionMax The newest version this forge knows.
   * @throws ForgeError "corrupt", or "unsupported-version" when a newer forge wrote it.
   */
  constructor(bytes: Bytes, what: string, versionMax: number) {
    this.#what = what;
    const value = parse(bytes, what);
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new ForgeError("corrupt", `Cannot read ${what}: it is no JSON object`);
    }
    this.#fields = new Map(Object.entries(value));
    const version = this.number("version");
    if (version > versionMax) {
      throw new ForgeError(
        "unsupported-version",
        `Cannot read ${what}: it is of version ${version}, this forge knows ${versionMax}; use a newer forge`,
      );
    }
    if (version < 1) this.fail("version", "is unknown");
  }

  string(field: string): string {
    const value = this.#fields.get(field);
    return typeof value === "string" ? value : this.fail(field, "is no string");
  }

  findString(field: string): string | undefined {
    return this.#fields.get(field) === undefined ? undefined : this.string(field);
  }

  /** A whole number from 0. */
  number(field: string): number {
    const value = this.#fields.get(field);
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
      return this.fail(field, "is no whole number");
    }
    return value;
  }

  findNumber(field: string): number | undefined {
    return this.#fields.get(field) === undefined ? undefined : this.number(field);
  }

  /** Nanoseconds since 1970 as a decimal string. */
  timeNs(field: string): bigint {
    const text = this.string(field);
    return /^-?\d{1,20}$/.test(text) ? BigInt(text) : this.fail(field, "is no time");
  }

  /** A list of strings; empty when the field is absent. */
  strings(field: string): readonly string[] {
    const value = this.#fields.get(field);
    if (value === undefined) return [];
    if (!Array.isArray(value)) return this.fail(field, "is no list");
    return value.map((item: unknown) =>
      typeof item === "string" ? item : this.fail(field, "is no list of strings"),
    );
  }

  fail(field: string, found: string): never {
    throw new ForgeError("corrupt", `Cannot read ${this.#what}: its ${field} ${found}`);
  }
}

function parse(bytes: Bytes, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new ForgeError("corrupt", `Cannot read ${what}: ${messageOf(error)}`);
  }
}
