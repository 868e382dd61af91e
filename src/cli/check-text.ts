/** What a check found and what a repair would do, for people and for scripts. */
import type { CheckReport, Finding, RepairEvent, RepairStep } from "../../engine/node.ts";
import { displayText, formatBytes, formatCount, plural, shortId } from "./format.ts";

/** Findings of one kind told one by one; the rest is counted. */
const TOLD_MAX = 20;

/** Findings, damage first, and below each the first paths that it concerns. */
export function findingLines({ findings }: CheckReport): string[] {
  const lines: string[] = [];
  const told = new Map<string, number>();
  const ordered = [...findings].sort((a, b) => Number(a.isNotice) - Number(b.isNotice));
  for (const finding of ordered) {
    const count = (told.get(finding.kind) ?? 0) + 1;
    told.set(finding.kind, count);
    if (count > TOLD_MAX) continue;
    lines.push(`${finding.isNotice ? "note" : "DAMAGE"}: ${displayText(finding.message)}`);
    if (finding.kind === "snapshot-damaged" && !finding.isNotice) {
      const { firstPaths, files, directories } = finding.affected;
      for (const path of firstPaths) lines.push(`    ${displayText(path)}`);
      const more = files + directories - firstPaths.length;
      if (more > 0) lines.push(`    and ${formatCount(more)} more`);
    }
  }
  for (const [kind, count] of told) {
    if (count > TOLD_MAX) lines.push(`and ${formatCount(count - TOLD_MAX)} more of ${kind}`);
  }
  return lines;
}

export function countsLine({ counts }: CheckReport): string {
  const read =
    counts.packsRead === 0
      ? ""
      : `; ${formatBytes(counts.bytesRead)} in ${plural(counts.packsRead, "pack")} read and verified`;
  return (
    `${plural(counts.snapshots, "snapshot")}, ${plural(counts.trees, "tree")}, ` +
    `${plural(counts.chunks, "chunk")} in ${plural(counts.packs, "pack")} ` +
    `(${formatBytes(counts.packBytes)})${read}`
  );
}

/** What to do next. */
export function adviceLines(report: CheckReport, readAll: boolean): string[] {
  const has = (kind: Finding["kind"]): boolean =>
    report.findings.some((finding) => finding.kind === kind && !finding.isNotice);
  const lines: string[] = [];
  if (has("newer")) {
    lines.push("Use a newer forge, or a current key: what it wrote is not touched by this one.");
  }
  if (has("unreadable")) {
    lines.push(
      "Some of the storage could not be read. That is no damage of the backup: look at the disk, the network and the permissions, then check again.",
    );
  }
  const isDamaged = report.findings.some(
    ({ kind, isNotice }) => !isNotice && kind !== "newer" && kind !== "unreadable",
  );
  if (!isDamaged) return lines;
  if (!readAll) lines.push("See what else is damaged: forge check --read-data");
  if (has("pack-missing")) {
    lines.push(
      "Where the files are still there, back them up first: what stood in packs that are gone is stored again.",
    );
  }
  if (has("snapshot-damaged")) {
    lines.push("If there is a copy of this repository: forge check --repair --from COPY");
  }
  lines.push("See what a repair would do: forge check --repair --dry-run");
  return lines;
}

export function stepLine(step: RepairStep): string {
  switch (step.action) {
    case "fetch":
      return `fetch ${step.ref.kind}/${shortId(step.ref.name)} from the copy`;
    case "salvage":
      return `save what is good in pack ${shortId(step.pack.packId)} (${formatBytes(step.pack.packBytes)}) and set the pack aside`;
    case "rebuild-index":
      return (
        "write the index anew: " +
        `${plural(step.segments.length, "segment")} damaged or naming what is damaged, ` +
        `${plural(step.unindexedPacks, "pack")} in no segment`
      );
    case "set-aside":
      return `set ${step.ref.kind}/${shortId(step.ref.name)} aside, which cannot be read`;
    case "rewrite": {
      const { files, directories } = step.affected;
      return `save snapshot ${shortId(step.snapshotId)} without ${plural(files, "lost file")} and ${plural(directories, "lost folder")} as a new one`;
    }
    default:
      return step satisfies never;
  }
}

export function eventLine(event: RepairEvent): string {
  switch (event.done) {
    case "fetched":
      return `fetched ${event.ref.kind}/${shortId(event.ref.name)}`;
    case "salvaged":
      return `saved what was good in pack ${shortId(event.packId)} in ${plural(event.into.length, "new pack")}`;
    case "indexed":
      return `wrote the index of ${plural(event.packs, "pack")}, let go of ${plural(event.dropped, "segment")}`;
    case "set-aside":
      return `set aside: ${event.ref.kind}/${shortId(event.ref.name)} is now quarantine/${event.aside.name}`;
    case "left-out":
      return `left out of snapshot ${shortId(event.snapshot.id)}: ${displayText(event.lost.path)}`;
    case "rewritten":
      return `snapshot ${shortId(event.snapshot.id)} holds what is left of ${shortId(event.original.id)}`;
    case "failed":
      return `not done: ${displayText(event.error.message)}`;
    default:
      return event satisfies never;
  }
}

/** The same for scripts: without what only repair needs. */
export function jsonReport({ findings, isSound, counts }: CheckReport): object {
  return {
    type: "check",
    sound: isSound,
    findings: findings.map((finding) => {
      if (!("error" in finding)) return finding;
      const { error, ...rest } = finding;
      return { ...rest, code: error.code };
    }),
    counts,
  };
}

export function jsonEvent(event: RepairEvent): object {
  switch (event.done) {
    case "rewritten":
      return {
        type: "repair",
        done: event.done,
        original: event.original.id,
        snapshot: event.snapshot.id,
      };
    case "left-out":
      return {
        type: "repair",
        done: event.done,
        snapshot: event.snapshot.id,
        path: event.lost.path,
        entry: event.lost.type,
      };
    case "failed":
      return { type: "repair", done: event.done, message: event.error.message };
    case "fetched":
    case "salvaged":
    case "indexed":
    case "set-aside":
      return { type: "repair", ...event };
    default:
      return event satisfies never;
  }
}
