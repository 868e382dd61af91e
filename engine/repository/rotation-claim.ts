/**
 * The claim to a rotation. Two rotations at once would each make a key for the same epoch number, and
 * what was sealed under one could not be opened by slots of the other. A lease whose id follows from
 * the epoch can be created by one of them only. FORMAT.md "Key epochs".
 */
import { type Bytes, concatBytes, utf8 } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";
import { type LeaseId, idBytes, idOf } from "../base/ids.ts";
import { sealStandalone } from "../crypto/standalone-object.ts";
import type { Backend } from "../storage/backend.ts";
import { LEASE_TTL_MS } from "./lease.ts";
import type { Repository } from "./repository.ts";

export interface RotationClaim {
  readonly hostname: string;
  readonly pid: number;
  /** Nanoseconds since 1970. */
  readonly startedNs: bigint;
}

/**
 * Runs `work` while holding the claim to make `epoch`.
 * @throws ForgeError "locked" when another rotation to this epoch is at work.
 */
export async function withRotationClaim<Result>(
  repository: Repository<Backend>,
  request: { readonly epoch: number; readonly holder: RotationClaim },
  work: () => Promise<Result>,
): Promise<Result> {
  const { backend } = repository;
  const id = await claimId(repository, request.epoch);
  const before = await claimsOf(backend, id);
  const beat = before.reduce((next, claim) => Math.max(next, claim.beat + 1), 0);
  const ref = { kind: "leases", name: nameOf(id, beat) } as const;
  const bytes = await sealClaim(repository, id, beat, request.holder);
  if ((await backend.put(ref, bytes)) === "exists") throw locked(backend);
  try {
    const own = await backend.stat(ref);
    for (const claim of await claimsOf(backend, id)) {
      if (claim.beat === beat || own === undefined) continue;
      if (own.modifiedMs - claim.modifiedMs <= LEASE_TTL_MS) throw locked(backend);
    }
    return await work();
  } finally {
    // A claim that stays dies by itself.
    await backend.delete([ref]).catch(() => undefined);
  }
}

async function claimId(repository: Repository, epoch: number): Promise<LeaseId> {
  const parts = [utf8("forge/v1/rotation"), idBytes(repository.config.id), new Uint8Array([epoch])];
  return idOf<LeaseId>(await repository.platform.hash(concatBytes(parts)));
}

async function claimsOf(
  backend: Backend,
  id: LeaseId,
): Promise<readonly { readonly beat: number; readonly modifiedMs: number }[]> {
  const infos = await backend.list("leases");
  return infos
    .filter(({ name }) => name.startsWith(`${id}.`))
    .map(({ name, modifiedMs }) => ({ beat: Number(name.slice(65)), modifiedMs }));
}

function sealClaim(
  { platform, keys }: Repository,
  id: LeaseId,
  beat: number,
  holder: RotationClaim,
): Promise<Bytes> {
  const { hostname, pid, startedNs } = holder;
  const started = startedNs.toString();
  const fields = { version: 1, purpose: "rotate-keys", hostname, pid, started, beat };
  const plain = utf8(JSON.stringify(fields));
  return sealStandalone(platform, keys, { kind: "lease", objectId: idBytes(id), plain, beat });
}

function nameOf(id: LeaseId, beat: number): string {
  return `${id}.${beat.toString().padStart(8, "0")}`;
}

function locked(backend: Backend): ForgeError {
  return new ForgeError(
    "locked",
    `Cannot rotate the keys of the repository at ${backend.description}: another rotation is at work, or was stopped less than ${LEASE_TTL_MS / 60_000} minutes ago; try again later`,
  );
}
