import { describe, expect, test } from "vitest";
import { utf8 } from "../../../engine/base/bytes.ts";
import { isForgeError } from "../../../engine/base/errors.ts";
import { type BlobId, type SnapshotId, parseId } from "../../../engine/base/ids.ts";
import {
  type SnapshotData,
  decodeSnapshot,
  encodeSnapshot,
} from "../../../engine/snapshots/snapshot.ts";
import { mutationsOf, survives } from "../../helpers/hostile.ts";
import { SeededRandom, testSeed } from "../../helpers/seeded-random.ts";

const seed = testSeed();
const id = parseId<SnapshotId>("dd".repeat(32));

const data: SnapshotData = {
  timeNs: 1_700_000_000_123_456_789n,
  endTimeNs: 1_700_000_060_000_000_000n,
  hostname: "häst",
  username: "ann",
  paths: [utf8("/home/ann"), Uint8Array.of(0x2f, 0xff, 0xfe)],
  tags: ["daily", ""],
  label: "nightly",
  name: undefined,
  parent: parseId<SnapshotId>("aa".repeat(32)),
  root: parseId<BlobId>("bb".repeat(32)),
  stats: {
    files: 1,
    directories: 2,
    others: 3,
    bytes: 4,
    filesNew: 5,
    filesChanged: 6,
    filesUnchanged: 7,
    blobsNew: 8,
    bytesNew: 9,
    bytesStored: Number.MAX_SAFE_INTEGER,
  },
  problems: 0,
  program: "forge 0.1.0",
  writer: "0123456789abcdef0123456789abcdef",
  seq: 2,
  previous: undefined,
  unknown: undefined,
};

function codeOf(json: unknown): string {
  try {
    decodeSnapshot(utf8(typeof json === "string" ? json : JSON.stringify(json)), id);
    return "none";
  } catch (error) {
    if (!isForgeError(error)) throw error;
    return error.code;
  }
}

function asJson(): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(encodeSnapshot(data))) as Record<string, unknown>;
}

describe("snapshot", () => {
  test("comes back as it was, with paths that are not UTF-8", () => {
    expect(decodeSnapshot(encodeSnapshot(data), id)).toEqual({ ...data, id });
  });

  test("keeps fields it does not know", () => {
    const json = { ...asJson(), future: { a: [1] }, root: data.root };
    const snapshot = decodeSnapshot(utf8(JSON.stringify(json)), id);
    expect(snapshot.unknown).toEqual({ future: { a: [1] } });
    expect(decodeSnapshot(encodeSnapshot(snapshot), id)).toEqual(snapshot);
  });

  test("a higher version is a newer format, whatever else it holds", () => {
    expect(codeOf({ version: 2 })).toBe("unsupported-version");
  });

  test("a field that is missing or of another type is corrupt", () => {
    const optional = new Set(["label", "name", "parent", "previous"]);
    for (const field of Object.keys(asJson())) {
      const without = Object.fromEntries(Object.entries(asJson()).filter(([key]) => key !== field));
      expect([field, codeOf(without)]).toEqual([field, optional.has(field) ? "none" : "corrupt"]);
      for (const wrong of [null, true, -1, 1.5, 1e300, {}, [null], [{}]]) {
        const found = codeOf({ ...asJson(), [field]: wrong });
        expect([field, wrong, found]).toEqual([field, wrong, "corrupt"]);
      }
    }
  });

  test("values that cannot be are corrupt", () => {
    const wrong: Record<string, unknown>[] = [
      { root: "BB".repeat(32) },
      { root: "bb" },
      { time: "1e9" },
      { time: "" },
      { time: "9".repeat(20) },
      { writer: "0123" },
      { seq: 0 },
      { version: 0 },
      { paths: [""] },
      { paths: ["a\0b"] },
      { paths: [{ base64: "L3R" }] },
      { paths: [{ base64: "*" }] },
      { tags: [1] },
    ];
    for (const fields of wrong) {
      expect([fields, codeOf({ ...asJson(), ...fields })]).toEqual([fields, "corrupt"]);
    }
    for (const text of ["", "null", "[]", "{", "[".repeat(100_000)]) {
      expect(codeOf(text)).toBe("corrupt");
    }
  });

  test(`mutated it is refused or read (seed ${seed})`, async () => {
    for (const mutated of mutationsOf(encodeSnapshot(data), new SeededRandom(seed))) {
      await survives(() => encodeSnapshot(decodeSnapshot(mutated, id)));
    }
  });
});
