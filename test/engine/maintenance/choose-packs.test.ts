import { expect, test } from "vitest";

import { type PackId, parseId } from "../../../engine/base/ids.ts";
import {
  type PackPolicy,
  type PackState,
  choosePacks,
} from "../../../engine/maintenance/choose-packs.ts";

const POLICY: PackPolicy = {
  threshold: 0.1,
  repackBytesMax: Infinity,
  spareSinceMs: 1000,
  dataPackBytes: 16_000_000,
  treePackBytes: 4_000_000,
};

let packCount = 0;

function pack(liveShare: number, facts: Partial<PackState> = {}): PackState {
  const packId = parseId<PackId>((++packCount).toString(16).padStart(64, "0"));
  const sizeBytes = facts.sizeBytes ?? 16_000_000;
  const liveBlobs = liveShare > 0 ? 1 : 0;
  const liveBytes = Math.floor((sizeBytes - 176) * liveShare);
  return {
    packId,
    sizeBytes,
    isData: true,
    storedMs: 0,
    leastEpoch: 0,
    liveBlobs,
    liveBytes,
    ...facts,
  };
}

test("what nobody needs goes, what is wasteful is written anew, the worst first, the rest stays", () => {
  const [dead, half, most, full] = [pack(0), pack(0.5), pack(0.8), pack(1)];
  const choice = choosePacks([full, most, dead, half], POLICY);
  expect(choice).toEqual({ dead: [dead], repack: [half, most], spared: [], postponed: [] });
  const strict = choosePacks([full, most, half], { ...POLICY, threshold: 0.3 });
  expect(strict.repack).toEqual([half]);
});

test("what is too new is left alone, and told, whether it is dead, wasteful or of an older key", () => {
  const isNew = { storedMs: 1000 };
  const packs = [pack(0, isNew), pack(0.5, isNew), pack(1, { ...isNew, leastEpoch: 0 })];
  const choice = choosePacks([...packs, pack(1, { ...isNew, leastEpoch: 1 })], {
    ...POLICY,
    epochMin: 1,
  });
  expect(choice).toEqual({ dead: [], repack: [], spared: packs, postponed: [] });
});

test("a limit leaves the less wasteful for another run, and takes what still fits", () => {
  const [worst, bad, small] = [pack(0.2), pack(0.5), pack(0.6, { sizeBytes: 1_000_000 })];
  const choice = choosePacks([bad, small, worst], { ...POLICY, repackBytesMax: 4_000_000 });
  expect(choice.repack).toEqual([worst, small]);
  expect(choice.postponed).toEqual([bad]);
});

test("small packs are joined once there are four of a kind, and none that is new", () => {
  const small = [1, 2, 3].map(() => pack(1, { sizeBytes: 1_000_000 }));
  const tree = pack(1, { sizeBytes: 500_000, isData: false });
  const fresh = pack(1, { sizeBytes: 1_000_000, storedMs: 1000 });
  expect(choosePacks([...small, tree, fresh], POLICY).repack).toEqual([]);
  const fourth = pack(1, { sizeBytes: 1_000_000 });
  expect(choosePacks([...small, tree, fresh, fourth], POLICY).repack).toHaveLength(4);
});
