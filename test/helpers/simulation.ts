/**
 * The real code of backups, collections, deletions and reads over one storage in memory, one storage
 * operation at a time, in an order that a seed decides; processes die, and the storage's clock runs
 * and jumps, as the seed has it. What is acknowledged must stay whole, and readers of what is not
 * deleted must never fail.
 */
import { tmpdir } from "node:os";
import type { Bytes } from "../../engine/base/bytes.ts";
import { ForgeError, isForgeError } from "../../engine/base/errors.ts";
import { type SnapshotId, idOf } from "../../engine/base/ids.ts";
import { createKeyMaterial, deriveKeyRing } from "../../engine/crypto/master-key.ts";
import { nativePlatform, nativeSyncPlatform } from "../../engine/platform/node/native.ts";
import { createPlatformDecoder } from "../../engine/read/platform-decoder.ts";
import { type ReadSide, createReadSide } from "../../engine/read/read-side.ts";
import { findEntry } from "../../engine/read/readonly-fs.ts";
import { openSnapshotFs } from "../../engine/read/snapshot-fs.ts";
import { DEFAULT_CHUNKER } from "../../engine/repository/config.ts";
import {
  type IndexedRepository,
  type Repository,
  loadIndex,
} from "../../engine/repository/repository.ts";
import { listSnapshots } from "../../engine/repository/snapshot-store.ts";
import type { Snapshot } from "../../engine/snapshots/snapshot.ts";
import { type Backend, type ObjectRef, objectPath } from "../../engine/storage/backend.ts";
import { MemoryBackend } from "../../engine/storage/memory.ts";
import { backup } from "../../engine/write/backup.ts";
import { BYTES_PER_NUMBERED_ID } from "../../engine/base/blob-id-set.ts";
import { collect } from "../../engine/maintenance/collect.ts";
import { openScratchFile } from "../../engine/maintenance/node/scratch-file.ts";
import { deleteSnapshot } from "../../engine/repository/tombstone.ts";
import { findChainEnd, findParent } from "../../engine/write/parent.ts";
import { problemsOf } from "./collection-fixture.ts";
import type { SeededRandom } from "./seeded-random.ts";
import { type SimulatedTree, contentOf, inlinePool, simulatedSource } from "./simulated-source.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Errors that end an operation when others were in the way; nothing is lost by them. */
const GIVES_UP = ["lease-lost", "missing-object", "locked"] as const;

interface Turn {
  readonly actor: Actor;
  readonly what: string;
  readonly changes: boolean;
  readonly go: (outcome: "done" | "dead" | "dead, but done") => void;
}

interface Actor {
  readonly name: string;
  isDead: boolean;
  isDone: boolean;
}

/** A snapshot that was acknowledged. */
interface Promised {
  readonly tree: SimulatedTree;
  /** From when somebody began to delete it, it may be gone or not. */
  isDoomed: boolean;
}

export interface SimulationOptions {
  readonly random: SeededRandom;
  /** Chance that a turn kills its actor. */
  readonly deaths: number;
  /** Chance that the clock jumps by up to a day between two turns. */
  readonly jumps: number;
  /** Called with every storage operation as it happens. */
  readonly onOperation?: ((operation: string) => void) | undefined;
}

export interface SimulationCounts {
  operations: number;
  acknowledged: number;
  gaveUp: number;
  deaths: number;
  sweptPacks: number;
  rescuedBlobs: number;
  reads: number;
}

let keysForAll: Promise<Repository["keys"]> | undefined;

export class Simulation {
  readonly counts: SimulationCounts = {
    operations: 0,
    acknowledged: 0,
    gaveUp: 0,
    deaths: 0,
    sweptPacks: 0,
    rescuedBlobs: 0,
    reads: 0,
  };
  readonly memory: MemoryBackend;
  readonly #options: SimulationOptions;
  readonly #repository: Repository<Backend>;
  readonly #promised = new Map<SnapshotId, Promised>();
  readonly #actors: Actor[] = [];
  readonly #failures: string[] = [];
  #turns: Turn[] = [];
  #nowMs = 1_700_000_000_000;

  private constructor(options: SimulationOptions, keys: Repository["keys"]) {
    this.#options = options;
    this.memory = new MemoryBackend({ nowMs: () => this.#nowMs });
    this.#repository = {
      backend: this.memory,
      platform: nativePlatform,
      keys,
      config: {
        id: idOf<Repository["config"]["id"]>(keys.repositoryId),
        cipher: keys.cipher,
        chunker: DEFAULT_CHUNKER,
        dataPackBytes: 700,
        treePackBytes: 700,
        createdMs: 0,
      },
    };
  }

  static async create(options: SimulationOptions): Promise<Simulation> {
    keysForAll ??= deriveKeyRing(nativePlatform, createKeyMaterial(nativePlatform), {
      repositoryId: nativePlatform.randomBytes(32),
      cipher: "aes-256-gcm",
    });
    return new Simulation(options, await keysForAll);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Acknowledged and not deleted. */
  get promised(): ReadonlyMap<SnapshotId, Promised> {
    return this.#promised;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
  }

  /** Begins a process; it comes to its turns in `run`. */
  start(name: string, work: (repository: Repository<Backend>) => Promise<void>): void {
    const actor: Actor = { name, isDead: false, isDone: false };
    this.#actors.push(actor);
    const repository = { ...this.#repository, backend: this.#backendOf(actor) };
    work(repository)
      .catch((error: unknown) => {
        if (actor.isDead) return;
        if (isForgeError(error, ...GIVES_UP)) this.counts.gaveUp++;
        else
          this.#failures.push(
            `${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
          );
      })
      .finally(() => {
        actor.isDone = true;
      });
  }

  /** Gives turns until every process has ended. */
  async run(): Promise<void> {
    const { random, deaths, jumps } = this.#options;
    for (;;) {
      await this.#settle();
      if (this.#turns.length === 0) {
        if (this.#actors.every(({ isDone }) => isDone)) break;
        throw new Error("a process waits for nothing");
      }
      const [turn] = this.#turns.splice(random.below(this.#turns.length), 1);
      if (turn === undefined) continue;
      this.#nowMs += random.below(2000);
      if (random.chance(jumps))
        this.#nowMs += random.below(random.pick([10, 40, 60 * 30]) * MINUTE_MS);
      if (turn.actor.isDead) {
        turn.go("dead");
        continue;
      }
      this.counts.operations++;
      if (!random.chance(deaths)) {
        this.#options.onOperation?.(`${turn.actor.name} ${turn.what}`);
        turn.go("done");
        continue;
      }
      turn.actor.isDead = true;
      this.counts.deaths++;
      turn.go(turn.changes && random.chance(0.5) ? "dead, but done" : "dead");
    }
    this.#actors.length = 0;
    if (this.#failures.length > 0) throw new Error(this.#failures.join("\n"));
  }

  async backUp(repository: Repository<Backend>, host: string, tree: SimulatedTree): Promise<void> {
    const indexed = await loadIndex(repository, { onProblem: fail });
    const snapshots = await listSnapshots(repository, { onProblem: fail });
    const paths = [new Uint8Array([0x2f])];
    const writer = host.charCodeAt(0).toString(16).padStart(32, "0");
    const { snapshot } = await backup({
      repository: indexed,
      readSide: readSideOf(indexed),
      source: simulatedSource(tree),
      paths,
      parent: findParent(snapshots, { hostname: host, paths }),
      chain: { writer, last: findChainEnd(snapshots, writer) },
      platform: nativeSyncPlatform,
      createPool: inlinePool,
      compression: { codec: "none", level: 0 },
      hostname: host,
      username: "user",
      pid: 1,
      program: "forge test",
      tags: [],
      now: () => BigInt(this.#nowMs) * 1_000_000n,
      onProblem: ({ error }) => {
        throw error;
      },
    });
    if (snapshot === undefined) throw new Error("no snapshot");
    this.#promised.set(snapshot.id, { tree, isDoomed: false });
    this.counts.acknowledged++;
  }

  async collect(
    repository: Repository<Backend>,
    options: { readonly graceMs: number; readonly threshold: number },
  ): Promise<void> {
    const indexed = await loadIndex(repository, { onProblem: fail });
    const { sweep } = await collect({
      repository: indexed,
      readSide: readSideOf(indexed),
      platform: nativeSyncPlatform,
      hostname: "collector",
      pid: 1,
      nowNs: BigInt(this.#nowMs) * 1_000_000n,
      ...options,
      overridePlans: options.graceMs === 0,
      // So few ids in memory that most of them pass through scratch.
      idMemory: { bytes: 5 * BYTES_PER_NUMBERED_ID, openScratch: () => openScratchFile(tmpdir()) },
      onProblem: fail,
    });
    this.counts.sweptPacks += sweep?.deletedPacks ?? 0;
    this.counts.rescuedBlobs += sweep?.rescuedBlobs ?? 0;
  }

  async delete(
    repository: Repository<Backend>,
    choose: (from: readonly Snapshot[]) => readonly Snapshot[],
  ): Promise<void> {
    const snapshots = await listSnapshots(repository, { onProblem: fail });
    for (const snapshot of choose(snapshots)) {
      const promised = this.#promised.get(snapshot.id);
      // One that is there and not acknowledged yet is its backup's own affair.
      if (promised === undefined) continue;
      promised.isDoomed = true;
      await deleteSnapshot(repository, snapshot, {
        nowNs: BigInt(this.#nowMs) * 1_000_000n,
        hostname: "deleter",
        username: "user",
        reason: "test",
      });
      this.#promised.delete(snapshot.id);
    }
  }

  /** Reads a snapshot; it may only fail when the snapshot is deleted meanwhile. */
  async read(repository: Repository<Backend>, random: SeededRandom): Promise<void> {
    const ids = [...this.#promised.keys()];
    if (ids.length === 0) return;
    const id = random.pick(ids);
    const promised = this.#promised.get(id);
    if (promised === undefined) return;
    const readSide = readSideOf(await loadIndex(repository, { onProblem: fail }));
    try {
      const snapshots = await listSnapshots(repository, { onProblem: fail });
      const snapshot = snapshots.find((one) => one.id === id);
      if (snapshot === undefined) throw new ForgeError("missing-object", `snapshot ${id} is gone`);
      await expectTree(readSide, snapshot, promised.tree);
      this.counts.reads++;
    } catch (error) {
      if (promised.isDoomed && isForgeError(error, "missing-object")) return;
      throw isForgeError(error)
        ? new Error(`a reader met: ${error.message}`, { cause: error })
        : error;
    }
  }

  /**
   * All processes are gone: the next collection needs no help, what was acknowledged is whole, and
   * nothing is wrong with any object.
   */
  async finish(): Promise<void> {
    const repository = this.#repository;
    this.#nowMs += HOUR_MS;
    await this.#dropBrokenUnacknowledged();
    await this.collect(repository, { graceMs: 0, threshold: 0.1 });
    const readSide = readSideOf(await loadIndex(repository, { onProblem: fail }));
    const snapshots = await listSnapshots(repository, { onProblem: fail });
    for (const [id, { tree, isDoomed }] of this.#promised) {
      const snapshot = snapshots.find((one) => one.id === id);
      if (snapshot !== undefined) await expectTree(readSide, snapshot, tree);
      else if (!isDoomed) throw new Error(`snapshot ${id} was acknowledged and is gone`);
    }
    const problems = await problemsOf(repository);
    if (problems.length > 0) throw new Error(problems.join("\n"));
    if ((await this.memory.list("gc")).length > 0) throw new Error("a plan is left");
  }

  /**
   * A backup that lost its lease and died before it could take its snapshot away, of which nobody was
   * told, is what "forge check" reports and "forge delete" removes.
   */
  async #dropBrokenUnacknowledged(): Promise<void> {
    const repository = this.#repository;
    const readSide = readSideOf(await loadIndex(repository, { onProblem: fail }));
    for (const snapshot of await listSnapshots(repository, { onProblem: fail })) {
      if (this.#promised.has(snapshot.id)) continue;
      try {
        await readAll(readSide, snapshot);
      } catch {
        await this.memory.delete([{ kind: "snapshots", name: snapshot.id }]);
      }
    }
  }

  #backendOf(actor: Actor): Backend {
    const { memory } = this;
    const turn = <Result>(
      what: string,
      changes: boolean,
      act: () => Promise<Result>,
    ): Promise<Result> =>
      new Promise((resolve, reject) => {
        const dead = (): void => reject(new ForgeError("io", "The process is dead"));
        const go: Turn["go"] = (outcome) => {
          if (outcome === "dead") {
            dead();
            return;
          }
          act().then(outcome === "done" ? resolve : dead, reject);
        };
        this.#turns.push({ actor, what, changes, go });
      });
    return {
      description: "simulated",
      read: (ref, options) => turn(`read ${ref.kind}`, false, () => memory.read(ref, options)),
      list: (kind, options) => turn(`list ${kind}`, false, () => memory.list(kind, options)),
      stat: (ref) => turn(`stat ${ref.kind}`, false, () => memory.stat(ref)),
      put: (ref: ObjectRef, data: Bytes) => {
        const copy = data.slice();
        return turn(`put ${objectPath(ref)}`, true, () => memory.put(ref, copy));
      },
      replace: (ref: ObjectRef, data: Bytes) => {
        const copy = data.slice();
        return turn(`replace ${objectPath(ref)}`, true, () => memory.replace(ref, copy));
      },
      delete: async (refs) => {
        for (const ref of refs) {
          await turn(`delete ${objectPath(ref)}`, true, () => memory.delete([ref]));
        }
      },
      create: () => memory.create(),
      close: () => Promise.resolve(),
    };
  }

  /** Waits until every process has ended or waits for its turn. */
  async #settle(): Promise<void> {
    for (let idle = 0; idle < 200; idle++) {
      await new Promise((resolve) => setImmediate(resolve));
      const waiting = new Set(this.#turns.map(({ actor }) => actor));
      if (this.#actors.every((actor) => actor.isDone || waiting.has(actor))) return;
    }
  }
}

function readSideOf(repository: IndexedRepository): ReadSide {
  return createReadSide({
    backend: repository.backend,
    index: repository.index,
    decoder: createPlatformDecoder(nativePlatform, repository.keys),
  });
}

async function readAll(readSide: ReadSide, snapshot: Snapshot): Promise<Bytes[]> {
  const { root } = await openSnapshotFs(readSide, snapshot);
  const directory = await findEntry(root, [new TextEncoder().encode("d")]);
  if (directory?.type !== "directory") throw new Error("the folder is not there");
  const contents: Bytes[] = [];
  for (const entry of await directory.readEntries(0)) {
    if (entry.type !== "file") throw new Error("an entry is no file");
    contents.push(await entry.read({ offset: 0, length: entry.attributes.sizeBytes }));
  }
  return contents;
}

async function expectTree(
  readSide: ReadSide,
  snapshot: Snapshot,
  tree: SimulatedTree,
): Promise<void> {
  const contents = await readAll(readSide, snapshot);
  if (contents.length !== tree.length) throw new Error(`${contents.length} files`);
  tree.forEach((number, i) => {
    if (Buffer.compare(contents[i] ?? new Uint8Array(0), contentOf(number)) !== 0) {
      throw new Error(`file ${i} of snapshot ${snapshot.id} has another content`);
    }
  });
}

function fail(error: ForgeError): never {
  throw error;
}
