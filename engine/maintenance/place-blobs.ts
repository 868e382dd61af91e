/**
 * Where everything that is needed stands: the second half of marking. What no good pack holds is looked
 * for in packs that no index knows, and in condemned ones, out of which it is copied.
 */
import { toHex } from "../base/bytes.ts";
import { ForgeError, isForgeError } from "../base/errors.ts";
import { type BlobId, type IndexId, type PackId, idOf, parseId } from "../base/ids.ts";
import { SEALED_KINDS } from "../crypto/key-ring.ts";
import type { BlobIndex } from "../index/blob-index.ts";
import { encodeIndexSegment } from "../index/index-segment.ts";
import type { PackEntry } from "../packs/pack-format.ts";
import type { SyncPlatform } from "../platform/platform.ts";
import type { Repository } from "../repository/repository.ts";
import type { Backend, ObjectInfo } from "../storage/backend.ts";
import { type PackUsage, measureUsage } from "./pack-usage.ts";
import type { PlacedBlobs } from "./placed-blobs.ts";
import type { ReachableBlobs } from "./reachable.ts";
import { readPackDirectory } from "./rebuild-index.ts";
import { repack } from "./repack.ts";

export interface PlaceOptions {
  readonly repository: Repository<Backend>;
  readonly platform: SyncPlatform;
  readonly index: BlobIndex;
  readonly reachable: ReachableBlobs;
  /** Listed after the plans were. */
  readonly packs: ReadonlyMap<string, ObjectInfo>;
  /** Packs of every plan there is. */
  readonly condemned: ReadonlySet<PackId>;
  /**
   * Whether packs that no index knows may be looked into. Not while someone else is writing: he is
   * about to index them.
   */
  readonly lookIntoOrphans: boolean;
  /** Only look: nothing is copied or indexed. */
  readonly dryRun?: boolean | undefined;
  readonly onProblem: (error: ForgeError) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface Placement {
  /** By pack; good packs alone. */
  readonly usages: ReadonlyMap<PackId, PackUsage>;
  /** Packs that no index knows and nobody needs, and those whose directory cannot be read. */
  readonly orphans: readonly PackId[];
  readonly unreadable: readonly PackId[];
  /** What had to be copied out of condemned packs, and the packs it stands in now. */
  readonly rescuedBlobs: number;
  readonly rescuePacks: ReadonlySet<PackId>;
  /** Indexed anew. */
  readonly adoptedPacks: number;
}

/** Each round copies what was missing; more than one is needed when packs vanish meanwhile. */
const ROUNDS_MAX = 3;

/**
 * When this returns, every reachable blob stands in a pack that is there, indexed and not condemned
 * (a dry run: or in one it could be copied from).
 *
 * @throws ForgeError "missing-object" when something that snapshots need stands nowhere.
 */
export async function placeBlobs(options: PlaceOptions): Promise<Placement> {
  const { index, reachable, condemned, onProblem } = options;
  const good = new Set<string>(options.packs.keys());
  for (const id of condemned) good.delete(id);
  const rescuePacks = new Set<PackId>();
  let rescuedBlobs = 0;
  let adoptedPacks = 0;
  for (let round = 0; ; round++) {
    const orphans = await readOrphans(options, good);
    const adopted = new Set<OpenedPack>();
    const missing = new Set<BlobId>();
    const usages = await measureUsage({
      index,
      reachable,
      packs: good,
      onProblem,
      onPart: (placed) => {
        for (const pack of orphans.opened) if (placeEntries(pack, placed)) adopted.add(pack);
        for (const id of placed.missing()) missing.add(idOf<BlobId>(id));
      },
    });
    const isDone = missing.size === 0 && adopted.size === 0;
    if (isDone || options.dryRun === true) {
      if (missing.size > 0) await findCondemned(options, missing);
      const garbage = orphans.opened.filter((pack) => !adopted.has(pack));
      const orphanIds = garbage.map(({ packId }) => packId);
      const { unreadable } = orphans;
      const done = { rescuedBlobs, rescuePacks, adoptedPacks };
      return { usages, orphans: orphanIds, unreadable, ...done };
    }
    if (round === ROUNDS_MAX) throw nowhere(missing);
    if (adopted.size > 0) {
      await adopt(options, [...adopted]);
      adoptedPacks += adopted.size;
    }
    if (missing.size > 0) {
      const { movedBlobs, newPacks } = await rescue(options, missing);
      rescuedBlobs += movedBlobs;
      for (const id of newPacks) {
        good.add(id);
        rescuePacks.add(id);
      }
    }
    await index.refresh();
  }
}

interface OpenedPack {
  readonly packId: PackId;
  readonly packBytes: number;
  readonly entries: readonly PackEntry[];
}

/** Places what a pack holds, when something of it is missing. @returns whether it is. */
function placeEntries({ entries }: OpenedPack, placed: PlacedBlobs): boolean {
  if (!entries.some(({ kind, id }) => placed.isMissing(SEALED_KINDS[kind], id, 0))) return false;
  for (const { kind, id } of entries) placed.place(SEALED_KINDS[kind], id, 0);
  return true;
}

/** Packs that are good and that no segment names, with what they say they hold. */
async function readOrphans(
  options: PlaceOptions,
  good: ReadonlySet<string>,
): Promise<{ readonly opened: readonly OpenedPack[]; readonly unreadable: readonly PackId[] }> {
  const opened: OpenedPack[] = [];
  const unreadable: PackId[] = [];
  if (!options.lookIntoOrphans) return { opened, unreadable };
  const known = new Set<PackId>();
  for (const { packId } of options.index.packs()) known.add(packId);
  for (const { name, sizeBytes } of options.packs.values()) {
    const packId = parseId<PackId>(name);
    if (known.has(packId) || !good.has(name)) continue;
    const pack = await openPack(options, packId, sizeBytes);
    if (pack === undefined) unreadable.push(packId);
    else opened.push(pack);
  }
  return { opened, unreadable };
}

async function openPack(
  { repository, onProblem, signal }: PlaceOptions,
  packId: PackId,
  packBytes: number,
): Promise<OpenedPack | undefined> {
  try {
    const entries = await readPackDirectory(repository, { packId, packBytes }, signal);
    return { packId, packBytes, entries };
  } catch (error) {
    if (!isForgeError(error) || error.code === "aborted") throw error;
    onProblem(error);
    return undefined;
  }
}

/** A segment for packs that lost theirs. */
async function adopt({ repository }: PlaceOptions, packs: readonly OpenedPack[]): Promise<void> {
  const { backend, platform, keys } = repository;
  const id = parseId<IndexId>(toHex(platform.randomBytes(32)));
  const bytes = await encodeIndexSegment(platform, keys, { id, packs, superseded: [] });
  await backend.put({ kind: "index", name: id }, bytes);
}

async function rescue(
  options: PlaceOptions,
  missing: ReadonlySet<BlobId>,
): Promise<{ readonly movedBlobs: number; readonly newPacks: ReadonlySet<PackId> }> {
  const packs = await findCondemned(options, missing);
  const { repository, platform, onProblem, signal } = options;
  const left = new Set(missing);
  return repack({
    repository,
    platform,
    packs,
    take: (_, { id }) => left.delete(idOf<BlobId>(id)),
    onProblem,
    signal,
  });
}

/** Condemned packs that hold what is missing. @throws ForgeError "missing-object" when none do. */
async function findCondemned(
  options: PlaceOptions,
  missing: ReadonlySet<BlobId>,
): Promise<PackId[]> {
  const { index, packs, condemned } = options;
  const left = new Set(missing);
  const holding = new Set<PackId>();
  const isThere = (packId: PackId): boolean => condemned.has(packId) && packs.has(packId);
  for (const [id, locations] of await index.findMany(missing)) {
    const found = locations.filter(({ packId }) => isThere(packId));
    for (const { packId } of found) holding.add(packId);
    if (found.length > 0) left.delete(id);
  }
  if (left.size > 0) {
    // A sweep that was interrupted has taken its packs out of the index already.
    for (const packId of condemned) {
      const info = packs.get(packId);
      const pack = info && (await openPack(options, packId, info.sizeBytes));
      for (const { id } of pack?.entries ?? []) {
        if (left.delete(idOf<BlobId>(id))) holding.add(packId);
      }
    }
  }
  if (left.size > 0) throw nowhere(left);
  return [...holding];
}

function nowhere(missing: ReadonlySet<BlobId>): ForgeError {
  const [blobId = ""] = missing;
  return new ForgeError(
    "missing-object",
    `Cannot collect garbage: something that snapshots need is nowhere to be found (blob ${blobId}, and ${missing.size - 1} more); nothing was deleted. forge check names those snapshots: back up the same files again, or delete the snapshots`,
    { context: { blobs: missing.size } },
  );
}
