/** What a repair would do about what a check found: pure, to be shown before anything is touched. */
import { ForgeError } from "../base/errors.ts";
import type { IndexId, SnapshotId } from "../base/ids.ts";
import type { ObjectRef } from "../storage/backend.ts";
import type { AffectedPaths, CheckReport } from "./check-report.ts";
import type { ListedPack } from "./rebuild-index.ts";

export type RepairStep =
  /** Copies an object from the copy of the repository; what stands in its place is set aside. */
  | { readonly action: "fetch"; readonly ref: ObjectRef }
  /** Saves the good blobs of a damaged pack in another one and sets the pack aside. */
  | { readonly action: "salvage"; readonly pack: ListedPack }
  /** Describes packs anew, and lets go of segments that are damaged or wrong. */
  | {
      readonly action: "rebuild-index";
      readonly unindexedPacks: number;
      readonly segments: readonly IndexId[];
    }
  /** Moves an object that cannot be opened to the quarantine. */
  | { readonly action: "set-aside"; readonly ref: ObjectRef }
  /** Saves what is left of a snapshot in a new one; the damaged one stays. */
  | {
      readonly action: "rewrite";
      readonly snapshotId: SnapshotId;
      readonly affected: AffectedPaths;
    };

export interface RepairPlan {
  readonly report: CheckReport;
  /** In the order they are done. The last kind is found anew once the others are done. */
  readonly steps: readonly RepairStep[];
  /** What is left alone, and why. */
  readonly notes: readonly string[];
}

/**
 * @param copied Paths of the objects that a copy of the repository has, as `kind/name`; absent without
 *   a copy.
 * @throws ForgeError "unsupported-version" when anything was written by a newer forge or with newer
 *   keys: then nothing at all is repaired.
 */
export function planRepair(report: CheckReport, copied?: ReadonlySet<string>): RepairPlan {
  const { damage } = report;
  const [newer] = damage.newer;
  if (newer !== undefined) {
    throw new ForgeError(
      "unsupported-version",
      `Cannot repair: ${damage.newer.length} objects need a newer forge or newer keys, and what looks damaged may be theirs; the first: ${newer.message}`,
      { cause: newer },
    );
  }
  const steps: RepairStep[] = [];
  const notes: string[] = [];
  const has = (ref: ObjectRef): boolean => copied?.has(`${ref.kind}/${ref.name}`) === true;
  for (const { packId } of damage.missingPacks) {
    const ref = { kind: "packs", name: packId } as const;
    if (has(ref)) steps.push({ action: "fetch", ref });
  }
  for (const pack of damage.damagedPacks) {
    const ref = { kind: "packs", name: pack.packId } as const;
    steps.push(has(ref) ? { action: "fetch", ref } : { action: "salvage", pack });
  }
  const segments = [...damage.brokenSegments, ...damage.staleSegments];
  const unindexedPacks = damage.unindexedPacks.length;
  if (segments.length > 0 || unindexedPacks > 0) {
    steps.push({ action: "rebuild-index", unindexedPacks, segments });
  }
  for (const ref of damage.objects) {
    if (ref.kind === "config") {
      notes.push(
        "The config is damaged and open only by chance: copy it from a copy of the repository",
      );
    } else {
      steps.push(has(ref) ? { action: "fetch", ref } : { action: "set-aside", ref });
    }
  }
  if (damage.unreadable.length > 0) {
    notes.push(
      `${damage.unreadable.length} things could not be read, which is no damage: make the storage readable and check again; until then snapshots are left as they are`,
    );
  } else {
    for (const { snapshotId, affected } of damage.snapshots) {
      const ref = { kind: "snapshots", name: snapshotId } as const;
      if (affected.isWhole) steps.push({ action: "set-aside", ref });
      else steps.push({ action: "rewrite", snapshotId, affected });
    }
  }
  return { report, steps, notes };
}
