/**
 * Adding, replacing and removing key slots. The order of every change: the new slot is stored, read
 * back and opened, and only then an old one goes; a crash anywhere leaves a slot that works.
 * FORMAT.md "Key slots", decisions/0010-keys.md.
 */
import { type Bytes, equalSecret } from "../base/bytes.ts";
import { ForgeError, isForgeError } from "../base/errors.ts";
import { type KeyId, idBytes } from "../base/ids.ts";
import { KEY_SLOTS_MAX, KEY_SLOT_BYTES_MAX } from "../base/limits.ts";
import type { KdfParameters } from "../crypto/kdf.ts";
import type { KeyMaterial } from "../crypto/key-ring.ts";
import { openKeySlot, readKeySlot, sealKeySlot } from "../crypto/key-slot.ts";
import { encodeKeyMaterial } from "../crypto/key-slot-format.ts";
import type { Backend } from "../storage/backend.ts";
import type { Repository } from "./repository.ts";
import {
  type KeySlotListing,
  type StoredKeySlot,
  findUnanswered,
  readEveryKeySlot,
  readKeySlots,
} from "./unlock.ts";

/** What opens a slot. */
export interface KeySecret {
  readonly password: string;
  /** Makes the slot need this file as well. */
  readonly keyFile?: Bytes | undefined;
}

export interface NewKeySlot extends KeySecret {
  /** For people. At most 255 bytes of UTF-8. */
  readonly label: string;
  readonly kdf: KdfParameters;
  readonly nowMs: number;
}

/** A repository that key slots can be stored in. */
type SlotRepository = Pick<Repository<Backend>, "backend" | "platform" | "config">;

/**
 * Stores a slot that wraps `material`, reads it back and opens it.
 *
 * @throws ForgeError "too-large" when there are as many slots as a reader tries, or the passphrase,
 *   key file or label is too long; "corrupt" when the storage does not give back what was stored: the
 *   slot is removed then. What the backend throws.
 */
export async function addKeySlot(
  repository: SlotRepository,
  material: KeyMaterial,
  slot: NewKeySlot,
): Promise<StoredKeySlot> {
  const { slots, unreadable } = await readKeySlots(repository);
  if (slots.length + unreadable.length >= KEY_SLOTS_MAX) {
    throw new ForgeError(
      "too-large",
      `Cannot add a key to the repository at ${repository.backend.description}: it has ${KEY_SLOTS_MAX} already, the most there can be; remove one with: forge key remove`,
    );
  }
  return storeKeySlot(repository, material, {
    ...slot,
    createdMs: createdAfter(slots, slot.nowMs),
  });
}

/** A time that sorts a new slot before all others, whatever the clocks of their makers said. */
export function createdAfter(slots: readonly StoredKeySlot[], nowMs: number): number {
  return slots.reduce((latest, { header }) => Math.max(latest, header.createdMs + 1), nowMs);
}

/** `addKeySlot` without looking at the others. */
export async function storeKeySlot(
  { backend, platform, config }: SlotRepository,
  material: KeyMaterial,
  slot: Omit<NewKeySlot, "nowMs"> & { readonly createdMs: number },
): Promise<StoredKeySlot> {
  const repositoryId = idBytes(config.id);
  const { id, bytes } = await sealKeySlot(platform, {
    ...slot,
    material,
    repositoryId,
    wrapCipher: config.cipher === "none" ? "aes-256-gcm" : config.cipher,
  });
  const ref = { kind: "keys", name: id } as const;
  await backend.put(ref, bytes);
  try {
    const stored = await backend.read(ref, { bytesMax: KEY_SLOT_BYTES_MAX });
    const opened = await openKeySlot(platform, { ...slot, bytes: stored, id, repositoryId });
    if (!equalSecret(encodeKeyMaterial(opened), encodeKeyMaterial(material))) {
      throw new ForgeError("corrupt", "it opens and holds other keys");
    }
  } catch (error) {
    // A storage that fails here may fail at this as well; a slot too many does no harm.
    await backend.delete([ref]).catch(() => undefined);
    if (!isForgeError(error)) throw error;
    throw new ForgeError(
      error.code === "wrong-password" ? "corrupt" : error.code,
      `Cannot add a key to the repository at ${backend.description}: the key was stored, but reading it back failed: ${error.message}; nothing was changed`,
      { cause: error },
    );
  }
  return { id, bytes, ...(await readKeySlot(platform, id, bytes)) };
}

/**
 * Removes a slot, unless nothing readable would be left to open the repository with. Whether someone
 * still knows the passphrases of the others is for the caller to ask. Copies of the storage made
 * before keep the slot, and it still opens them and everything of its key epochs.
 *
 * @throws ForgeError "not-found", "usage" when it is the last one; what the backend throws.
 */
export async function removeKeySlot(
  { backend, platform }: SlotRepository,
  id: KeyId,
): Promise<void> {
  const before = await readEveryKeySlot({ backend, platform });
  const removed = before.slots.find((slot) => slot.id === id);
  const isKnown = removed !== undefined || before.unreadable.some((slot) => slot.id === id);
  if (!isKnown) {
    throw new ForgeError("not-found", `Cannot remove key ${id.slice(0, 8)}: there is no such key`);
  }
  if (removed !== undefined && before.slots.length === 1) throw lastOne(id, before);
  const ref = { kind: "keys", name: id } as const;
  await backend.delete([ref]);
  if (removed === undefined) return;
  // Someone else may have removed the other one meanwhile: both come back rather than none.
  const after = await readKeySlots({ backend, platform });
  if (after.slots.length > 0 || findUnanswered(after) !== undefined) return;
  await backend.put(ref, removed.bytes);
  throw lastOne(id, after);
}

function lastOne(id: KeyId, { unreadable }: KeySlotListing): ForgeError {
  const others = unreadable.length === 0 ? "" : `, and the other ${unreadable.length} are damaged`;
  return new ForgeError(
    "usage",
    `Cannot remove key ${id.slice(0, 8)}: it is the only one that opens the repository${others}; add another one first: forge key add`,
  );
}

/**
 * Changes what opens a slot: a new one is added and proven, then the old one is removed. A crash
 * between leaves both.
 *
 * @returns the new slot. @throws those of `addKeySlot` and `removeKeySlot`.
 */
export async function replaceKeySlot(
  repository: SlotRepository,
  material: KeyMaterial,
  change: { readonly old: KeyId; readonly slot: NewKeySlot },
): Promise<StoredKeySlot> {
  const added = await addKeySlot(repository, material, change.slot);
  await removeKeySlot(repository, change.old);
  return added;
}
