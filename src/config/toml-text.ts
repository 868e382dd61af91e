/**
 * TOML text → LocatedValue. The only file that imports `smol-toml`. That library gives no positions
 * of values, so the line of a key is found by following the table headers of the text.
 */
import { TomlError, parse } from "smol-toml";
import { type LocatedValue, type MapEntry, configurationError } from "./located-value.ts";

/** @throws ForgeError "usage" with the line when it is not valid TOML. */
export function parseToml(text: string, file: string): LocatedValue {
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message.split("\n")[0]?.replace("Invalid TOML document: ", "") ?? "";
    throw configurationError(file, error.line, `not valid TOML: ${reason}`);
  }
  const lines = linesOfKeys(text);
  const locate = (value: unknown, path: string, above: number | undefined): LocatedValue => {
    const line = lines.get(path) ?? above;
    if (Array.isArray(value)) {
      const items = value.map((item: unknown, i) => locate(item, `${path}[${i}]`, line));
      return { kind: "list", line, items };
    }
    if (typeof value === "object" && value !== null && !(value instanceof Date)) {
      const entries = new Map<string, MapEntry>();
      for (const [key, item] of Object.entries(value)) {
        const below = path === "" ? key : `${path}.${key}`;
        const located = locate(item, below, line);
        entries.set(key, { keyLine: located.line, value: located });
      }
      return { kind: "map", line, entries };
    }
    return { kind: "scalar", line, value: scalarOf(value), expanded: false };
  };
  return locate(document, "", undefined);
}

const HEADER = /^\s*(\[\[?)\s*([^\]]+?)\s*\]/;
const KEY =
  /^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=/;

/**
 * Line of each table and key by its path: "repositories[1].label". Keys inside inline tables and
 * texts over several lines are not seen; they count as standing on the line of what holds them.
 */
function linesOfKeys(text: string): Map<string, number> {
  const lines = new Map<string, number>();
  const arrays = new Map<string, number>();
  let table = "";
  for (const [i, line] of text.split("\n").entries()) {
    const header = HEADER.exec(line);
    if (header !== null) {
      // `[repositories.retention]` after `[[repositories]]` belongs to its newest element.
      let path = "";
      for (const part of keyParts(header[2] ?? "")) {
        path += path === "" ? part : `.${part}`;
        const newest = arrays.get(path);
        if (newest !== undefined && path !== pathOf(header[2])) path += `[${newest}]`;
      }
      if (header[1] === "[[") {
        const next = (arrays.get(path) ?? -1) + 1;
        arrays.set(path, next);
        if (next === 0) lines.set(path, i + 1);
        path += `[${next}]`;
      }
      table = path;
      lines.set(path, i + 1);
      continue;
    }
    const key = KEY.exec(line)?.[1];
    if (key === undefined) continue;
    const path = (table === "" ? "" : `${table}.`) + keyParts(key).join(".");
    if (!lines.has(path)) lines.set(path, i + 1);
  }
  return lines;
}

function keyParts(dotted: string): string[] {
  return dotted.split(".").map((part) => part.trim().replace(/^["']|["']$/g, ""));
}

function pathOf(dotted: string | undefined): string {
  return keyParts(dotted ?? "").join(".");
}

function scalarOf(value: unknown): string | number | boolean | null {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return value;
  }
  if (typeof value === "bigint") return Number(value);
  return value instanceof Date ? value.toISOString() : null;
}
