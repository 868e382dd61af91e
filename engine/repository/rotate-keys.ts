/**
 * Key epochs. A rotation makes a new sealing key and new slots for everyone whose passphrase is given;
 * the other slots go, because a slot that stays would need its passphrase to learn the new key, and
 * one that can be told it without is no protection from whoever stole it. decisions/0010-keys.md.
 */
import type { Bytes } from "../base/bytes.ts";
import { idBytes } from "../base/ids.ts";
import { ForgeError, isForgeError } from "../base/errors.ts";
import { KEY_EPOCHS_MAX, KEY_SLOTS_MAX } from "../base/limits.ts";
import type { KdfParameters } from "../crypto/kdf.ts";
import type { KeyMaterial } from "../crypto/key-ring.ts";
import { openKeySlot } from "../crypto/key-slot.ts";
import type { Backend } from "../storage/backend.ts";
import { type KeySecret, createdAfter, storeKeySlot } from "./key-slots.ts";
import type { Repository, UnlockedRepository } from "./repository.ts";
import { type RotationClaim, withRotationClaim } from "./rotation-claim.ts";
import { type KeySlotListing, type StoredKeySlot, readEveryKeySlot } from "./unlock.ts";

/** What somebody whose key shall go on working gave. */
export interface RotationSecret {
  readonly password: string;
  /** One of them is tried where a slot needs a key file. */
  readonly keyFiles: readonly Bytes[];
}

export interface RotationPlan {
  /** Slots that are made anew with the new key, each with what opens it. Never empty. */
  readonly kept: readonly { readonly slot: StoredKeySlot; readonly secret: KeySecret }[];
  /** Others that the same secrets open, as an interrupted rotation leaves them: they go. */
  readonly doubles: readonly StoredKeySlot[];
  /** Slots that will be gone: nobody gave what opens them. */
  readonly lost: readonly StoredKeySlot[];
  /** Damaged ones; they go as well. */
  readonly unreadable: KeySlotListing["unreadable"];
  /** Number of the new epoch. */
  readonly epoch: number;
}

/**
 * Finds out which slots the given secrets open. The first secret is of who rotates. Takes the KDF of every slot for every secret.
 *
 * @throws ForgeError "wrong-password" when one of the secrets opens no slot; "too-large" when there
 *   are too many epochs or slots.
 */
export async function planRotation(
  { repository, material }: UnlockedRepository<Backend>,
  secrets: readonly RotationSecret[],
): Promise<RotationPlan> {
  const { backend } = repository;
  const epoch = material.epochKeys.length;
  if (epoch >= KEY_EPOCHS_MAX) {
    throw new ForgeError(
      "too-large",
      `Cannot rotate the keys of the repository at ${backend.description}: it has ${epoch} key epochs, the most there can be`,
    );
  }
  const { slots, unreadable } = await readEveryKeySlot(repository);
  refuseOldKeys(backend, slots, epoch);
  const kept: { slot: StoredKeySlot; secret: KeySecret; index: number }[] = [];
  const doubles: StoredKeySlot[] = [];
  const used = new Set<string>();
  for (const slot of slots) {
    const fitting = await findSecret(repository, slot, secrets);
    if (fitting === undefined) continue;
    const use = `${fitting.index} ${slot.header.needsKeyFile ? "and key file" : "alone"}`;
    if (used.has(use)) doubles.push(slot);
    else kept.push({ slot, ...fitting });
    used.add(use);
  }
  const unusedAt = secrets.findIndex((_, i) => ![...used].some((use) => use.startsWith(`${i} `)));
  if (unusedAt !== -1 || kept.length === 0) {
    throw new ForgeError(
      "wrong-password",
      `Cannot rotate the keys of the repository at ${backend.description}: passphrase ${unusedAt + 1} of ${secrets.length} opens no key; nothing was changed`,
    );
  }
  if (slots.length + unreadable.length + kept.length > KEY_SLOTS_MAX) {
    throw new ForgeError(
      "too-large",
      `Cannot rotate the keys of the repository at ${backend.description}: with new ones beside the old ones there would be more than ${KEY_SLOTS_MAX}; remove some first: forge key remove`,
    );
  }
  // Who rotates comes first: after a crash at any point it is a key of theirs that can go on.
  kept.sort((a, b) => a.index - b.index);
  const opened = new Set([...kept.map(({ slot }) => slot), ...doubles]);
  const lost = slots.filter((slot) => !opened.has(slot));
  return { kept, doubles, lost, unreadable, epoch };
}

/** Which of the secrets opens a slot, as the new slot will need it. */
async function findSecret(
  { platform, config }: Repository,
  { id, bytes, header }: StoredKeySlot,
  secrets: readonly RotationSecret[],
): Promise<{ readonly index: number; readonly secret: KeySecret } | undefined> {
  const repositoryId = idBytes(config.id);
  for (const [index, { password, keyFiles }] of secrets.entries()) {
    // A slot that needs no key file must not need one afterwards only because one was named.
    for (const keyFile of header.needsKeyFile ? keyFiles : [undefined]) {
      const secret = { password, keyFile };
      try {
        await openKeySlot(platform, { ...secret, id, bytes, repositoryId });
        return { index, secret };
      } catch (error) {
        if (!isForgeError(error, "wrong-password", "corrupt")) throw error;
      }
    }
  }
  return undefined;
}

/** Whoever does not know the newest epoch would make a second key of its number. */
function refuseOldKeys(backend: Backend, slots: readonly StoredKeySlot[], epochs: number): void {
  const newer = slots.find((slot) => slot.epochs > epochs);
  if (newer === undefined) return;
  throw new ForgeError(
    "newer-keys",
    `Cannot rotate the keys of the repository at ${backend.description}: key ${newer.id.slice(0, 8)} is of a rotation that the key used here has not seen; use one of the newest (forge key list), or remove it if it is not genuine`,
  );
}

export interface RotationResult {
  readonly material: KeyMaterial;
  readonly slots: readonly StoredKeySlot[];
}

export interface RotationOptions {
  readonly kdf: KdfParameters;
  readonly nowMs: number;
  readonly holder: RotationClaim;
}

/**
 * Makes the new epoch: stores and proves every new slot, then deletes all old ones. A crash before the
 * deletions leaves old and new slots side by side; the new ones are tried first.
 *
 * @throws ForgeError "locked" when another rotation is at work; "newer-keys" when one was done
 *   meanwhile; what storing and deleting throw. Nothing is lost then, and rotating again ends it.
 */
export async function applyRotation(
  { repository, material }: UnlockedRepository<Backend>,
  plan: RotationPlan,
  options: RotationOptions,
): Promise<RotationResult> {
  const { backend, platform } = repository;
  const { kept, doubles, lost, unreadable, epoch } = plan;
  const next: KeyMaterial = {
    masterKey: material.masterKey,
    epochKeys: [...material.epochKeys, platform.randomBytes(32)],
  };
  return withRotationClaim(repository, { epoch, holder: options.holder }, async () => {
    // Since the plan was made, somebody else may have done it.
    refuseOldKeys(backend, (await readEveryKeySlot(repository)).slots, epoch);
    const old = [...kept.map(({ slot }) => slot), ...doubles, ...lost];
    const createdMs = createdAfter(old, options.nowMs);
    const slots: StoredKeySlot[] = [];
    for (const { slot, secret } of kept) {
      const { label } = slot.header;
      const { kdf } = options;
      slots.push(await storeKeySlot(repository, next, { ...secret, label, kdf, createdMs }));
    }
    const gone = [...old, ...unreadable];
    await backend.delete(gone.map(({ id }) => ({ kind: "keys", name: id })));
    return { material: next, slots };
  });
}
