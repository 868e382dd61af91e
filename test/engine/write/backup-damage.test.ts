import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ForgeError } from "../../../engine/base/errors.ts";
import { type Repository, loadIndex } from "../../../engine/repository/repository.ts";
import type { Snapshot } from "../../../engine/snapshots/snapshot.ts";
import type { Backend, ObjectRef } from "../../../engine/storage/backend.ts";
import { MemoryBackend } from "../../../engine/storage/memory.ts";
import {
  type BackUpOptions,
  createSmallRepository,
  objectsOf,
  readSideOf,
  takeSnapshot,
} from "../../helpers/backup-fixture.ts";
import { noise } from "../../helpers/expected-tree.ts";
import { expectStored, fillTree } from "../../helpers/stored-tree.ts";
import { flipped } from "../../helpers/vectors.ts";

let tree: string;
let nowMs: number;
let backend: MemoryBackend;
let repository: Repository<Backend>;

beforeEach(async () => {
  tree = mkdtempSync(`${tmpdir()}/forge-backup-`);
  nowMs = 1_700_000_000_000;
  backend = new MemoryBackend({ nowMs: () => nowMs });
  repository = await createSmallRepository({ backend });
});

afterEach(() => {
  rmSync(tree, { recursive: true, force: true });
});

function take(options: BackUpOptions = {}): Promise<Snapshot> {
  return takeSnapshot(repository, tree, options);
}

async function damage(ref: ObjectRef, offset: number): Promise<void> {
  const bytes = await backend.read(ref);
  await backend.delete([ref]);
  await backend.put(ref, flipped(bytes, offset));
}

describe("what takes several blobs to describe", () => {
  it("a directory of many pages is compared page by page, and few pages are stored again", async () => {
    for (let i = 0; i < 2500; i++) writeFileSync(`${tree}/${i}`, "");
    await take();
    writeFileSync(`${tree}/1234`, "changed");
    rmSync(`${tree}/77`);
    writeFileSync(`${tree}/new`, "");
    const second = await take();
    expect(second.stats).toMatchObject({ filesNew: 1, filesChanged: 1, filesUnchanged: 2498 });
    expect(second.stats.blobsNew).toBeLessThan(12);
    await expectStored(repository, second, tree);
  });

  it("a file of many chunks and holes is recognised, and read again when its list is damaged", async () => {
    const fd = openSync(`${tree}/file`, "w");
    for (let i = 0; i < 80; i++) writeSync(fd, noise(4096, i + 1), 0, 4096, i * 65_536);
    closeSync(fd);
    const first = await take();
    expect((await take()).stats).toMatchObject({ filesUnchanged: 1, bytesStored: 0 });
    const { index } = await loadIndex(repository);
    for await (const { kind, packId, offset } of index.locations()) {
      if (kind === "list") await damage({ kind: "packs", name: packId }, offset + 20);
    }
    // A list of lists hides the damage below it from one backup.
    await take();
    const last = await take();
    await expectStored(repository, last, tree);
    await expectStored(repository, first, tree);
  });
});

describe("damage that a backup meets", () => {
  beforeEach(() => {
    fillTree(tree);
  });

  it("a lost pack is filled again from the source", async () => {
    const first = await take();
    for (const { name } of await backend.list("packs")) {
      const copy = new Map((await objectsOf(backend)).map((object) => [object.name, object]));
      await backend.delete([{ kind: "packs", name }]);
      const notices: ForgeError[] = [];
      const next = await take({ onNotice: (error) => notices.push(error) });
      await expectStored(repository, next, tree);
      await expectStored(repository, first, tree);
      // As before, for the next pack.
      for (const kind of ["packs", "index", "snapshots"] as const) {
        const now = await backend.list(kind);
        const added = now.filter((info) => !copy.has(info.name));
        await backend.delete(added.map((info) => ({ kind, name: info.name })));
      }
      await backend.put({ kind: "packs", name }, copy.get(name)?.bytes ?? new Uint8Array(0));
    }
  });

  it("a damaged page of a directory is reported, stored again, and then read from there", async () => {
    const first = await take();
    const { index } = await readSideOf(repository);
    const [place] = await index.find(first.root);
    if (place === undefined) throw new Error("the root is not in the index");
    await damage({ kind: "packs", name: place.packId }, place.offset + 20);
    const notices: ForgeError[] = [];
    const second = await take({ onNotice: (error) => notices.push(error) });
    expect(notices.map(({ code }) => code)).toEqual(["corrupt"]);
    await expectStored(repository, second, tree);
    await expectStored(repository, first, tree);
  });

  it("every damaged directory is healed after as many backups as the tree is deep", async () => {
    const first = await take();
    const { index } = await loadIndex(repository);
    for await (const { kind, packId, offset } of index.locations()) {
      if (kind === "tree") await damage({ kind: "packs", name: packId }, offset + 20);
    }
    const depth = tree.split("/").length + 2;
    for (let i = 0; i < depth; i++) await take({ onNotice: () => undefined });
    const last = await take();
    await expectStored(repository, last, tree);
    await expectStored(repository, first, tree);
  });

  it("whichever read of the parent fails once, the snapshot is whole", async () => {
    // Their pages fill more than one pack.
    for (let i = 0; i < 6; i++) {
      mkdirSync(`${tree}/${i}`);
      for (let j = 0; j < 40; j++) writeFileSync(`${tree}/${i}/${j}`, `${i} ${j}`);
    }
    await take();
    const read = backend.read.bind(backend);
    const notices: ForgeError[] = [];
    for (let failing = 0, hasFailed = true; hasFailed; failing++) {
      let reads = 0;
      hasFailed = false;
      backend.read = (ref, options) => {
        if (ref.kind !== "packs" || reads++ !== failing) return read(ref, options);
        hasFailed = true;
        return Promise.reject(new ForgeError("io", "Cannot read: the cable is loose"));
      };
      const snapshot = await take({ onNotice: (error) => notices.push(error) });
      backend.read = read;
      await expectStored(repository, snapshot, tree);
    }
    expect(notices.length).toBeGreaterThan(1);
    expect(new Set(notices.map(({ code }) => code))).toEqual(new Set(["io"]));
  });

  it("an index segment that is gone makes it store again what the segment knew", async () => {
    const first = await take();
    const segments = await backend.list("index");
    await backend.delete(segments.map(({ name }) => ({ kind: "index", name })));
    const second = await take({ onNotice: () => undefined });
    expect(second.stats.bytesStored).toBeGreaterThan(10_000);
    await expectStored(repository, second, tree);
    await expectStored(repository, first, tree);
  });
});
