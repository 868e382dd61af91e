/**
 * Repair, the whole flow: lease → fetch what a copy has → salvage damaged packs → index what is new →
 * set damaged packs aside → index without them → set other damaged objects aside → check again →
 * save what is left of damaged snapshots. New places come before old ones go, so it may stop anywhere;
 * the next repair goes on. No byte is deleted but those of index segments, which packs can make anew.
 */
import { ForgeError, isForgeError } from "../base/errors.ts";
import { type IndexId, type PackId, type SnapshotId, idBytes, idOf, parseId } from "../base/ids.ts";
import { equalBytes } from "../base/bytes.ts";
import { PACK_BYTES_MAX } from "../base/limits.ts";
import type { SyncPlatform } from "../platform/platform.ts";
import { listPlans } from "../repository/collection-plan.ts";
import { LEASE_TTL_MS, Lease, readLeases } from "../repository/lease.ts";
import type { Repository } from "../repository/repository.ts";
import { readSnapshot } from "../repository/snapshot-store.ts";
import type { Snapshot } from "../snapshots/snapshot.ts";
import { writeTombstone } from "../repository/tombstone.ts";
import type { Backend, ObjectRef } from "../storage/backend.ts";
import type { ChainEnd } from "../write/parent.ts";
import { type CheckOptions, checkRepository } from "./check.ts";
import { kindOfError } from "./check-findings.ts";
import type { CheckReport } from "./check-report.ts";
import type { Lost } from "./damaged-trees.ts";
import { examineObject } from "./examine-object.ts";
import { CheckedIndex } from "./index-source.ts";
import { type ListedPack, rebuildIndex } from "./rebuild-index.ts";
import type { RepairPlan, RepairStep } from "./repair-plan.ts";
import { rewriteSnapshot } from "./rewrite-snapshot.ts";
import { salvagePack } from "./salvage.ts";
import { setAside } from "./set-aside.ts";

/** What was done; each is told once. */
export type RepairEvent =
  | { readonly done: "fetched"; readonly ref: ObjectRef }
  | { readonly done: "salvaged"; readonly packId: PackId; readonly into: readonly ListedPack[] }
  | { readonly done: "indexed"; readonly packs: number; readonly dropped: number }
  | { readonly done: "set-aside"; readonly ref: ObjectRef; readonly aside: ObjectRef }
  | { readonly done: "left-out"; readonly snapshot: Snapshot; readonly lost: Lost }
  | { readonly done: "rewritten"; readonly original: Snapshot; readonly snapshot: Snapshot }
  /** A step that did not work; the others go on. */
  | { readonly done: "failed"; readonly error: ForgeError };

export interface RepairOptions extends Omit<
  CheckOptions,
  "repository" | "snapshot" | "readData" | "onPackVerified"
> {
  readonly repository: Repository<Backend>;
  readonly platform: SyncPlatform;
  /** A copy of the same repository, opened with its own passphrase. */
  readonly copy?: Repository | undefined;
  /** Snapshots that repair writes continue this chain. */
  readonly chain: { readonly writer: string; readonly last: ChainEnd | undefined };
  readonly hostname: string;
  readonly username: string;
  readonly pid: number;
  readonly program: string;
  /** Nanoseconds since 1970. */
  readonly now: () => bigint;
  readonly onEvent: (event: RepairEvent) => void;
}

/**
 * Does what `plan` says. Damaged snapshots are found anew when all else is done.
 *
 * @returns what a check without reading data finds afterwards.
 * @throws ForgeError "usage" when the copy is of another repository; "locked" while garbage is
 *   collected; "lease-lost", "no-space" and what the backend throws: then repair again.
 */
export async function applyRepair(plan: RepairPlan, options: RepairOptions): Promise<CheckReport> {
  const { repository, copy } = options;
  if (copy !== undefined) refuseOther(repository, copy);
  const lease = await Lease.acquire(repository, {
    purpose: "backup",
    hostname: options.hostname,
    pid: options.pid,
    startedNs: options.now(),
  });
  const stopBeating = lease.keepBeating();
  try {
    await refuseDuringCollection(repository, lease);
    return await new Repair(options, lease).run(plan);
  } finally {
    stopBeating();
    // The outcome stands: a lease that cannot be deleted ends by itself.
    await lease.release().catch((error: unknown) => {
      if (!isForgeError(error)) throw error;
    });
  }
}

/** Objects of a copy, for `planRepair`. @throws ForgeError "usage" when it is of another repository. */
export async function listCopy(
  repository: Repository,
  copy: Repository,
): Promise<ReadonlySet<string>> {
  refuseOther(repository, copy);
  const paths = new Set<string>();
  for (const kind of ["packs", "snapshots", "keys", "tombstones"] as const) {
    for (const { name } of await copy.backend.list(kind)) paths.add(`${kind}/${name}`);
  }
  return paths;
}

class Repair {
  readonly #options: RepairOptions;
  readonly #lease: Lease;
  #chain: RepairOptions["chain"];

  constructor(options: RepairOptions, lease: Lease) {
    this.#options = options;
    this.#lease = lease;
    this.#chain = options.chain;
  }

  async run(plan: RepairPlan): Promise<CheckReport> {
    const { repository } = this.#options;
    const { plans } = await listPlans(repository);
    await this.#lease.acknowledgePlans(plans.map(({ id }) => id));
    const condemned = new Set<string>(plans.flatMap(({ packs }) => packs));
    let report = await this.#repairObjects(plan);
    // A folder that was fetched may name others that are missing as well.
    const tried = new Set<string>();
    for (;;) {
      const packs = (await this.#packsOfCopy(report)).filter(({ name }) => !tried.has(name));
      if (packs.length === 0) break;
      for (const ref of packs) {
        tried.add(ref.name);
        await this.#attempt(() => this.#fetch(ref));
      }
      await this.#indexUnindexed();
      report = await this.#check();
    }
    if (report.damage.unreadable.length > 0) return report;
    for (const { snapshotId, affected } of report.damage.snapshots) {
      const ref = { kind: "snapshots", name: snapshotId } as const;
      if (affected.isWhole) await this.#attempt(() => this.#setAside(ref));
      else await this.#attempt(() => this.#rewrite(snapshotId, report, condemned));
    }
    return report.damage.snapshots.length === 0 ? report : this.#check();
  }

  /** Everything but snapshots that lost something. */
  async #repairObjects(plan: RepairPlan): Promise<CheckReport> {
    const { steps, report } = plan;
    const fetched = new Set<string>();
    for (const step of steps) {
      if (step.action !== "fetch" || step.ref.kind !== "packs") continue;
      if (await this.#attempt(() => this.#fetch(step.ref))) fetched.add(step.ref.name);
    }
    const damaged = await this.#salvage(
      report.damage.damagedPacks.filter(({ packId }) => !fetched.has(packId)),
    );
    await this.#indexUnindexed(new Set(damaged.map(({ packId }) => packId)));
    for (const { packId } of damaged) {
      await this.#attempt(() => this.#setAside({ kind: "packs", name: packId }));
    }
    await this.#replaceSegments(steps);
    for (const step of steps) {
      if (step.action === "set-aside" && step.ref.kind !== "snapshots") {
        await this.#attempt(() => this.#setAside(step.ref));
      } else if (step.action === "set-aside" && isDamagedObject(report, step.ref)) {
        await this.#attempt(() => this.#setAside(step.ref));
      } else if (step.action === "fetch" && step.ref.kind !== "packs") {
        await this.#attempt(() => this.#fetch(step.ref));
      }
    }
    return this.#check();
  }

  /** Copies an object from the copy; it is verified before anything is touched here. */
  async #fetch(ref: ObjectRef): Promise<void> {
    const { repository, copy } = this.#options;
    if (copy === undefined) return;
    const bytes = await copy.backend.read(ref, { bytesMax: PACK_BYTES_MAX });
    if (ref.kind === "packs") {
      const found = idOf<PackId>(await repository.platform.hash(bytes));
      if (found !== ref.name) {
        throw new ForgeError("corrupt", `Cannot use pack ${ref.name} of the copy: it is damaged`);
      }
    } else if (ref.kind === "snapshots" || ref.kind === "keys" || ref.kind === "tombstones") {
      await examineObject(copy, ref.kind, {
        name: ref.name,
        sizeBytes: bytes.length,
        modifiedMs: 0,
      });
    }
    if ((await repository.backend.stat(ref)) !== undefined) {
      const aside = await setAside(repository, ref);
      this.#options.onEvent({ done: "set-aside", ref, aside });
    }
    await repository.backend.put(ref, bytes);
    this.#options.onEvent({ done: "fetched", ref });
  }

  /** @returns those that are damaged indeed and from which all that is good was saved. */
  async #salvage(damaged: readonly ListedPack[]): Promise<readonly ListedPack[]> {
    const saved: ListedPack[] = [];
    if (damaged.length === 0) return saved;
    const { repository, platform, verifier, signal } = this.#options;
    const checked = await CheckedIndex.open(repository, signal);
    const bad = new Set<string>(damaged.map(({ packId }) => packId));
    const listed = new Set((await repository.backend.list("packs")).map(({ name }) => name));
    const isGoodPack = (packId: PackId): boolean => listed.has(packId) && !bad.has(packId);
    for (const pack of damaged) {
      await this.#attempt(async () => {
        const into = await salvagePack(pack, {
          ...{ repository, platform, verifier, checked, isGoodPack, signal },
        });
        if (into === undefined) return;
        saved.push(pack);
        this.#options.onEvent({ done: "salvaged", packId: pack.packId, into });
      });
    }
    return saved;
  }

  /** Writes segments for packs that no segment describes: the new ones and those of the dead. */
  async #indexUnindexed(except: ReadonlySet<string> = new Set()): Promise<void> {
    const { repository, signal } = this.#options;
    const checked = await CheckedIndex.open(repository, signal);
    const faulty = new Set<string>(checked.faults.map(({ id }) => id));
    const described = checked.packsOutside(faulty);
    const packs = (await this.#listPacks()).filter(
      ({ packId }) => !described.has(packId) && !except.has(packId),
    );
    await this.#index(packs, []);
  }

  /** Writes segments without what is damaged or gone, and lets go of those that have it. */
  async #replaceSegments(steps: readonly RepairStep[]): Promise<void> {
    const step = steps.find(({ action }) => action === "rebuild-index");
    if (step?.action !== "rebuild-index" || step.segments.length === 0) return;
    const { repository, signal } = this.#options;
    const { backend } = repository;
    const there = new Set((await backend.list("index")).map(({ name }) => name));
    const old = step.segments.filter((id) => there.has(id));
    const checked = await CheckedIndex.open(repository, signal);
    const faulty = new Set<IndexId>(checked.faults.map(({ id }) => id));
    const kept = checked.packsOutside(new Set<string>([...old, ...faulty]));
    const packs = (await this.#listPacks()).filter(({ packId }) => !kept.has(packId));
    if (!(await this.#index(packs, old))) return;
    for (const id of old) {
      // A readable segment holds nothing that its successors do not; a damaged one is kept.
      const ref = { kind: "index", name: id } as const;
      if (faulty.has(id)) await this.#attempt(() => this.#setAside(ref));
      else await backend.delete([ref]);
    }
  }

  /** @returns false when a pack could not be described, and so nothing may be superseded. */
  async #index(packs: readonly ListedPack[], superseded: readonly IndexId[]): Promise<boolean> {
    const { repository, signal } = this.#options;
    if (packs.length === 0 && superseded.length === 0) return true;
    const rebuilt = await rebuildIndex(repository, packs, { superseded, signal });
    const failed = new Set<PackId>();
    for (const { packId, error } of rebuilt.failures) {
      if (kindOfError(error) === "missing") continue;
      failed.add(packId);
      this.#options.onEvent({ done: "failed", error });
    }
    const rest = packs.filter(({ packId }) => !failed.has(packId));
    const { segments } =
      failed.size === 0 ? rebuilt : await rebuildIndex(repository, rest, { signal });
    const { backend } = repository;
    for (const { id, bytes } of segments) await backend.put({ kind: "index", name: id }, bytes);
    const dropped = failed.size === 0 ? superseded.length : 0;
    this.#options.onEvent({ done: "indexed", packs: rest.length, dropped });
    return failed.size === 0;
  }

  async #rewrite(
    id: Snapshot["id"],
    report: CheckReport,
    condemned: ReadonlySet<string>,
  ): Promise<void> {
    const { repository, platform, decoder, program, now, onEvent, idMemory, signal } =
      this.#options;
    const original = await readSnapshot(repository, id);
    const snapshot = await rewriteSnapshot(original, {
      ...{ repository, platform, decoder, program, condemned, idMemory, signal },
      lost: report.damage.lost,
      lease: this.#lease,
      chain: this.#chain,
      nowNs: now(),
      onLost: (lost) => onEvent({ done: "left-out", snapshot: original, lost }),
    });
    this.#chain = { ...this.#chain, last: snapshot };
    onEvent({ done: "rewritten", original, snapshot });
  }

  /** Packs of the copy that hold what is lost here and are not here. */
  async #packsOfCopy(report: CheckReport): Promise<readonly ObjectRef[]> {
    const { copy, signal } = this.#options;
    const { lost } = report.damage;
    if (copy === undefined || lost.size === 0) return [];
    const { index } = await CheckedIndex.open(copy, signal);
    const here = new Set((await this.#listPacks()).map(({ packId }) => packId));
    const wanted = new Set<PackId>();
    for (const set of [lost.trees, lost.lists, lost.data]) {
      for (let number = 0; number < set.size; number++) {
        const [place] = await index.find(set.idAt(number));
        if (place !== undefined && !here.has(place.packId)) wanted.add(place.packId);
      }
    }
    return [...wanted].map((name) => ({ kind: "packs", name }));
  }

  async #setAside(ref: ObjectRef): Promise<void> {
    if (ref.kind === "snapshots") await this.#bury(parseId<SnapshotId>(ref.name));
    const aside = await setAside(this.#options.repository, ref);
    this.#options.onEvent({ done: "set-aside", ref, aside });
  }

  /** A snapshot leaves a tombstone, so that its place in its writer's chain is accounted for. */
  async #bury(id: SnapshotId): Promise<void> {
    const { repository, hostname, username, now } = this.#options;
    const known = await readSnapshot(repository, id).catch((error: unknown) => {
      if (!isForgeError(error, "corrupt", "too-large")) throw error;
      return undefined;
    });
    const chain = known && { writer: known.writer, seq: known.seq };
    const reason = "forge check --repair: it cannot be read";
    const who = { deletedNs: now(), hostname, username, reason };
    await writeTombstone(repository, { id, ...who, chain, timeNs: known?.timeNs });
  }

  async #listPacks(): Promise<ListedPack[]> {
    const infos = await this.#options.repository.backend.list("packs");
    return infos.map(({ name, sizeBytes }) => ({
      packId: parseId<PackId>(name),
      packBytes: sizeBytes,
    }));
  }

  #check(): Promise<CheckReport> {
    const { repository, decoder, verifier, idMemory, onProgress, signal } = this.#options;
    return checkRepository({ repository, decoder, verifier, idMemory, onProgress, signal });
  }

  /**
   * One step. What is damaged or gone beyond this step's power is told and passed over; a storage
   * that fails ends the repair.
   */
  async #attempt(step: () => Promise<void>): Promise<boolean> {
    try {
      await step();
      return true;
    } catch (error) {
      if (!isForgeError(error, "corrupt", "missing-object", "too-large")) throw error;
      this.#options.onEvent({ done: "failed", error });
      return false;
    }
  }
}

function isDamagedObject({ damage }: CheckReport, { kind, name }: ObjectRef): boolean {
  return damage.objects.some((ref) => ref.kind === kind && ref.name === name);
}

function refuseOther(repository: Repository, copy: Repository): void {
  const { keys } = repository;
  const isSame =
    copy.config.id === repository.config.id &&
    equalBytes(idBytes(copy.config.id), keys.repositoryId) &&
    equalBytes(copy.keys.blobIdKeys.data, keys.blobIdKeys.data);
  if (isSame) return;
  throw new ForgeError(
    "usage",
    `Cannot repair from ${copy.backend.description}: it is another repository, not a copy of this one; its blobs have other names and other keys`,
  );
}

/** @param own Just acquired: its time is now, by the storage's clock. */
async function refuseDuringCollection(repository: Repository, own: Lease): Promise<void> {
  const leases = await readLeases(repository);
  const busy = leases.find(
    ({ content, newest }) =>
      content?.purpose === "collection" && own.lastBeatMs - newest.modifiedMs < LEASE_TTL_MS,
  );
  if (busy === undefined) return;
  const { hostname = "?", pid = 0 } = busy.content ?? {};
  throw new ForgeError(
    "locked",
    `Cannot repair while garbage is collected (by process ${pid} on ${hostname}); wait for its end, or "forge unlock" if it is dead`,
  );
}
