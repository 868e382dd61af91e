import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { type Bytes, utf8 } from "../../../engine/base/bytes.ts";
import { ForgeError } from "../../../engine/base/errors.ts";
import { verifyObjects } from "../../../engine/maintenance/verify-objects.ts";
import { findEntry } from "../../../engine/read/readonly-fs.ts";
import { openSnapshotFs } from "../../../engine/read/snapshot-fs.ts";
import { LEASE_TTL_MS } from "../../../engine/repository/lease.ts";
import { type Repository } from "../../../engine/repository/repository.ts";
import type { Snapshot } from "../../../engine/snapshots/snapshot.ts";
import type { Backend } from "../../../engine/storage/backend.ts";
import { MemoryBackend } from "../../../engine/storage/memory.ts";
import { openCommandSource, openStreamSource } from "../../../engine/write/node/stream-source.ts";
import {
  type BackUpOptions,
  backUp,
  createSmallRepository,
  directoryLines,
  openStillSource,
  readSideOf,
  snapshotLines,
  snapshotsOf,
  takeSnapshot,
} from "../../helpers/backup-fixture.ts";
import { noise } from "../../helpers/expected-tree.ts";
import { expectStored, fillTree } from "../../helpers/stored-tree.ts";
import { RecordingBackend } from "../../helpers/recording-backend.ts";

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

/** The repository over a backend with one method changed. */
function over(changed: Partial<Backend>): Repository<Backend> {
  const plain: Backend = {
    description: "changed",
    read: (ref, options) => backend.read(ref, options),
    list: (kind) => backend.list(kind),
    stat: (ref) => backend.stat(ref),
    put: (ref, data) => backend.put(ref, data),
    replace: (ref, data) => backend.replace(ref, data),
    delete: (refs) => backend.delete(refs),
    create: () => backend.create(),
    close: () => backend.close(),
  };
  return { ...repository, backend: { ...plain, ...changed } };
}

describe("a second backup", () => {
  beforeEach(() => {
    fillTree(tree);
  });

  it("reads nothing of what did not change, and says so", async () => {
    const first = await take();
    const second = await take();
    expect(second.stats).toMatchObject({ filesUnchanged: 9, filesNew: 0, bytesStored: 0 });
    expect(second.root).toBe(first.root);
    expect(second).toMatchObject({ parent: first.id, previous: first.id, seq: 2 });
  });

  it.each<[string, () => void]>([
    [
      "content of the same size and mtime",
      () => {
        writeFileSync(`${tree}/sub/3`, noise(2000, 99));
        utimesSync(`${tree}/sub/3`, 1, 1);
      },
    ],
    [
      "a mode",
      () => {
        chmodSync(`${tree}/sub/3`, 0o600);
      },
    ],
    [
      "a mode of a directory",
      () => {
        chmodSync(`${tree}/sub`, 0o700);
      },
    ],
    [
      "a name",
      () => {
        renameSync(`${tree}/sub/3`, `${tree}/sub/deep/3`);
      },
    ],
    [
      "a hard link",
      () => {
        linkSync(`${tree}/sub/3`, `${tree}/three`);
      },
    ],
    [
      "the kind of an entry",
      () => {
        rmSync(`${tree}/sub/3`);
        mkdirSync(`${tree}/sub/3`);
      },
    ],
    [
      "a link's target",
      () => {
        rmSync(`${tree}/link`);
        symlinkSync("else", `${tree}/link`);
      },
    ],
    [
      "a removal",
      () => {
        rmSync(`${tree}/sub/deep`, { recursive: true });
      },
    ],
    [
      "a size",
      () => {
        truncateSync(`${tree}/sub/3`, 7);
      },
    ],
  ])("sees a change of %s", async (_what, change) => {
    utimesSync(`${tree}/sub/3`, 1, 1);
    await take();
    change();
    const second = await take();
    await expectStored(repository, second, tree);
  });

  it("reads a file anew that was replaced by one with the same size and times", async () => {
    utimesSync(`${tree}/sub/3`, 1, 1);
    await take();
    writeFileSync(`${tree}/new`, noise(2000, 50));
    utimesSync(`${tree}/new`, 1, 1);
    renameSync(`${tree}/new`, `${tree}/sub/3`);
    await expectStored(repository, await take(), tree);
  });
});

describe("the commit", () => {
  beforeEach(() => {
    fillTree(tree);
  });

  it("refuses when a pack that the snapshot needs has vanished", async () => {
    await take();
    const [pack] = await backend.list("packs");
    let listings = 0;
    const hiding = over({
      list: async (kind) => {
        const all = await backend.list(kind);
        if (kind !== "packs" || listings++ === 0) return all;
        return all.filter(({ name }) => name !== pack?.name);
      },
    });
    await expect(backUp(hiding, tree)).rejects.toMatchObject({ code: "missing-object" });
    expect((await snapshotsOf(repository)).length).toBe(1);
    expect(await backend.list("leases")).toEqual([]);
  });

  it("does not happen when the lease expired by the storage's clock", async () => {
    const slow = over({
      put: (ref, data) => {
        if (ref.kind === "packs") nowMs += LEASE_TTL_MS;
        return backend.put(ref, data);
      },
    });
    await expect(backUp(slow, tree)).rejects.toMatchObject({ code: "lease-lost" });
    expect(await backend.list("snapshots")).toEqual([]);
    expect(await backend.list("leases")).toEqual([]);
  });

  it("is taken back when the lease expired while the snapshot was written", async () => {
    const slow = over({
      put: (ref, data) => {
        const outcome = backend.put(ref, data);
        if (ref.kind === "snapshots") nowMs += LEASE_TTL_MS + 1;
        return outcome;
      },
    });
    await expect(backUp(slow, tree)).rejects.toMatchObject({ code: "lease-lost" });
    expect(await backend.list("snapshots")).toEqual([]);
    await expectStored(repository, await take(), tree);
  });

  it("does not happen when somebody removed the lease", async () => {
    const removing = over({
      put: async (ref, data) => {
        const outcome = await backend.put(ref, data);
        const leases = await backend.list("leases");
        if (ref.kind === "index") {
          await backend.delete(leases.map(({ name }) => ({ kind: "leases", name })));
        }
        return outcome;
      },
    });
    await expect(backUp(removing, tree)).rejects.toMatchObject({ code: "lease-lost" });
    expect(await backend.list("snapshots")).toEqual([]);
  });

  it("stands when the lease cannot be deleted afterwards", async () => {
    await take();
    const recording = new RecordingBackend(backend);
    await backUp({ ...repository, backend: recording }, tree);
    const afterSnapshot = recording.changes.slice(-3).map((change) => change.replace(/\/.*/, ""));
    expect(afterSnapshot).toEqual(["put leases", "delete leases", "delete leases"]);
    for (const missing of [1, 2]) {
      const notices: ForgeError[] = [];
      const changesMax = recording.changes.length - missing;
      const dying = new RecordingBackend(backend, { changesMax });
      const { snapshot } = await backUp({ ...repository, backend: dying }, tree, {
        onNotice: (error) => notices.push(error),
      });
      expect(snapshot).toBeDefined();
      expect(notices.map(({ code }) => code)).toEqual(["io"]);
    }
  });
});

describe("a backup that does not end", () => {
  beforeEach(() => {
    fillTree(tree);
  });

  it("by an abort has no snapshot, and what it stored is used by the next one", async () => {
    const stop = new AbortController();
    const stopping = over({
      put: (ref, data) => {
        if (ref.kind === "packs") stop.abort();
        return backend.put(ref, data);
      },
    });
    await expect(backUp(stopping, tree, { signal: stop.signal })).rejects.toMatchObject({
      code: "aborted",
    });
    expect(await backend.list("snapshots")).toEqual([]);
    expect(await backend.list("leases")).toEqual([]);
    expect((await backend.list("index")).length).toBeGreaterThan(0);
    await expectStored(repository, await take(), tree);
  });

  it("by a full storage says no-space and leaves what was there", async () => {
    const first = await take();
    writeFileSync(`${tree}/more`, noise(50_000, 77));
    let room = 3;
    const full = over({
      put: (ref, data) => {
        if (ref.kind === "packs" && room-- <= 0) throw new ForgeError("no-space", "it is full");
        return backend.put(ref, data);
      },
    });
    await expect(backUp(full, tree)).rejects.toMatchObject({ code: "no-space" });
    expect((await snapshotsOf(repository)).map(({ id }) => id)).toEqual([first.id]);
    const next = await take();
    await expectStored(repository, next, tree);
    const problems: ForgeError[] = [];
    const { unindexedBlobs } = await verifyObjects(repository, {
      onProblem: (error) => problems.push(error),
    });
    expect(problems).toEqual([]);
    expect(unindexedBlobs).toBe(0);
  });

  it("a dry run counts and writes nothing", async () => {
    const { snapshot, stats } = await backUp(repository, tree, { dryRun: true });
    expect(snapshot).toBeUndefined();
    expect(stats.files).toBe(9);
    expect(stats.bytesStored).toBeGreaterThan(16_000);
    for (const kind of ["packs", "index", "snapshots", "leases"] as const) {
      expect(await backend.list(kind)).toEqual([]);
    }
  });
});

describe("what comes from a pipe", () => {
  const path = [utf8("dumps"), utf8("all.sql")];

  async function contentOf(snapshot: Snapshot): Promise<Bytes> {
    const { root } = await openSnapshotFs(await readSideOf(repository), snapshot);
    const entry = await findEntry(root, path);
    if (entry?.type !== "file") throw new Error("no file");
    return entry.read({ offset: 0, length: entry.attributes.sizeBytes });
  }

  it("is a file under the path it was given", async () => {
    writeFileSync(`${tree}/input`, noise(30_000, 3));
    const source = openStreamSource({ path, fd: openSync(`${tree}/input`, "r") });
    const snapshot = await take({ source, paths: [utf8("/dumps/all.sql")] });
    expect(await contentOf(snapshot)).toEqual(noise(30_000, 3));
    expect(snapshot.stats).toMatchObject({ files: 1, bytes: 30_000 });
    // The same bytes once more: every chunk is found, although no fingerprint is trusted blindly.
    const again = openStreamSource({ path, fd: openSync(`${tree}/input`, "r") });
    const second = await take({ source: again });
    expect(await contentOf(second)).toEqual(noise(30_000, 3));
  });

  it("that cannot be read makes no snapshot", async () => {
    const source = openStreamSource({ path, fd: openSync(tree, "r") });
    await expect(take({ source })).rejects.toMatchObject({ code: "io" });
    expect(await backend.list("snapshots")).toEqual([]);
  });

  it("of a command is kept when the command succeeds", async () => {
    const source = openCommandSource({
      path,
      command: ["sh", "-c", "printf 'drop; ' && echo table"],
    });
    expect(await contentOf(await take({ source }))).toEqual(utf8("drop; table\n"));
  });

  it.each<[string, [string, ...string[]], string]>([
    ["fails after its output", ["sh", "-c", "echo half; exit 3"], "io"],
    ["is killed", ["sh", "-c", "echo half; kill -9 $$"], "io"],
    ["does not exist", ["/nonexistent/program"], "not-found"],
  ])("of a command that %s makes no snapshot", async (_what, command, code) => {
    const source = openCommandSource({ path, command });
    await expect(take({ source })).rejects.toMatchObject({ code });
    expect(await backend.list("snapshots")).toEqual([]);
    expect(await backend.list("leases")).toEqual([]);
  });
});

describe("what cannot be read", () => {
  it("is a problem of its own, and everything else is saved", async () => {
    fillTree(tree);
    const problems: string[] = [];
    const source = openStillSource(tree);
    const list = source.list.bind(source);
    source.list = (directory) => {
      const listing = list(directory);
      // Vanishes between the walk and the reading.
      if (source.displayPath(directory) === `${tree}/sub`) rmSync(`${tree}/sub/5`, { force: true });
      return listing;
    };
    const { snapshot, problems: count } = await backUp(repository, tree, {
      source,
      onProblem: ({ path, error }) => problems.push(`${path} ${error.code}`),
    });
    expect(count).toBe(1);
    expect(problems).toEqual([`${tree}/sub/5 source-changed`]);
    expect(snapshot?.problems).toBe(1);
    const lines = await snapshotLines(await readSideOf(repository), snapshot as Snapshot, tree);
    expect([...lines.keys()].sort()).toEqual([...directoryLines(tree).keys()].sort());
  });
});

it("files that share their content share their blobs, across threads", async () => {
  for (let i = 0; i < 300; i++) writeFileSync(`${tree}/${i}`, noise(3000, 1 + (i % 3)));
  const { stats } = await backUp(repository, tree, { threads: 2 });
  expect(stats.files).toBe(300);
  // Of 900,000 bytes three files' are stored, and the page of the directory.
  expect(stats.bytesNew).toBeLessThan(3 * 3000 + 200_000);
});
