import { expect, it } from "vitest";

import { isForgeError } from "../../../engine/base/errors.ts";
import { type PackId, type RepositoryId, parseId } from "../../../engine/base/ids.ts";
import { CheckRecord } from "../../../engine/maintenance/check-record.ts";
import { choosePacks, parsePackShare } from "../../../engine/maintenance/pack-share.ts";
import { SeededRandom, testSeed } from "../../helpers/seeded-random.ts";

const repository = parseId<RepositoryId>("aa".repeat(32));
const packs = Array.from({ length: 40 }, (_, i) => ({
  packId: parseId<PackId>((i * 37).toString(16).padStart(8, "0").padEnd(64, "5")),
  packBytes: 100,
}));

function record(): CheckRecord {
  const filled = new CheckRecord(repository);
  packs.slice(0, 30).forEach(({ packId }, i) => filled.note(packId, 1000 + i));
  return filled;
}

it("a record is read as it was written", () => {
  const written = record();
  written.runStartedMs = 77;
  const read = CheckRecord.decode(written.encode(), repository);
  expect(read.runStartedMs).toBe(77);
  expect(packs.map(({ packId }) => read.verifiedMs(packId))).toEqual(
    packs.map(({ packId }) => written.verifiedMs(packId)),
  );
  read.retain(new Set(packs.slice(0, 3).map(({ packId }) => packId)));
  expect(read.size).toBe(3);
});

const seed = testSeed();
it(`a record that someone else wrote is refused or read, never more (seed ${seed})`, () => {
  const random = new SeededRandom(seed);
  const bytes = record().encode();
  for (let i = 0; i < 20_000; i++) {
    const hostile = bytes.slice(0, random.below(4) === 0 ? random.below(bytes.length) : undefined);
    for (let flips = random.below(4); flips > 0 && hostile.length > 0; flips--) {
      hostile[random.below(Math.min(hostile.length, 200))] = random.below(256);
    }
    try {
      CheckRecord.decode(hostile, repository);
    } catch (error) {
      if (!isForgeError(error, "corrupt", "unsupported-version")) throw error;
    }
  }
  const other = parseId<RepositoryId>("bb".repeat(32));
  expect(() => CheckRecord.decode(bytes, other)).toThrow(/another repository/);
});

it("a share reads first what was not verified for longest, parts make up all", () => {
  const known = record();
  const first = choosePacks(packs, parsePackShare("25%"), known).map(({ packId }) => packId);
  expect(first).toEqual(packs.slice(30).map(({ packId }) => packId));
  const more = choosePacks(packs, parsePackShare("12"), known).map(({ packId }) => packId);
  expect(more.slice(10)).toEqual(packs.slice(0, 2).map(({ packId }) => packId));
  const parts = ["1/3", "2/3", "3/3"].flatMap((text) =>
    choosePacks(packs, parsePackShare(text), known),
  );
  expect(new Set(parts.map(({ packId }) => packId)).size).toBe(packs.length);
  expect(parts).toHaveLength(packs.length);
});

it("a run over everything that was interrupted goes on", () => {
  const known = record();
  known.runStartedMs = 1020;
  expect(choosePacks(packs, { kind: "all" }, known)).toHaveLength(30);
  known.runStartedMs = undefined;
  expect(choosePacks(packs, { kind: "all" }, known)).toHaveLength(40);
});

it.each(["", "0%", "101%", "0/3", "4/3", "0", "-1", "1/0", "latest", "5%%"])(
  '"%s" is no share',
  (text) => {
    expect(() => parsePackShare(text)).toThrow(/share such as/);
  },
);
