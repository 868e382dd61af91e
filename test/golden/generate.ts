/**
 * Makes the golden repositories of the current format version. Run by hand, once for each version of
 * the format, never by tests, and never over repositories that are committed: they show that this
 * forge still reads what older ones wrote.
 *
 *     node test/golden/generate.ts test/golden/v1
 */
import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  ftruncateSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";

import { type Bytes, toHex } from "../../engine/base/bytes.ts";
import { isForgeError } from "../../engine/base/errors.ts";
import { verifyObjects } from "../../engine/maintenance/verify-objects.ts";
import type { Cipher, Codec } from "../../engine/platform/platform.ts";
import { openSnapshotFs } from "../../engine/read/snapshot-fs.ts";
import type { Repository } from "../../engine/repository/repository.ts";
import { type Backend, OBJECT_KINDS } from "../../engine/storage/backend.ts";
import { LocalBackend } from "../../engine/storage/node/local.ts";
import {
  type BackUpOptions,
  PASSPHRASE,
  backUp,
  createSmallRepository,
  readSideOf,
  snapshotsOf,
} from "../helpers/backup-fixture.ts";
import { noise } from "../helpers/expected-tree.ts";
import { RecordingBackend } from "../helpers/recording-backend.ts";
import {
  type GoldenEntry,
  type GoldenRepository,
  type GoldenSnapshot,
  readGoldenEntries,
  summaryOf,
} from "./golden-tree.ts";

const [target] = process.argv.slice(2);
if (target === undefined || existsSync(target)) {
  throw new Error(
    "name a directory that does not exist; committed repositories are never made anew",
  );
}
const tree = "/var/tmp/forge-golden";
rmSync(tree, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
try {
  await make("aes", { cipher: "aes-256-gcm", codec: "zstd" }, async (repository, options) => {
    buildFullTree();
    await backUp(repository, tree, { ...options, tags: ["first", "größe"], label: "a label" });
    changeTree();
    await backUp(repository, tree, options);
  });
  await make("chacha", { cipher: "chacha20-poly1305", codec: "lz4" }, twoSnapshots);
  await make("none", { cipher: "none", codec: "none" }, twoSnapshots);
  const keyFile = noise(64, 9);
  await make("key-file", { cipher: "aes-256-gcm", codec: "zstd", keyFile }, twoSnapshots);
  await make(
    "interrupted",
    { cipher: "aes-256-gcm", codec: "zstd", dataPackBytes: 2048 },
    async (repository, options) => {
      await twoSnapshots(repository, options);
      for (let i = 0; i < 8; i++) writeFileSync(`${tree}/more-${i}`, noise(3000, 40 + i));
      // Its lease, some packs, the first index segment and one pack more are all there is of it.
      const inner = repository.backend;
      const changesMax = 11;
      const backend = new RecordingBackend(inner, { changesMax });
      await backUp({ ...repository, backend }, tree, options).catch((error: unknown) => {
        if (!isForgeError(error, "io")) throw error;
      });
    },
  );
  await make(
    "index-missing",
    { cipher: "aes-256-gcm", codec: "zstd" },
    async (repository, options) => {
      await twoSnapshots(repository, options);
      const segments = await repository.backend.list("index");
      const [last] = [...segments].sort((a, b) => b.modifiedMs - a.modifiedMs);
      await repository.backend.delete([{ kind: "index", name: last?.name ?? "" }]);
    },
  );
} finally {
  rmSync(tree, { recursive: true, force: true });
}

interface Kind {
  readonly cipher: Cipher;
  readonly codec: Codec;
  readonly keyFile?: Bytes;
  readonly dataPackBytes?: number;
}

async function make(
  name: string,
  { cipher, codec, keyFile, dataPackBytes = 8192 }: Kind,
  fill: (repository: Repository<Backend>, options: BackUpOptions) => Promise<void>,
): Promise<void> {
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(tree);
  const place = `${target ?? ""}/${name}`;
  mkdirSync(place);
  const backend = new LocalBackend(`${place}/repository`);
  const repository = await createSmallRepository({
    backend,
    cipher,
    ...(keyFile !== undefined && { keyFile }),
    dataPackBytes,
    treePackBytes: 8192,
  });
  await fill(repository, { compression: { codec, level: 3 } });
  const golden: GoldenRepository = {
    passphrase: PASSPHRASE,
    ...(keyFile !== undefined && { keyFile: toHex(keyFile) }),
    repositoryId: repository.config.id,
    cipher,
    ...(await contentOf(repository)),
    objects: await countObjects(backend),
  };
  writeFileSync(`${place}/expected.json`, `${JSON.stringify(golden, null, 1)}\n`);
  // Of leftovers of writing, git would keep nothing.
  for (const left of readdirSync(`${place}/repository/tmp`)) throw new Error(`left over: ${left}`);
  await backend.close();
}

async function contentOf(
  repository: Repository,
): Promise<Pick<GoldenRepository, "snapshots" | "failure" | "unindexedBlobs">> {
  const { unindexedBlobs } = await verifyObjects(repository, {
    onProblem: (error) => {
      throw error;
    },
  });
  const readSide = await readSideOf(repository);
  const snapshots: GoldenSnapshot[] = [];
  let failure: string | undefined;
  for (const snapshot of await snapshotsOf(repository)) {
    const entries: GoldenEntry[] = [];
    try {
      const { root } = await openSnapshotFs(readSide, snapshot);
      entries.push(...(await readGoldenEntries(root)));
    } catch (error) {
      if (!isForgeError(error)) throw error;
      failure = error.code;
    }
    snapshots.push({
      id: snapshot.id,
      timeNs: snapshot.timeNs.toString(),
      hostname: snapshot.hostname,
      paths: snapshot.paths.map(toHex),
      tags: snapshot.tags,
      seq: snapshot.seq,
      root: snapshot.root,
      ...summaryOf(entries),
    });
  }
  return { snapshots, ...(failure !== undefined && { failure }), unindexedBlobs };
}

async function countObjects(backend: Backend): Promise<Record<string, number>> {
  const count: Record<string, number> = {};
  for (const kind of OBJECT_KINDS) count[kind] = (await backend.list(kind)).length;
  return count;
}

async function twoSnapshots(
  repository: Repository<Backend>,
  options: BackUpOptions,
): Promise<void> {
  buildSmallTree();
  await backUp(repository, tree, options);
  changeTree();
  await backUp(repository, tree, options);
}

function buildSmallTree(): void {
  mkdirSync(`${tree}/sub/empty`, { recursive: true });
  writeFileSync(`${tree}/several-chunks`, noise(5000, 1));
  writeFileSync(`${tree}/text`, "all work and no play makes jack a dull boy\n".repeat(60));
  writeFileSync(`${tree}/empty`, "");
  writeFileSync(`${tree}/sub/changes`, "before");
  symlinkSync("../text", `${tree}/sub/link`);
  utimesSync(`${tree}/text`, 1, 1_234_567_890.5);
}

/** All that the format can say of a tree. */
function buildFullTree(): void {
  buildSmallTree();
  mkdirSync(`${tree}/names`);
  for (const name of [
    "ünïcödé",
    "🎉",
    " leading and trailing ",
    "new\nline",
    "-rf",
    "x".repeat(255),
  ]) {
    writeFileSync(`${tree}/names/${name}`, "a");
  }
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/names/`), Buffer.from([0xff, 0xfe])]), "bytes");
  linkSync(`${tree}/text`, `${tree}/sub/hard link`);
  // 400 chunks, all the same one: enough for a chunk list.
  writeFileSync(`${tree}/chunk-list`, new Uint8Array(400 * 1024));
  writeHoles("few-holes", 3);
  writeHoles("hole-list", 70);
  symlinkSync(Buffer.from([0x2f, 0xff, 0x2f]), `${tree}/sub/bytes link`);
  execFileSync("mkfifo", ["-m", "640", `${tree}/sub/fifo`]);
  execFileSync("mknod", [`${tree}/sub/device`, "c", "1", "3"]);
  execFileSync("setfattr", ["-n", "user.comment", "-v", "käse", `${tree}/text`]);
  execFileSync("setfattr", ["-n", "user.empty", `${tree}/sub`]);
  execFileSync("chown", ["12345:54321", `${tree}/empty`]);
  execFileSync("chmod", ["6755", `${tree}/several-chunks`]);
  mkdirSync(`${tree}/many`);
  for (let i = 0; i < 1100; i++) writeFileSync(`${tree}/many/${i}`, "");
  lutimesSync(`${tree}/sub/link`, 1, -1);
  utimesSync(`${tree}/sub/empty`, 1, 4_102_444_800);
}

function writeHoles(name: string, holes: number): void {
  const fd = openSync(`${tree}/${name}`, "w");
  for (let i = 0; i < holes; i++) {
    writeSync(fd, new Uint8Array(4096).fill(7), 0, 4096, (2 * i + 1) * 65_536);
  }
  ftruncateSync(fd, (2 * holes + 1) * 65_536);
  closeSync(fd);
}

function changeTree(): void {
  writeFileSync(`${tree}/sub/changes`, "after");
  writeFileSync(`${tree}/new`, noise(700, 5));
  rmSync(`${tree}/empty`);
}
