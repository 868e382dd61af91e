/** Unlocking: which key slot a passphrase opens, and the keys that come out of it. */
import { type ErrorCode, ForgeError, isForgeError } from "../base/errors.ts";
import { type KeyId, type RepositoryId, findId, idBytes } from "../base/ids.ts";
import { mapBounded } from "../base/concurrency.ts";
import { KEY_SLOTS_MAX, KEY_SLOT_BYTES_MAX } from "../base/limits.ts";
import type { Bytes } from "../base/bytes.ts";
import type { KeyMaterial } from "../crypto/key-ring.ts";
import { openKeySlot, readKeySlot } from "../crypto/key-slot.ts";
import type { KeySlotHeader } from "../crypto/key-slot-format.ts";
import type { Platform } from "../platform/platform.ts";
import type { ReadBackend } from "../storage/backend.ts";

/** A key slot as it lies in the storage. */
export interface StoredKeySlot {
  readonly id: KeyId;
  readonly bytes: Bytes;
  /** Authentic only if the slot opens, as is `epochs`. */
  readonly header: KeySlotHeader;
  /** How many epoch keys it holds. */
  readonly epochs: number;
}

export interface KeySlotListing {
  /** Those with the most epochs first, of equal ones the newest. */
  readonly slots: readonly StoredKeySlot[];
  readonly unreadable: readonly { readonly id: KeyId; readonly error: ForgeError }[];
}

/** What may be wrong with one key slot while another opens. */
const UNREADABLE: readonly ErrorCode[] = [
  "corrupt",
  "too-large",
  "unsupported-version",
  "missing-object",
  "permission",
  "io",
];

/** Slots are some hundred bytes: reading them waits for the storage. */
const READ_CONCURRENCY = 8;

/**
 * Every key slot; those of the newest epoch first, so that after a rotation which was interrupted the
 * new slot of a passphrase is the one that opens.
 *
 * @throws ForgeError "too-large" when there are more than a reader tries; what listing throws.
 */
export async function readKeySlots(
  {
    backend,
    platform,
  }: { readonly backend: ReadBackend; readonly platform: Pick<Platform, "hash"> },
  signal?: AbortSignal,
): Promise<KeySlotListing> {
  const infos = await backend.list("keys", { signal });
  if (infos.length > KEY_SLOTS_MAX) {
    throw new ForgeError(
      "too-large",
      `Cannot open the repository at ${backend.description}: it has ${infos.length} key slots, at most ${KEY_SLOTS_MAX} are tried`,
    );
  }
  const slots: StoredKeySlot[] = [];
  const unreadable: { readonly id: KeyId; readonly error: ForgeError }[] = [];
  const ids = infos.map(({ name }) => findId<KeyId>(name)).filter((id) => id !== undefined);
  await mapBounded(ids, { concurrency: READ_CONCURRENCY, signal }, async (id) => {
    try {
      const ref = { kind: "keys", name: id } as const;
      const bytes = await backend.read(ref, { bytesMax: KEY_SLOT_BYTES_MAX, signal });
      slots.push({ id, bytes, ...(await readKeySlot(platform, id, bytes)) });
    } catch (error) {
      if (!isForgeError(error, ...UNREADABLE)) throw error;
      unreadable.push({ id, error });
    }
  });
  slots.sort(
    (a, b) =>
      b.epochs - a.epochs || b.header.createdMs - a.header.createdMs || (a.id < b.id ? -1 : 1),
  );
  return { slots, unreadable };
}

/** What says nothing about a slot but that the storage did not give it. */
const UNANSWERED: readonly ErrorCode[] = ["io", "permission"];

/** The first error by which a slot may be whole and was not seen. */
export function findUnanswered({ unreadable }: KeySlotListing): ForgeError | undefined {
  return unreadable.find(({ error }) => UNANSWERED.includes(error.code))?.error;
}

/**
 * `readKeySlots` for who changes them: a slot that was not seen must not pass for a damaged one.
 * @throws the same, and what reading a slot throws that may be whole.
 */
export async function readEveryKeySlot(
  repository: Parameters<typeof readKeySlots>[0],
): Promise<KeySlotListing> {
  const listing = await readKeySlots(repository);
  const unanswered = findUnanswered(listing);
  if (unanswered !== undefined) throw unanswered;
  return listing;
}

export interface Unlocked {
  readonly material: KeyMaterial;
  /** The slot that opened. */
  readonly slot: StoredKeySlot;
}

export interface UnlockOptions {
  readonly backend: ReadBackend;
  readonly platform: Platform;
  readonly repositoryId: RepositoryId;
  /** Asked for once, after it is known that there are slots. */
  readonly passphrase: () => Promise<string>;
  readonly keyFile?: Bytes | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Tries the key slots in turn. A damaged one does not keep the others from opening.
 *
 * @throws ForgeError "wrong-password" when a slot is intact and none opens; "corrupt" and others
 *   when none can be read; "io" and "permission" when the one that would open may be among those that
 *   the storage did not give.
 */
export async function unlock(options: UnlockOptions): Promise<Unlocked> {
  const { backend, platform, keyFile, signal } = options;
  const { slots, unreadable } = await readKeySlots(options, signal);
  if (slots.length === 0 && unreadable.length === 0) {
    throw new ForgeError(
      "corrupt",
      `Cannot open the repository at ${backend.description}: it has no key slots, so no passphrase can open it; restore its "keys" folder from a copy, or use a recovery sheet: forge key import`,
    );
  }
  const password = await options.passphrase();
  let wrong: ForgeError | undefined;
  let damaged: ForgeError | undefined;
  const repositoryId = idBytes(options.repositoryId);
  for (const slot of slots) {
    const { id, bytes } = slot;
    try {
      const material = await openKeySlot(platform, { bytes, id, password, keyFile, repositoryId });
      return { material, slot };
    } catch (error) {
      if (isForgeError(error, "wrong-password")) wrong ??= error;
      else if (isForgeError(error, ...UNREADABLE)) damaged ??= error;
      else throw error;
    }
  }
  // A slot that was readable and did not open says more than one that could not be read.
  if (wrong === undefined) throw damaged ?? unreadableSlots(backend, unreadable);
  const tried = slots.length + unreadable.length;
  throw tried === 1 ? wrong : opensNone(options, { slots, unreadable }, wrong);
}

/** The key that fits may be damaged or need a key file: a person would doubt the passphrase. */
function opensNone(
  { backend, keyFile }: UnlockOptions,
  listing: KeySlotListing,
  cause: ForgeError,
): ForgeError {
  const { slots, unreadable } = listing;
  const unanswered = findUnanswered(listing);
  if (unanswered !== undefined) {
    return new ForgeError(
      unanswered.code,
      `Cannot open the repository at ${backend.description}: ${unreadable.length} of its ${slots.length + unreadable.length} keys could not be read, and the passphrase opens none of the others; the first: ${unanswered.message}`,
      { cause: unanswered },
    );
  }
  const withFile = slots.filter(({ header }) => header.needsKeyFile).length;
  const hints = [
    withFile > 0 && keyFile === undefined ? `${withFile} need a key file as well: --key-file` : "",
    unreadable.length > 0 ? `${unreadable.length} could not be read` : "",
  ].filter((hint) => hint !== "");
  return new ForgeError(
    "wrong-password",
    `Cannot open the repository at ${backend.description}: the passphrase${keyFile === undefined ? "" : " or the key file"} is wrong for each of its ${slots.length} keys${hints.length === 0 ? "" : ` (${hints.join("; ")})`}`,
    { cause },
  );
}

function unreadableSlots(
  backend: ReadBackend,
  unreadable: KeySlotListing["unreadable"],
): ForgeError {
  const first = unreadable[0]?.error;
  if (first !== undefined && unreadable.length === 1) return first;
  return new ForgeError(
    first?.code ?? "corrupt",
    `Cannot open the repository at ${backend.description}: none of its ${unreadable.length} key slots can be read; the first: ${first?.message ?? ""}`,
    { cause: first },
  );
}
