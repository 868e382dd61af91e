/** CheckFindings: collects what a check meets and puts it into words. */
import type { ErrorCode, ForgeError } from "../base/errors.ts";
import type { BlobId, IndexId, PackId, SnapshotId } from "../base/ids.ts";
import type { ObjectInfo, ObjectRef } from "../storage/backend.ts";
import type { AffectedPaths, CheckCounts, CheckReport, Damage, Finding } from "./check-report.ts";
import type { ListedPack } from "./rebuild-index.ts";
import type { PackVerdict } from "./verify-pack.ts";

/** What an error says about the thing that was read. */
export type ErrorKind = "damaged" | "missing" | "newer" | "unreadable";

const KINDS: Partial<Readonly<Record<ErrorCode, ErrorKind>>> = {
  corrupt: "damaged",
  "too-large": "damaged",
  "missing-object": "missing",
  "unsupported-version": "newer",
  "newer-keys": "newer",
};

/** All else is the storage that refused or failed: then nothing is known of what it holds. */
export function kindOfError({ code }: Pick<ForgeError, "code">): ErrorKind {
  return KINDS[code] ?? "unreadable";
}

export class CheckFindings {
  readonly #findings: Finding[] = [];
  readonly #brokenSegments: IndexId[] = [];
  readonly #objects: ObjectRef[] = [];
  readonly #newer: ForgeError[] = [];
  readonly #unreadable: ForgeError[] = [];

  get brokenSegments(): readonly IndexId[] {
    return this.#brokenSegments;
  }

  get forRepair(): Pick<Damage, "objects" | "newer" | "unreadable"> {
    return { objects: this.#objects, newer: this.#newer, unreadable: this.#unreadable };
  }

  report(damage: Damage, counts: CheckCounts): CheckReport {
    const isSound = this.#findings.every(({ isNotice }) => isNotice);
    return { findings: this.#findings, isSound, counts, damage };
  }

  /** A small object that cannot be opened. */
  object(ref: ObjectRef, error: ForgeError): void {
    const what = `${ref.kind}/${ref.name}`;
    switch (kindOfError(error)) {
      case "damaged":
        this.#objects.push(ref);
        this.#add({ kind: "object-damaged", ref, message: `${what}: ${error.message}` });
        break;
      case "newer":
        this.newer(what, error);
        break;
      case "missing":
      case "unreadable":
        this.unreadable(what, error);
        break;
    }
  }

  segment(id: IndexId, error: ForgeError): void {
    switch (kindOfError(error)) {
      case "damaged":
        this.#brokenSegments.push(id);
        this.#add({ kind: "index-damaged", message: error.message });
        break;
      case "newer":
        this.newer(`index segment ${id}`, error);
        break;
      case "missing":
      case "unreadable":
        this.unreadable(`index segment ${id}`, error);
        break;
    }
  }

  packDamaged({ packId, packBytes }: ListedPack, verdict: PackVerdict): void {
    const { fault, good, bad } = verdict;
    const message =
      `${fault?.message ?? `Pack ${packId} is damaged`} (${packBytes} bytes; ` +
      `${good.length} of ${good.length + bad.length} blobs in it are good)`;
    const counts = { goodBlobs: good.length, badBlobs: bad.length };
    this.#add({ kind: "pack-damaged", packId, ...counts, message });
  }

  packMissing({ packId, packBytes }: ListedPack): void {
    const message = `Pack ${packId} is gone: the index knows it with ${packBytes} bytes`;
    this.#add({ kind: "pack-missing", packId, message });
  }

  indexWrong(packId: PackId, found: string): void {
    const message = `The index is wrong about pack ${packId}: ${found}`;
    this.#add({ kind: "index-wrong", packId, message });
  }

  /** @param blobs Those among them that snapshots need. */
  unindexed(packs: number, blobs: number): void {
    if (packs === 0) return;
    if (blobs > 0) {
      const message = `${counted(packs, "pack")} in no index segment, with ${counted(blobs, "blob")} that snapshots need`;
      this.#add({ kind: "index-incomplete", blobs, message });
      return;
    }
    const message = `${counted(packs, "pack")} in no index segment, and nothing needs them: interrupted backups leave such`;
    this.#add({ kind: "pack-unindexed", packs, message }, true);
  }

  snapshot(
    snapshotId: SnapshotId,
    affected: AffectedPaths,
    repairedBy: SnapshotId | undefined,
  ): void {
    const { files, directories, isWhole } = affected;
    const what = isWhole
      ? "nothing of it can be read"
      : `${counted(files, "file")} and ${counted(directories, "folder")} of it cannot be read`;
    const known =
      repairedBy === undefined ? "" : `; snapshot ${repairedBy.slice(0, 8)} holds the rest`;
    const message = `Snapshot ${snapshotId.slice(0, 8)} is damaged: ${what}${known}`;
    this.#add(
      { kind: "snapshot-damaged", snapshotId, affected, repairedBy, message },
      repairedBy !== undefined,
    );
  }

  treeWrong(blobId: BlobId, error: ForgeError): void {
    this.#add({ kind: "tree-wrong", blobId, message: error.message });
  }

  unreadable(what: string, error: ForgeError): void {
    this.#unreadable.push(error);
    const message = `Cannot read ${what}: ${error.message}`;
    this.#add({ kind: "unreadable", error, message });
  }

  newer(what: string, error: ForgeError): void {
    this.#newer.push(error);
    this.#add({ kind: "newer", error, message: `Cannot check ${what}: ${error.message}` });
  }

  quarantine(infos: readonly ObjectInfo[]): void {
    if (infos.length === 0) return;
    const bytes = infos.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const message = `Repairs set aside ${counted(infos.length, "damaged object")} of ${bytes} bytes`;
    this.#add({ kind: "quarantine", objects: infos.length, message }, true);
  }

  #add(finding: DistributiveOmit<Finding, "isNotice">, isNotice = false): void {
    this.#findings.push({ ...finding, isNotice });
  }
}

function counted(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? "" : "s"}`;
}

type DistributiveOmit<Union, Key extends PropertyKey> = Union extends unknown
  ? Omit<Union, Key>
  : never;
