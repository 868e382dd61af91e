/** YAML 1.2 text → LocatedValue, and values back to text. The only file that imports `yaml`. */
import {
  Alias,
  type Document,
  LineCounter,
  type Node,
  Pair,
  Scalar,
  YAMLMap,
  YAMLSeq,
  parseDocument,
  stringify,
} from "yaml";
import type { ForgeError } from "../../engine/base/errors.ts";
import { type LocatedValue, type MapEntry, configurationError } from "./located-value.ts";

/** A configuration of this many values is an accident or an attack with nested aliases. */
const VALUES_MAX = 100_000;
const DEPTH_MAX = 64;
/** The parser calls itself for each level; some it tells of in these words, others it throws. */
const STACK_IS_FULL = "Maximum call stack size exceeded";

/** @throws ForgeError "usage" with the line for anything that is not one plain document. */
export function parseYaml(text: string, file: string): LocatedValue {
  const lines = new LineCounter();
  const document = documentOf(text, lines, file);
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem?.message === STACK_IS_FULL) throw tooLarge(file);
  if (problem !== undefined) {
    const line = lines.linePos(problem.pos[0]).line;
    throw configurationError(file, line, `not valid YAML: ${problem.message}`);
  }

  let values = 0;
  const lineOf = (node: Node | null | undefined): number | undefined => {
    const start = node?.range?.[0];
    return start === undefined ? undefined : lines.linePos(start).line;
  };
  const locate = (node: unknown, depth: number): LocatedValue => {
    if (++values > VALUES_MAX || depth > DEPTH_MAX) throw tooLarge(file);
    if (node instanceof Alias) return locate(node.resolve(document), depth + 1);
    if (node instanceof YAMLSeq) {
      return {
        kind: "list",
        line: lineOf(node),
        items: node.items.map((item) => locate(item, depth + 1)),
      };
    }
    if (node instanceof YAMLMap) {
      const entries = new Map<string, MapEntry>();
      for (const pair of node.items as readonly unknown[]) {
        if (!(pair instanceof Pair)) continue;
        const { key, value } = pair as Pair;
        const keyLine = key instanceof Scalar ? lineOf(key) : lineOf(node);
        if (!(key instanceof Scalar) || typeof key.value !== "string") {
          throw configurationError(file, keyLine, "a key has to be a text");
        }
        const located = locate(value, depth + 1);
        entries.set(key.value, { keyLine, value: { ...located, line: located.line ?? keyLine } });
      }
      return { kind: "map", line: lineOf(node), entries };
    }
    if (node instanceof Scalar) {
      return { kind: "scalar", line: lineOf(node), value: scalarOf(node.value), expanded: false };
    }
    return { kind: "scalar", line: undefined, value: null, expanded: false };
  };
  if (document.contents === null) return { kind: "map", line: undefined, entries: new Map() };
  return locate(document.contents, 0);
}

function documentOf(text: string, lines: LineCounter, file: string): Document.Parsed {
  try {
    return parseDocument(text, {
      lineCounter: lines,
      version: "1.2",
      schema: "core",
      merge: false,
      uniqueKeys: true,
      stringKeys: false,
      strict: true,
      prettyErrors: false,
      logLevel: "silent",
    });
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(file);
    throw error;
  }
}

function tooLarge(file: string): ForgeError {
  return configurationError(file, undefined, "it has too many or too deeply nested values");
}

/** YAML of a plain value; what is `undefined` is left out. */
export function formatYaml(value: object): string {
  return stringify(value, { version: "1.2", schema: "core", lineWidth: 0, keepUndefined: false });
}

function scalarOf(value: unknown): string | number | boolean | null {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return value;
  }
  return typeof value === "bigint" ? Number(value) : null;
}
