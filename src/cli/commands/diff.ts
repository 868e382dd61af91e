/** `forge diff`: what changed between two snapshots. */
import {
  type DiffChange,
  type DiffEntry,
  ForgeError,
  type FsDirectory,
  type FsEntry,
  concatBytes,
  diffDirectories,
  displayName,
  utf8,
} from "../../../engine/node.ts";
import { type Command, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { formatBytes, formatCount, formatMode, formatTime } from "../format.ts";
import { flag, optional, required } from "../option-kinds.ts";
import { withRepository } from "../session.ts";
import { jsonEntry, jsonPath } from "../shown-entry.ts";
import { LATEST_OPTIONS, openPath, snapshotFilter, splitReference } from "../snapshot-choice.ts";

const MARKS: Readonly<Record<DiffChange, string>> = {
  added: "+",
  removed: "-",
  modified: "M",
  metadata: "U",
  type: "T",
};

export const diff: Command = defineCommand({
  description:
    "Show what changed from one snapshot to another: + added, - removed, M content changed, " +
    "T another type, and with --metadata U for changed owner, permissions, times or attributes.",
  arguments: {
    before: required("a snapshot, or SNAPSHOT:PATH"),
    after: optional("another; the latest when absent"),
  },
  options: {
    metadata: flag("-m, --metadata", "also tell changes of metadata alone"),
    ...LATEST_OPTIONS,
  },
  examples: ["forge diff latest~1 latest", "forge diff 4f3a:/etc 9b2c:/etc --metadata"],
  run(context, { before, after, metadata, ...filters }): Promise<ExitCode> {
    const { output, signal } = context;
    return withRepository(context, async (session) => {
      const filter = snapshotFilter(filters);
      const first = splitReference(before);
      const second = splitReference(after ?? "latest");
      const old = await openPath(session, first, filter);
      const now = await openPath(
        session,
        // "A:/etc B" compares the same folder of both.
        { ...second, path: second.path ?? first.path },
        filter,
      );
      const changes = diffDirectories(
        directoryOf(old.entry, before),
        directoryOf(now.entry, after ?? "latest"),
        { contentOnly: !metadata, signal },
      );
      const totals = new Totals();
      for await (const entry of changes) {
        totals.add(entry);
        const path = joinBelow(now.path, entry.path);
        if (output.json) await output.jsonLine(jsonChange(path, entry));
        else await output.line(changeLine(path, entry, metadata));
      }
      if (output.json) await output.jsonLine({ type: "summary", ...totals.json() });
      else output.note(totals.text());
      return EXIT.done;
    });
  },
});

function directoryOf(entry: FsEntry, reference: string): FsDirectory {
  if (entry.type === "directory") return entry;
  throw new ForgeError(
    "not-a-directory",
    `Cannot compare ${reference}: it is a ${entry.type} and not a folder`,
  );
}

type Path = DiffEntry["path"];

function joinBelow(folder: Path, path: Path): Path {
  return concatBytes(folder.length === 1 ? [folder, path] : [folder, utf8("/"), path]);
}

function changeLine(path: Path, entry: DiffEntry, metadata: boolean): string {
  const { before, after } = entry;
  const isFolder = (after ?? before)?.type === "directory";
  const name = displayName(path) + (isFolder ? "/" : "");
  const details =
    metadata && before !== undefined && after !== undefined
      ? entry.fields.map((field) => fieldChange(field, before, after))
      : [];
  if (entry.change === "type") details.unshift(`${before?.type ?? ""} → ${after?.type ?? ""}`);
  return `${MARKS[entry.change]}  ${name}${details.length === 0 ? "" : `  (${details.join(", ")})`}`;
}

function fieldChange(field: DiffEntry["fields"][number], before: FsEntry, after: FsEntry): string {
  const a = before.attributes;
  const b = after.attributes;
  switch (field) {
    case "mode":
      return `mode ${formatMode(before.type, a.mode)} → ${formatMode(after.type, b.mode)}`;
    case "mtime":
      return `time ${formatTime(a.mtimeNs)} → ${formatTime(b.mtimeNs)}`;
    case "uid":
    case "gid":
      return `${field} ${a[field]} → ${b[field]}`;
    case "user":
    case "group":
      return `${field} ${displayName(utf8(a[field]))} → ${displayName(utf8(b[field]))}`;
    case "xattrs":
      return "extended attributes";
    case "device":
      return `device ${a.deviceMajor}:${a.deviceMinor} → ${b.deviceMajor}:${b.deviceMinor}`;
    default:
      return field satisfies never;
  }
}

function jsonChange(path: Path, entry: DiffEntry): object {
  return {
    type: "change",
    change: entry.change,
    ...jsonPath(path),
    fields: entry.fields.length === 0 ? undefined : entry.fields,
    before: entry.before === undefined ? undefined : jsonEntry(entry.before),
    after: entry.after === undefined ? undefined : jsonEntry(entry.after),
  };
}

class Totals {
  readonly #counts: Record<DiffChange, number> = {
    added: 0,
    removed: 0,
    modified: 0,
    metadata: 0,
    type: 0,
  };
  #bytesAdded = 0;
  #bytesRemoved = 0;

  add({ change, before, after }: DiffEntry): void {
    this.#counts[change]++;
    if (change === "metadata") return;
    if (before?.type === "file") this.#bytesRemoved += before.attributes.sizeBytes;
    if (after?.type === "file") this.#bytesAdded += after.attributes.sizeBytes;
  }

  json(): object {
    const { type: typeChanged, ...counts } = this.#counts;
    return {
      ...counts,
      typeChanged,
      bytesBefore: this.#bytesRemoved,
      bytesAfter: this.#bytesAdded,
    };
  }

  text(): string {
    const { added, removed, modified, metadata, type } = this.#counts;
    const parts = [
      `${formatCount(added)} added`,
      `${formatCount(removed)} removed`,
      `${formatCount(modified)} changed`,
    ];
    if (type > 0) parts.push(`${formatCount(type)} of another type`);
    if (metadata > 0) parts.push(`${formatCount(metadata)} with other metadata`);
    return `${parts.join(", ")}; ${formatBytes(this.#bytesRemoved)} before, ${formatBytes(this.#bytesAdded)} after`;
  }
}
