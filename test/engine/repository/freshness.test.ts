import { beforeEach, describe, expect, it } from "vitest";

import type { SnapshotId } from "../../../engine/base/ids.ts";
import {
  type Freshness,
  NOTHING_SEEN,
  type SeenState,
  acceptState,
  examineFreshness,
} from "../../../engine/repository/freshness.ts";
import type { Repository } from "../../../engine/repository/repository.ts";
import { listSnapshots, writeSnapshot } from "../../../engine/repository/snapshot-store.ts";
import { deleteSnapshot } from "../../../engine/repository/tombstone.ts";
import type { Snapshot } from "../../../engine/snapshots/snapshot.ts";
import type { Backend } from "../../../engine/storage/backend.ts";
import { MemoryBackend } from "../../../engine/storage/memory.ts";
import { createSmallRepository } from "../../helpers/backup-fixture.ts";
import { snapshotFields } from "../../helpers/snapshot-fields.ts";
import { flipped } from "../../helpers/vectors.ts";

let repository: Repository<Backend>;
let chain: Snapshot[];
let seen: SeenState;
let nowMs = 0;
const WRITER = "a".repeat(32);
const DELETION = { nowNs: 1n, hostname: "h", username: "u", reason: "forge delete" };

beforeEach(async () => {
  nowMs = 1000;
  const backend = new MemoryBackend({ nowMs: () => 0 });
  repository = await createSmallRepository({ backend });
  chain = [];
  seen = NOTHING_SEEN;
  for (let i = 0; i < 5; i++) await backUp();
});

async function backUp(fields: Partial<Snapshot> = {}): Promise<Snapshot> {
  const last = chain.at(-1);
  const previous = last === undefined ? {} : { previous: last.id };
  const made = await writeSnapshot(
    repository,
    snapshotFields({ writer: WRITER, seq: (last?.seq ?? 0) + 1, ...previous, ...fields }),
  );
  chain.push(made);
  return made;
}

function hide(snapshot: Snapshot | undefined): Promise<void> {
  return repository.backend.delete([{ kind: "snapshots", name: snapshot?.id ?? "" }]);
}

async function examine(): Promise<Freshness> {
  const snapshots = await listSnapshots(repository, { onProblem: () => undefined });
  const found = await examineFreshness(repository, snapshots, {
    seen,
    nowMs: nowMs++,
    onProblem: (error) => {
      throw error;
    },
  });
  seen = found.next;
  return found;
}

describe("a storage that shows everything", () => {
  it("is without faults, also after deletions of any snapshots by those who hold the keys", async () => {
    expect((await examine()).faults).toEqual([]);
    for (const at of [1, 4, 0, 3]) {
      const snapshot = chain[at];
      if (snapshot !== undefined) await deleteSnapshot(repository, snapshot, DELETION);
      expect((await examine()).faults).toEqual([]);
      // Nor for a machine that never looked before.
      seen = { ...NOTHING_SEEN };
      expect((await examine()).faults).toEqual([]);
    }
  });

  it("is without faults when a snapshot was damaged, which is told elsewhere, and deleted then", async () => {
    await examine();
    const id = chain[2]?.id as SnapshotId;
    const ref = { kind: "snapshots", name: id } as const;
    const bytes = await repository.backend.read(ref);
    await repository.backend.delete([ref]);
    await repository.backend.put(ref, flipped(bytes, 40));
    expect((await examine()).faults).toEqual([]);
    await deleteSnapshot(repository, { id }, DELETION);
    expect((await examine()).faults).toEqual([]);
  });

  it("asks it for tombstones only when something is missing that was not settled before", async () => {
    await examine();
    const first = chain[0];
    if (first !== undefined) await deleteSnapshot(repository, first, DELETION);
    const kinds: string[] = [];
    const { backend } = repository;
    const list = backend.list.bind(backend);
    backend.list = (kind, options) => {
      kinds.push(kind);
      return list(kind, options);
    };
    await examine();
    expect(kinds).toContain("tombstones");
    kinds.length = 0;
    expect((await examine()).faults).toEqual([]);
    expect(kinds).toEqual(["snapshots"]);
  });
});

describe("a storage that hides", () => {
  it("the newest snapshot is told by who saw it, with when it was seen", async () => {
    await examine();
    await hide(chain[4]);
    const { faults } = await examine();
    expect(faults).toMatchObject([
      { kind: "head-missing", head: { id: chain[4]?.id, seq: 5, seenMs: 1000 }, shown: { seq: 4 } },
    ]);
    // And again, until somebody accepts it.
    expect((await examine()).faults).toEqual(faults);
    seen = acceptState(repository, await listed(), nowMs);
    expect((await examine()).faults).toEqual([]);
  });

  it("any other is told by everybody, once", async () => {
    await examine();
    await hide(chain[2]);
    const wanted = [{ kind: "gap", gap: { from: 3, to: 3, lastId: chain[2]?.id } }];
    expect((await examine()).faults).toMatchObject(wanted);
    seen = NOTHING_SEEN;
    expect((await examine()).faults).toMatchObject(wanted);
    seen = acceptState(repository, await listed(), nowMs);
    expect((await examine()).faults).toEqual([]);
  });

  it("all of a writer is told, and another writer's are not blamed", async () => {
    await backUp({ writer: "b".repeat(32), seq: 1, previous: undefined });
    await examine();
    for (const snapshot of chain.slice(0, 5)) await hide(snapshot);
    expect((await examine()).faults).toMatchObject([
      { kind: "head-missing", writer: WRITER, shown: undefined },
    ]);
  });

  it("the tombstone as well as the snapshot is told", async () => {
    await examine();
    const gone = chain[2];
    if (gone !== undefined) await deleteSnapshot(repository, gone, DELETION);
    await repository.backend.delete([{ kind: "tombstones", name: gone?.id ?? "" }]);
    expect((await examine()).faults).toMatchObject([{ kind: "gap" }]);
  });

  it("what is backed up after a rollback leaves the evidence for machines that saw nothing", async () => {
    await examine();
    await hide(chain[4]);
    await backUp();
    expect((await examine()).faults).toMatchObject([{ kind: "head-missing", head: { seq: 5 } }]);
    expect((await examine()).faults).toMatchObject([{ kind: "gap", gap: { from: 5, to: 5 } }]);
    seen = NOTHING_SEEN;
    expect((await examine()).faults).toMatchObject([{ kind: "gap", gap: { from: 5, to: 5 } }]);
  });
});

it("a key of before a rotation that was seen is told", async () => {
  await examine();
  seen = { ...seen, epochs: 2 };
  expect((await examine()).faults).toEqual([{ kind: "old-keys", seen: 2, found: 1 }]);
  expect(seen.epochs).toBe(2);
});

function listed(): Promise<Snapshot[]> {
  return listSnapshots(repository, { onProblem: () => undefined });
}
