/** Changes the values of a JSON document and leaves it one: what byte damage nearly never does. */
import type { SeededRandom } from "../helpers/seeded-random.ts";

const STRANGE: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1,
  2,
  0.5,
  -0,
  1e308,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  2 ** 53 - 1,
  "",
  "0",
  "-1",
  "1700000000000000000",
  "99999999999999999999",
  "\u0000",
  "\ud800",
  "../../etc/passwd",
  "f".repeat(64),
  "F".repeat(64),
  "0".repeat(32),
  "x".repeat(10_000),
  "e\u0301",
  [],
  [[]],
  [null],
  {},
  { base64: "/w==" },
  { base64: "?" },
  { base64: 1 },
  { length: 1e9 },
];
const NAMES = ["version", "__proto__", "constructor", "toString", "length", "base64", "", "id"];

/** @returns another document, or the same text when it is no JSON. */
export function mutateJson(text: string, random: SeededRandom): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  for (let left = 1 + random.below(3); left > 0; left--) value = mutated(value, random);
  return JSON.stringify(value);
}

function mutated(value: unknown, random: SeededRandom): unknown {
  if (random.chance(0.15)) return random.pick(STRANGE);
  if (Array.isArray(value)) return mutatedList(value, random);
  if (typeof value === "object" && value !== null) return mutatedObject(value, random);
  if (typeof value === "number" && random.chance(0.5)) return value + random.below(5) - 2;
  if (typeof value === "string" && random.chance(0.5)) return mutatedText(value, random);
  return random.pick(STRANGE);
}

function mutatedList(list: readonly unknown[], random: SeededRandom): unknown[] {
  const at = random.below(list.length + 1);
  switch (random.below(4)) {
    case 0:
      return list.toSpliced(at, 1);
    case 1:
      return list.toSpliced(at, 0, random.pick(STRANGE));
    case 2:
      return list.length > 50 ? list.slice(0, 3) : [...list, ...list, ...list];
    default:
      return list.map((item, i) => (i === at ? mutated(item, random) : item));
  }
}

function mutatedObject(object: object, random: SeededRandom): unknown {
  const fields: [string, unknown][] = Object.entries(object);
  const at = random.below(fields.length + 1);
  const [name = random.pick(NAMES), value] = fields[at] ?? [];
  switch (random.below(8)) {
    case 0:
      return fromFields(fields.toSpliced(at, 1));
    case 1:
      return fromFields([...fields, [random.pick(NAMES), random.pick(STRANGE)]]);
    default:
      return fromFields(fields.toSpliced(at, 1, [name, mutated(value, random)]));
  }
}

/** With `__proto__` as a field like every other. */
function fromFields(fields: readonly [string, unknown][]): unknown {
  return Object.fromEntries(fields);
}

function mutatedText(text: string, random: SeededRandom): string {
  const at = random.below(text.length + 1);
  const characters = ["", "0", "f", "F", "-", "\u0000", "/", ".", "\u{1f600}", "=", text];
  return text.slice(0, at) + random.pick(characters) + text.slice(at + random.below(2));
}
