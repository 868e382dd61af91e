/** Master key → purpose keys. FORMAT.md "Keys" lists every one of them. */
import { type Bytes, utf8 } from "../base/bytes.ts";
import { assert } from "../base/errors.ts";
import { ID_BYTES } from "../base/ids.ts";
import type { Cipher, Platform } from "../platform/platform.ts";
import { type KeyMaterial, type KeyRing, SEALED_KINDS } from "./key-ring.ts";

const KEY_BYTES = 32;
const TABLE_ENTRIES = 256;

/** What a new repository starts with: a random master key and epoch key 0. */
export function createKeyMaterial(platform: Pick<Platform, "randomBytes">): KeyMaterial {
  return {
    masterKey: platform.randomBytes(KEY_BYTES),
    epochKeys: [platform.randomBytes(KEY_BYTES)],
  };
}

/**
 * Derives every purpose key once.
 *
 * @param repository `repositoryId` is 32 bytes; `cipher` is what the config names.
 * @returns plain data that shares no memory with `material`.
 * @see FORMAT.md "Keys"; RFC 5869
 */
export async function deriveKeyRing(
  platform: Pick<Platform, "hkdfSha256">,
  material: KeyMaterial,
  repository: { readonly repositoryId: Bytes; readonly cipher: Cipher },
): Promise<KeyRing> {
  const { masterKey, epochKeys } = material;
  const { repositoryId, cipher } = repository;
  assert(repositoryId.length === ID_BYTES, "a repository id that is not 32 bytes");
  assert(masterKey.length === KEY_BYTES, "a master key that is not 32 bytes");
  assert(epochKeys.length > 0, "key material without an epoch");

  const derive = (keyMaterial: Bytes, purpose: string, outputBytes = KEY_BYTES): Promise<Bytes> =>
    platform.hkdfSha256({
      keyMaterial,
      salt: repositoryId,
      info: utf8(`forge/v1/${purpose}`),
      outputBytes,
    });
  const table = async (purpose: string): Promise<Uint32Array> =>
    readTable(await derive(masterKey, purpose, TABLE_ENTRIES * 4));

  // At most 250 epochs of 10 kinds (limits.ts), each some microseconds: no bound is needed here.
  const sealKeys = epochKeys.map(async (epochKey) => {
    const keys: Bytes[] = [new Uint8Array(0)];
    for (const kind of Object.values(SEALED_KINDS)) {
      keys[kind] = await derive(epochKey, `seal/${kind}`);
    }
    return keys;
  });
  return {
    cipher,
    repositoryId: repositoryId.slice(),
    currentEpoch: epochKeys.length - 1,
    sealKeys: await Promise.all(sealKeys),
    blobIdKeys: {
      data: await derive(masterKey, "blob-id/data"),
      tree: await derive(masterKey, "blob-id/tree"),
      list: await derive(masterKey, "blob-id/list"),
    },
    gearTable: await table("gear"),
    treeCutTable: await table("tree-cut"),
    configKey: await derive(masterKey, "config-mac"),
  };
}

/** 256 little-endian u32, whatever the byte order of this machine. */
function readTable(bytes: Bytes): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: TABLE_ENTRIES }, (_, i) => view.getUint32(i * 4, true));
}
