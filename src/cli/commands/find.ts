/** `forge find`: files by name, size and time, with their versions across snapshots. */
import {
  type FindQuery,
  type FoundVersion,
  type FsEntryType,
  type Snapshot,
  compareBytes,
  concatBytes,
  displayName,
  findVersions,
  matchesFilter,
  resolveSnapshot,
  utf8,
} from "../../../engine/node.ts";
import { type Command, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { displayText, formatBytes, formatIsoTime, formatTime, plural, shortId } from "../format.ts";
import { namePattern } from "../name-pattern.ts";
import { choices, flag, moment, rest, size, texts } from "../option-kinds.ts";
import type { Output } from "../output.ts";
import { type Session, withRepository } from "../session.ts";
import { jsonEntry, jsonPath } from "../shown-entry.ts";
import { FILTER_OPTIONS, snapshotFilter } from "../snapshot-choice.ts";

const TYPES = ["f", "d", "l", "p", "s", "c", "b"] as const;
const TYPE_NAMES: Readonly<Record<(typeof TYPES)[number], FsEntryType>> = {
  f: "file",
  d: "directory",
  l: "symlink",
  p: "fifo",
  s: "socket",
  c: "char-device",
  b: "block-device",
};

type Version = FoundVersion<Snapshot>;

export const find: Command = defineCommand({
  description:
    "Find files by name or glob in all snapshots, and tell when each was added and changed. " +
    "A pattern with a slash is matched against the whole path; * stays inside a folder, ** does not.",
  arguments: { pattern: rest("names or globs; any of them; everything when absent") },
  options: {
    ignoreCase: flag("-i, --ignore-case", "upper and lower case are the same"),
    type: choices("--type <type>", "file, directory, link … (repeatable)", TYPES),
    larger: size("--larger <size>", "files of at least this size: 10M"),
    smaller: size("--smaller <size>", "files of at most this size"),
    newer: moment("--newer <time>", "changed at or after: 2026-03-01, or 7d ago"),
    older: moment("--older <time>", "changed at or before"),
    changes: flag("--changes", "leave out versions that did not change"),
    snapshot: texts("-s, --snapshot <snapshot>", "search only this snapshot (repeatable)"),
    ...FILTER_OPTIONS,
  },
  examples: [
    "forge find report.pdf",
    "forge find '*.jpg' --larger 5M --newer 30d",
    "forge find '/etc/**/*.conf' --host web1",
  ],
  run(context, values): Promise<ExitCode> {
    const { pattern, ignoreCase } = values;
    const patterns = pattern.map((text) => namePattern(text, { ignoreCase }));
    const common: FindQuery = {
      types: values.type.length === 0 ? undefined : new Set(values.type.map((t) => TYPE_NAMES[t])),
      sizeBytesMin: values.larger,
      sizeBytesMax: values.smaller,
      mtimeNsMin: values.newer,
      mtimeNsMax: values.older,
    };
    return withRepository(context, async (session) => {
      const snapshots = chooseSnapshots(session, values.snapshot, snapshotFilter(values));
      const printer = new Printer(context.output, values.changes);
      for (const series of byHost(snapshots)) {
        // One search for each pattern: with a name alone, subtrees are searched once for all.
        for (const query of patterns.length === 0 ? [{}] : patterns) {
          await printer.take(
            findVersions(rootsOf(session, series), { ...common, ...query }, context),
          );
        }
      }
      await printer.print();
      return EXIT.done;
    });
  },
});

function chooseSnapshots(
  session: Session,
  references: readonly string[],
  filter: Parameters<typeof matchesFilter>[1],
): readonly Snapshot[] {
  if (references.length === 0) {
    return session.snapshots.filter((snapshot) => matchesFilter(snapshot, filter));
  }
  const chosen = new Set(
    references.map((text) => resolveSnapshot(session.snapshots, text, filter)),
  );
  return session.snapshots.filter((snapshot) => chosen.has(snapshot));
}

/** A path of two machines is two things, so their histories are told apart. */
function byHost(snapshots: readonly Snapshot[]): (readonly Snapshot[])[] {
  const hosts = new Map<string, Snapshot[]>();
  for (const snapshot of snapshots) {
    const series = hosts.get(snapshot.hostname);
    if (series === undefined) hosts.set(snapshot.hostname, [snapshot]);
    else series.push(snapshot);
  }
  return [...hosts.values()];
}

async function* rootsOf(session: Session, snapshots: readonly Snapshot[]) {
  for (const snapshot of snapshots) {
    yield { snapshot, root: (await session.openFs(snapshot)).root };
  }
}

/** With --json a line each as they are found; for people grouped by path, which needs them all. */
class Printer {
  readonly #output: Output;
  readonly #onlyChanges: boolean;
  readonly #groups = new Map<string, Version[]>();
  #matches = 0;

  constructor(output: Output, onlyChanges: boolean) {
    this.#output = output;
    this.#onlyChanges = onlyChanges;
  }

  async take(versions: AsyncIterable<Version>): Promise<void> {
    for await (const version of versions) {
      if (this.#onlyChanges && version.change === "unchanged") continue;
      this.#matches++;
      if (this.#output.json) {
        await this.#output.jsonLine(jsonVersion(version));
        continue;
      }
      const { snapshot, path } = version;
      const key = `${snapshot.hostname}\0${Buffer.from(path).toString("latin1")}`;
      const group = this.#groups.get(key);
      if (group === undefined) this.#groups.set(key, [version]);
      // Several patterns may find the same.
      else if (!group.some((other) => other.snapshot === snapshot)) group.push(version);
    }
  }

  async print(): Promise<void> {
    if (this.#output.json) return;
    const groups = [...this.#groups.values()].sort(compareGroups);
    const hosts = new Set(groups.map(([first]) => first?.snapshot.hostname));
    for (const group of groups) {
      const [first] = group;
      if (first === undefined) continue;
      const host = hosts.size > 1 ? `  (${displayText(first.snapshot.hostname)})` : "";
      await this.#output.line(`/${displayName(first.path)}${host}`);
      for (const version of group) await this.#output.line(`  ${versionLine(version)}`);
    }
    this.#output.note(
      `${plural(groups.length, "path")}, ${plural(this.#matches, "version")} in snapshots`,
    );
  }
}

function compareGroups([a]: readonly Version[], [b]: readonly Version[]): number {
  if (a === undefined || b === undefined) return 0;
  const [x, y] = [a.snapshot.hostname, b.snapshot.hostname];
  if (x !== y) return x < y ? -1 : 1;
  return compareBytes(a.path, b.path);
}

function versionLine({ snapshot, entry, change }: Version): string {
  const { attributes, type } = entry;
  const what = type === "file" ? formatBytes(attributes.sizeBytes) : type;
  const parts = [
    shortId(snapshot.id),
    formatTime(snapshot.timeNs),
    change.padEnd(9),
    what.padStart(10),
    `changed ${formatTime(attributes.mtimeNs)}`,
  ];
  return parts.join("  ");
}

function jsonVersion({ snapshot, path, entry, change }: Version): object {
  return {
    ...jsonPath(concatBytes([utf8("/"), path])),
    change,
    snapshot: snapshot.id,
    time: formatIsoTime(snapshot.timeNs),
    hostname: snapshot.hostname,
    ...jsonEntry(entry),
  };
}
