/**
 * Lease: a writer's sign of life, so that collection knows who is at work. A heartbeat is a new
 * object, never an overwrite, and its age is judged by the storage's clock alone: FORMAT.md "Leases".
 */
import { type Bytes, toHex, utf8 } from "../base/bytes.ts";
import { ForgeError, messageOf } from "../base/errors.ts";
import { type LeaseId, idBytes, parseId } from "../base/ids.ts";
import { LEASE_BYTES_MAX } from "../base/limits.ts";
import { openStandalone, sealStandalone } from "../crypto/standalone-object.ts";
import type { Backend, ObjectInfo } from "../storage/backend.ts";
import type { Repository } from "./repository.ts";

/** A lease whose newest beat is older than this is dead. */
export const LEASE_TTL_MS: number = 30 * 60 * 1000;
/** Its holder beats this often. */
export const LEASE_BEAT_MS: number = 5 * 60 * 1000;

export interface LeaseHolder {
  readonly purpose: "backup";
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
    lease.#lastBeatMs = await lease.#write(0);
    return lease;
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
    const previous = this.#ref(this.#beat);
    if ((await backend.stat(previous)) === undefined) {
      throw this.#lost("it was removed, as leases of writers that seem dead are");
    }
    // A number is used once: under that of a failed write an older object may stand.
    const beat = Math.max(...this.#written) + 1;
    const beatMs = await this.#write(beat);
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

/** Leases that are there, alive or not, with the age of each one's newest beat. */
export async function listLeases(
  repository: Repository,
): Promise<readonly { readonly id: LeaseId; readonly newest: ObjectInfo }[]> {
  const newest = new Map<LeaseId, ObjectInfo>();
  for (const info of await repository.backend.list("leases")) {
    const id = parseId<LeaseId>(info.name.slice(0, 64));
    const known = newest.get(id);
    if (known === undefined || known.name < info.name) newest.set(id, info);
  }
  return [...newest].map(([id, info]) => ({ id, newest: info }));
}

/** Who holds a lease, for messages. @throws ForgeError "corrupt" and what the backend throws. */
export async function readLease(
  repository: Repository,
  info: ObjectInfo,
): Promise<{ readonly hostname: string; readonly pid: number }> {
  const bytes = await repository.backend.read(
    { kind: "leases", name: info.name },
    { bytesMax: LEASE_BYTES_MAX },
  );
  const plain = await openStandalone(repository.platform, repository.keys, {
    kind: "lease",
    objectId: idBytes(parseId<LeaseId>(info.name.slice(0, 64))),
    beat: Number(info.name.slice(65)),
    bytes,
  });
  const value = parseJson(plain, info.name);
  if (typeof value === "object" && value !== null && "hostname" in value && "pid" in value) {
    const { hostname, pid } = value;
    if (typeof hostname === "string" && typeof pid === "number") return { hostname, pid };
  }
  throw new ForgeError("corrupt", `Cannot read lease ${info.name}: it names no host and process`);
}

function parseJson(plain: Bytes, name: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(plain));
  } catch (error) {
    throw new ForgeError("corrupt", `Cannot read lease ${name}: ${messageOf(error)}`);
  }
}
