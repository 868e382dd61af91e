/**
 * One look into a repository from inside the engine, alone in its process: what opening costs apart
 * from the passphrase, a first listing, look-ups in the index. Prints one JSON object.
 *
 * node test/bench/scale/probe.ts open|lookup REPOSITORY      of the built engine
 */
import { readFileSync } from "node:fs";
import type { BlobId } from "../../../engine/base/ids.ts";
import type * as Engine from "../../../engine/node.ts";
import type { FsDirectory, IndexedRepository } from "../../../engine/node.ts";
import { PASSPHRASE } from "../tools/tool.ts";

export interface OpenReport {
  readonly blobs: number;
  readonly segments: number;
  /** Config, key slot and KDF. */
  readonly unlockMs: number;
  /** From there until every blob can be found and the snapshots are known. */
  readonly openMs: number;
  readonly openCpuMs: number;
  /** From there until the folders down to a user's, and their entries, were listed. */
  readonly firstListMs: number;
  readonly rssBytes: number;
  readonly peakBytes: number;
}

export interface LookupReport {
  readonly residentNs: number;
  readonly residentBlobs: number;
  readonly absentNs: number;
  readonly coldUs: number;
  readonly batchedUs: number;
  readonly peakBytes: number;
}

const RESIDENT_MAX = 400_000;
const COLD_COUNT = 2000;
const BATCH_COUNT = 20_000;

// As it is shipped; the sources would first have to be stripped of their types.
const engine = (await import(
  new URL("../../../dist/engine/node.js", import.meta.url).href
)) as typeof Engine;

async function probe(what: string, path: string): Promise<OpenReport | LookupReport> {
  const backend = new engine.LocalBackend(path);
  const begunMs = performance.now();
  const repository = await engine.openRepository({
    backend,
    credentials: { passphrase: () => Promise.resolve(PASSPHRASE) },
  });
  const unlockedMs = performance.now();
  const unlockedCpu = process.cpuUsage();
  const onProblem = (error: Error): void => {
    throw error;
  };
  const [indexed, snapshots] = await Promise.all([
    engine.loadIndex(repository, { onProblem }),
    engine.listSnapshots(repository, { onProblem }),
  ]);
  const openedMs = performance.now();
  const openCpu = process.cpuUsage(unlockedCpu);
  if (what === "lookup") return lookup(indexed);
  // Backups that were measured here are snapshots as well.
  const latest = snapshots.findLast(({ paths }) => paths.map(engine.displayName).includes("/home"));
  if (latest === undefined) throw new Error("a repository without snapshots");
  const readSide = engine.openReadSide(indexed);
  const fs = await engine.openSnapshotFs(readSide, latest);
  const entry = await engine.findEntry(fs.root, engine.splitPath(engine.utf8("/home/anna")));
  if (entry?.type !== "directory") throw new Error("no /home/anna in the newest snapshot");
  await listAll(entry);
  const listedMs = performance.now();
  await readSide.close();
  return {
    blobs: indexed.index.blobCount,
    segments: indexed.index.segmentIds().length,
    unlockMs: unlockedMs - begunMs,
    openMs: openedMs - unlockedMs,
    openCpuMs: (openCpu.user + openCpu.system) / 1000,
    firstListMs: listedMs - openedMs,
    rssBytes: process.memoryUsage.rss(),
    peakBytes: peakBytes(),
  };
}

async function listAll(folder: FsDirectory): Promise<number> {
  let count = 0;
  for (;;) {
    const entries = await folder.readEntries(count);
    if (entries.length === 0) return count;
    count += entries.length;
  }
}

async function lookup({ index }: IndexedRepository): Promise<LookupReport> {
  const { resident, cold, batch } = await sampleIds(index);
  const coldMs = await timed(async () => {
    for (const id of cold) if ((await index.find(id)).length === 0) throw new Error("not found");
  });
  const batchedMs = await timed(async () => {
    if ((await index.findMany(batch)).size < batch.length) throw new Error("not found");
  });
  // Into memory, then in another order than they lie there.
  for (const id of resident) await index.find(id);
  const known = resident.filter((id) => typeof index.peek(id) !== "string");
  const shuffled = known.toSorted((a, b) => (a.slice(20) < b.slice(20) ? -1 : 1));
  const residentMs = timedThread(() => {
    for (const id of shuffled) if (typeof index.peek(id) === "string") throw new Error("not there");
  });
  const absent = shuffled.map((id) => `${id.slice(32)}${id.slice(0, 32)}` as BlobId);
  const absentMs = timedThread(() => {
    for (const id of absent) index.peek(id);
  });
  return {
    residentNs: (residentMs * 1e6) / shuffled.length,
    residentBlobs: shuffled.length,
    absentNs: (absentMs * 1e6) / absent.length,
    coldUs: (coldMs * 1e3) / cold.length,
    batchedUs: (batchedMs * 1e3) / batch.length,
    peakBytes: peakBytes(),
  };
}

/** Ids from all over the index, without making its pages resident. */
async function sampleIds(index: IndexedRepository["index"]) {
  const step = Math.max(1, Math.floor(index.blobCount / (COLD_COUNT + BATCH_COUNT + 1000)));
  const spread: BlobId[] = [];
  const resident: BlobId[] = [];
  let number = 0;
  for await (const { id } of index.locations()) {
    if (resident.length < RESIDENT_MAX) resident.push(id);
    if (++number % step === 0) spread.push(id);
  }
  spread.sort((a, b) => (a.slice(20) < b.slice(20) ? -1 : 1));
  return {
    resident,
    cold: spread.slice(0, COLD_COUNT),
    batch: spread.slice(COLD_COUNT, COLD_COUNT + BATCH_COUNT),
  };
}

async function timed(work: () => void | Promise<void>): Promise<number> {
  const begunMs = performance.now();
  await work();
  return performance.now() - begunMs;
}

/** The second of two runs, by the clock of this thread: what others do with the processor is not in it. */
function timedThread(work: () => void): number {
  work();
  const begun = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(begun);
  return (user + system) / 1000;
}

function peakBytes(): number {
  const status = readFileSync("/proc/self/status", "utf8");
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

const [what = "", path = ""] = process.argv.slice(2);
process.stdout.write(`${JSON.stringify(await probe(what, path))}\n`);
process.exit();
