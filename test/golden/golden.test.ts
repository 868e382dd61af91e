import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { type ForgeError, isForgeError } from "../../engine/base/errors.ts";
import { verifyObjects } from "../../engine/maintenance/verify-objects.ts";
import { nativePlatform } from "../../engine/platform/node/native.ts";
import { createWebPlatform } from "../../engine/platform/web.ts";
import type { Platform } from "../../engine/platform/platform.ts";
import { createPlatformDecoder } from "../../engine/read/platform-decoder.ts";
import { createReadSide } from "../../engine/read/read-side.ts";
import { openSnapshotFs } from "../../engine/read/snapshot-fs.ts";
import { type Repository, loadIndex, openRepository } from "../../engine/repository/repository.ts";
import { OBJECT_KINDS } from "../../engine/storage/backend.ts";
import { LocalBackend } from "../../engine/storage/node/local.ts";
import {
  backUp,
  directoryLines,
  readSideOf,
  snapshotLines,
  snapshotsOf,
} from "../helpers/backup-fixture.ts";
import { noise } from "../helpers/expected-tree.ts";
import { fromHex } from "../helpers/vectors.ts";
import { type GoldenRepository, readGoldenEntries, summaryOf } from "./golden-tree.ts";

const VERSIONS = ["v1"];
const repositories = VERSIONS.flatMap((version) =>
  readdirSync(`${import.meta.dirname}/${version}`).map((name) => `${version}/${name}`),
);

function expectedOf(name: string): GoldenRepository {
  const text = readFileSync(`${import.meta.dirname}/${name}/expected.json`, "utf8");
  return JSON.parse(text) as GoldenRepository;
}

function open(
  place: string,
  expected: GoldenRepository,
  platform: Platform = nativePlatform,
): Promise<Repository<LocalBackend>> {
  const { passphrase, keyFile } = expected;
  return openRepository({
    backend: new LocalBackend(place),
    platform,
    credentials: {
      passphrase: () => Promise.resolve(passphrase),
      keyFile: keyFile === undefined ? undefined : fromHex(keyFile),
    },
  });
}

async function expectContent(repository: Repository, expected: GoldenRepository): Promise<void> {
  const { index } = await loadIndex(repository);
  const { backend, keys, platform } = repository;
  const decoder = createPlatformDecoder(platform, keys);
  const readSide = createReadSide({ backend, index, decoder });
  const snapshots = await snapshotsOf(repository);
  expect(snapshots.map(({ id }) => id)).toEqual(expected.snapshots.map(({ id }) => id));
  const failures: string[] = [];
  for (const [i, snapshot] of snapshots.entries()) {
    const wanted = expected.snapshots[i];
    if (wanted === undefined) throw new Error("one snapshot too many");
    expect(snapshot).toMatchObject({
      timeNs: BigInt(wanted.timeNs),
      hostname: wanted.hostname,
      paths: wanted.paths.map(fromHex),
      tags: wanted.tags,
      seq: wanted.seq,
      root: wanted.root,
    });
    try {
      const { root } = await openSnapshotFs(readSide, snapshot);
      const { sample, ...summary } = summaryOf(await readGoldenEntries(root));
      // The first ones in full: they say what differs when the hash does.
      expect(sample).toEqual(wanted.sample);
      expect(summary).toEqual({ entries: wanted.entries, entriesSha256: wanted.entriesSha256 });
    } catch (error) {
      if (!isForgeError(error)) throw error;
      failures.push(error.code);
    }
  }
  expect(failures).toEqual(expected.failure === undefined ? [] : [expected.failure]);
}

describe.each(repositories)("%s", (name) => {
  const expected = expectedOf(name);
  const place = `${import.meta.dirname}/${name}/repository`;
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(`${tmpdir()}/forge-golden-`);
  });

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("opens and shows every byte that was put into it", async () => {
    const repository = await open(place, expected);
    expect(repository.config).toMatchObject({ id: expected.repositoryId, cipher: expected.cipher });
    await expectContent(repository, expected);
  });

  it("is read the same by what browsers have", async () => {
    await expectContent(await open(place, expected, await createWebPlatform()), expected);
  });

  it("has only sound objects", async () => {
    const repository = await open(place, expected);
    const problems: ForgeError[] = [];
    const report = await verifyObjects(repository, { onProblem: (error) => problems.push(error) });
    expect(problems).toEqual([]);
    expect(report.unindexedBlobs).toBe(expected.unindexedBlobs);
    const objects: Record<string, number> = {};
    for (const kind of OBJECT_KINDS) {
      const { length } = await repository.backend.list(kind);
      // A kind that came after the repository was made.
      if (length > 0 || kind in expected.objects) objects[kind] = length;
    }
    expect(objects).toEqual(expected.objects);
  });

  it("refuses a wrong passphrase", async () => {
    const wrong = { ...expected, passphrase: "wrong" };
    await expect(open(place, wrong)).rejects.toMatchObject({ code: "wrong-password" });
  });

  it("is written on by this forge, and what was there stays", async () => {
    cpSync(place, `${folder}/repository`, { recursive: true });
    const repository = await open(`${folder}/repository`, expected);
    mkdirSync(`${folder}/tree`);
    writeFileSync(`${folder}/tree/file`, noise(10_000, 1));
    const { snapshot } = await backUp(repository, `${folder}/tree`, { onNotice: () => undefined });
    if (snapshot === undefined) throw new Error("no snapshot");
    const lines = await snapshotLines(await readSideOf(repository), snapshot, `${folder}/tree`);
    expect(lines).toEqual(directoryLines(`${folder}/tree`));
    await repository.backend.delete([{ kind: "snapshots", name: snapshot.id }]);
    await expectContent(repository, expected);
  });
});

it("there is a golden repository of each kind", () => {
  expect(repositories).toEqual([
    "v1/aes",
    "v1/chacha",
    "v1/index-missing",
    "v1/interrupted",
    "v1/key-file",
    "v1/none",
  ]);
});
