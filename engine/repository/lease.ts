/**
 * Lease: a writer's sign of life, so that collection knows who is at work. A heartbeat is a new
 * object, never an overwrite, and its age is judged by the storage's clock alone: FORMAT.md "Leases".
 */
import { type Bytes, toHex, utf8 } from "../base/bytes.ts";
import { ForgeError, isForgeError } from "../base/errors.ts";
import { type LeaseId, type PlanId, findId, idBytes, parseId } from "../base/ids.ts";
import { LEASE_BYTES_MAX } from "../base/limits.ts";
import { openStandalone, sealStandalone } from "../crypto/standalone-object.ts";
import type { Backend, ObjectInfo } from "../storage/backend.ts";
import { JsonFields } from "./json-object.ts";
import type { Repository } from "./repository.ts";

/** A lease whose newest beat is older than this is dead. */
export const LEASE_TTL_MS: number = 30 * 60 * 1000;
/** Its holder beats this often. */
export const LEASE_BEAT_MS: number = 5 * 60 * 1000;

/** Plans a lease can say it has seen: 67 bytes each. The sweep of any other waits for its end. */
const SEEN_PLANS_MAX = 500;

/** What a holder does: it adds snapshots, it collects garbage, or it only asks for the time. */
export type LeasePurpose = "backup" | "collection" | "unlock";

export interface LeaseHolder {
  readonly purpose: LeasePurpose;
  readonly hostname: string;
  readonly pid: number;
  /** Nanoseconds since 1970. */
  readonly startedNs: bigint;
}

export class Lease {
  readonly #repository: Repository<Backend>;
  readonly #holder: LeaseHolder;
  readonly #id: LeaseId;
  /** The newest beat that is certainly stored. */
  #beat = 0;
  #lastBeatMs = 0;
  #firstBeatMs = 0;
  #seenPlans: readonly PlanId[] = [];
  /** Beats that may be stored: a failed write may have come through, a failed delete may not. */
  readonly #written = new Set<number>();
  #beating: Promise<void> = Promise.resolve();

  private constructor(repository: Repository<Backend>, holder: LeaseHolder, id: LeaseId) {
    this.#repository = repository;
    this.#holder = holder;
    this.#id = id;
  }

  /** Registers the holder; from now on collection spares what it writes. */
  static async acquire(repository: Repository<Backend>, holder: LeaseHolder): Promise<Lease> {
    const id = parseId<LeaseId>(toHex(repository.platform.randomBytes(32)));
    const lease = new Lease(repository, holder, id);
    lease.#firstBeatMs = await lease.#write(0);
    lease.#lastBeatMs = lease.#firstBeatMs;
    return lease;
  }

  get id(): LeaseId {
    return this.#id;
  }

  /** When it was acquired, and its newest beat: by the storage's clock. */
  get firstBeatMs(): number {
    return this.#firstBeatMs;
  }

  get lastBeatMs(): number {
    return this.#lastBeatMs;
  }

  /**
   * Says, in all beats from now on, that the holder knows these collection plans and leaves their
   * packs alone: their sweep need not wait for it.
   * @param plans Listed after the lease was acquired.
   * @throws as `confirm`.
   */
  async acknowledgePlans(plans: readonly PlanId[]): Promise<void> {
    if (plans.length === 0) return;
    this.#seenPlans = plans.slice(0, SEEN_PLANS_MAX);
    await this.confirm();
  }

  /**
   * Heartbeats until the function returned is called. One that fails is not the end: the confirmation
   * before a commit decides.
   */
  keepBeating(): () => void {
    const timer = setInterval(() => {
      this.confirm().catch(() => undefined);
    }, LEASE_BEAT_MS);
    return () => {
      clearInterval(timer);
    };
  }

  /**
   * A heartbeat, and the proof that the lease has lived without a gap until now.
   * @throws ForgeError "lease-lost" when the time since the last beat was too long by the storage's
   *   clock, or the last beat was removed: nothing may be committed any more.
   */
  async confirm(): Promise<void> {
    const turn = this.#beating.then(() => this.#confirm());
    this.#beating = turn.catch(() => undefined);
    await turn;
  }

  /** Removes the lease. Call it after the last write, also of a failed backup. */
  async release(): Promise<void> {
    await this.#beating;
    await this.#delete([...this.#written]);
  }

  async #confirm(): Promise<void> {
    const backend = this.#repository.backend;
    // A number is used once: under that of a failed write an older object may stand.
    const beat = Math.max(...this.#written) + 1;
    const beatMs = await this.#write(beat);
    // The new beat first, then the look at the old one: who declares this lease dead removes the beats
    // it knows and lists them once more. Either it sees the new beat, or this sees the old one gone.
    if ((await backend.stat(this.#ref(this.#beat))) === undefined) {
      throw this.#lost("it was removed, as leases of writers that seem dead are");
    }
    const gapMs = beatMs - this.#lastBeatMs;
    if (gapMs > LEASE_TTL_MS) {
      throw this.#lost(`${Math.round(gapMs / 60_000)} minutes passed between two signs of life`);
    }
    this.#lastBeatMs = beatMs;
    this.#beat = beat;
    // What cannot be deleted now is tried again by `release`; the newest beat is what counts.
    await this.#delete([...this.#written].filter((old) => old < beat)).catch(() => undefined);
  }

  async #delete(beats: readonly number[]): Promise<void> {
    await this.#repository.backend.delete(beats.map((beat) => this.#ref(beat)));
    for (const beat of beats) this.#written.delete(beat);
  }

  /** @returns the storage's time of the beat. */
  async #write(beat: number): Promise<number> {
    const { backend, platform, keys } = this.#repository;
    const plain = utf8(
      JSON.stringify({
        version: 1,
        purpose: this.#holder.purpose,
        hostname: this.#holder.hostname,
        pid: this.#holder.pid,
        started: this.#holder.startedNs.toString(),
        beat,
        plans: this.#seenPlans.length === 0 ? undefined : this.#seenPlans,
      }),
    );
    const bytes: Bytes = await sealStandalone(platform, keys, {
      kind: "lease",
      objectId: idBytes(this.#id),
      plain,
      beat,
    });
    const ref = this.#ref(beat);
    this.#written.add(beat);
    await backend.put(ref, bytes);
    const info = await backend.stat(ref);
    if (info === undefined) throw this.#lost("its beat vanished right after it was written");
    return info.modifiedMs;
  }

  #ref(beat: number): { readonly kind: "leases"; readonly name: string } {
    return { kind: "leases", name: `${this.#id}.${beat.toString().padStart(8, "0")}` };
  }

  #lost(found: string): ForgeError {
    return new ForgeError(
      "lease-lost",
      `Cannot commit: the lease of this ${this.#holder.purpose} is no longer valid, ${found}; run it again, what was stored is reused`,
    );
  }
}

/** A lease as another client sees it. */
export interface ListedLease {
  readonly id: LeaseId;
  /** Its newest beat. */
  readonly newest: ObjectInfo;
}

/** Leases that are there, alive or not, with the age of each one's newest beat. */
export async function listLeases(repository: Repository): Promise<readonly ListedLease[]> {
  const newest = new Map<LeaseId, ObjectInfo>();
  for (const info of await repository.backend.list("leases")) {
    const id = parseId<LeaseId>(info.name.slice(0, 64));
    const known = newest.get(id);
    if (known === undefined || known.name < info.name) newest.set(id, info);
  }
  return [...newest].map(([id, info]) => ({ id, newest: info }));
}

/** What a lease says of its holder. */
export interface LeaseContent {
  readonly purpose: string;
  readonly hostname: string;
  readonly pid: number;
  /** By the holder's clock, nanoseconds since 1970. */
  readonly startedNs: bigint;
  /** Collection plans it has seen. */
  readonly plans: readonly PlanId[];
}

/** Who holds a lease. @throws ForgeError "corrupt" and what the backend throws. */
export async function readLease(repository: Repository, info: ObjectInfo): Promise<LeaseContent> {
  const bytes = await repository.backend.read(
    { kind: "leases", name: info.name },
    { bytesMax: LEASE_BYTES_MAX + 1024 },
  );
  const plain = await openStandalone(repository.platform, repository.keys, {
    kind: "lease",
    objectId: idBytes(parseId<LeaseId>(info.name.slice(0, 64))),
    beat: Number(info.name.slice(65)),
    bytes,
  });
  const fields = new JsonFields(plain, `lease ${info.name}`, 1);
  return {
    purpose: fields.string("purpose"),
    hostname: fields.string("hostname"),
    pid: fields.number("pid"),
    startedNs: fields.timeNs("started"),
    plans: fields
      .strings("plans")
      .map((id) => findId<PlanId>(id) ?? fields.fail("plans", "are no plan ids")),
  };
}

/** A lease with what it says; `content` is absent when it cannot be read. */
export interface KnownLease extends ListedLease {
  readonly content: LeaseContent | undefined;
}

/** `listLeases` with their contents. Those that end between listing and reading are left out. */
export async function readLeases(repository: Repository): Promise<readonly KnownLease[]> {
  const known: KnownLease[] = [];
  for (const lease of await listLeases(repository)) {
    try {
      known.push({ ...lease, content: await readLease(repository, lease.newest) });
    } catch (error) {
      if (!isForgeError(error)) throw error;
      // A heartbeat replaces the beat that was listed: the lease is alive all the more.
      if (error.code === "missing-object") {
        const again = (await listLeases(repository)).find(({ id }) => id === lease.id);
        if (again !== undefined) known.push({ ...again, content: undefined });
      } else if (error.code === "corrupt" || error.code === "unsupported-version") {
        known.push({ ...lease, content: undefined });
      } else throw error;
    }
  }
  return known;
}

/**
 * Ends the leases of others. Whoever holds one notices before it commits anything.
 * @returns those that are there again: their holders are alive, and notice all the same.
 */
export async function removeLeases(
  repository: Repository<Backend>,
  ids: ReadonlySet<LeaseId>,
): Promise<ReadonlySet<LeaseId>> {
  if (ids.size === 0) return new Set();
  const isOne = ({ name }: ObjectInfo): boolean => {
    const id = findId<LeaseId>(name.slice(0, 64));
    return id !== undefined && ids.has(id);
  };
  const infos = (await repository.backend.list("leases")).filter(isOne);
  await repository.backend.delete(infos.map(({ name }) => ({ kind: "leases", name })));
  const left = (await repository.backend.list("leases")).filter(isOne);
  return new Set(left.map(({ name }) => parseId<LeaseId>(name.slice(0, 64))));
}
