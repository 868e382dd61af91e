/** `forge info`: the repository, or one snapshot. */
import { type Snapshot, displayName, resolveSnapshot } from "../../../engine/node.ts";
import { type Command, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import {
  displayText,
  formatBytes,
  formatCount,
  formatDuration,
  formatIsoTime,
  formatTime,
  plural,
} from "../format.ts";
import { optional } from "../option-kinds.ts";
import { type Session, withRepository } from "../session.ts";
import { jsonSnapshot } from "../shown-entry.ts";
import { LATEST_OPTIONS, snapshotFilter } from "../snapshot-choice.ts";
import { displayWidth } from "../table.ts";

export const info: Command = defineCommand({
  description: "Describe the repository, or one snapshot.",
  arguments: { snapshot: optional("id, the beginning of one, latest, or latest~N") },
  options: { ...LATEST_OPTIONS },
  examples: ["forge info", "forge info latest"],
  run(context, { snapshot: reference, ...filters }): Promise<ExitCode> {
    const { output } = context;
    return withRepository(context, async (session) => {
      if (reference === undefined) {
        const facts = await repositoryFacts(session);
        if (output.json) await output.jsonDocument(facts);
        else await output.lines(alignedLines(repositoryLines(facts)));
        return EXIT.done;
      }
      const snapshot = resolveSnapshot(session.snapshots, reference, snapshotFilter(filters));
      if (output.json) await output.jsonDocument(jsonSnapshot(snapshot));
      else await output.lines(alignedLines(snapshotLines(snapshot)));
      return EXIT.done;
    });
  },
});

type Lines = readonly (readonly [string, string])[];

interface RepositoryFacts {
  readonly id: string;
  readonly location: string;
  readonly cipher: string;
  readonly created: string;
  readonly createdNs: bigint;
  readonly keys: number;
  readonly snapshots: number;
  readonly latest: Snapshot | undefined;
  readonly packs: number;
  readonly packBytes: number;
  readonly indexSegments: number;
  /** Logical size of all snapshots, as if nothing were shared. */
  readonly snapshotBytes: number;
}

async function repositoryFacts({ repository, snapshots }: Session): Promise<RepositoryFacts> {
  const { backend, config } = repository;
  const [packs, keys, segments] = await Promise.all([
    backend.list("packs"),
    backend.list("keys"),
    backend.list("index"),
  ]);
  const createdNs = BigInt(config.createdMs) * 1_000_000n;
  return {
    id: config.id,
    location: backend.description,
    cipher: config.cipher,
    created: formatIsoTime(createdNs),
    createdNs,
    keys: keys.length,
    snapshots: snapshots.length,
    latest: snapshots.at(-1),
    packs: packs.length,
    packBytes: packs.reduce((sum, pack) => sum + pack.sizeBytes, 0),
    indexSegments: segments.length,
    snapshotBytes: snapshots.reduce((sum, { stats }) => sum + stats.bytes, 0),
  };
}

function repositoryLines(facts: RepositoryFacts): Lines {
  const { latest } = facts;
  return [
    ["Repository", facts.id],
    ["Location", facts.location],
    ["Cipher", facts.cipher],
    ["Created", formatTime(facts.createdNs)],
    ["Keys", formatCount(facts.keys)],
    ["Snapshots", formatCount(facts.snapshots)],
    ...(latest === undefined
      ? []
      : ([["Latest", `${formatTime(latest.timeNs)}  ${latest.id.slice(0, 8)}`]] as const)),
    ["Size of all", formatBytes(facts.snapshotBytes)],
    ["Stored", `${formatBytes(facts.packBytes)} in ${plural(facts.packs, "pack")}`],
  ];
}

function snapshotLines(snapshot: Snapshot): Lines {
  const { stats } = snapshot;
  const seconds = Number(snapshot.endTimeNs - snapshot.timeNs) / 1e9;
  const lines: [string, string][] = [
    ["Snapshot", snapshot.id],
    ["Time", `${formatTime(snapshot.timeNs)}, took ${formatDuration(seconds)}`],
    ["Host", displayText(snapshot.hostname)],
    ["User", displayText(snapshot.username)],
  ];
  if (snapshot.label !== undefined) lines.push(["Label", displayText(snapshot.label)]);
  if (snapshot.name !== undefined) lines.push(["Name", displayText(snapshot.name)]);
  if (snapshot.tags.length > 0) lines.push(["Tags", displayText(snapshot.tags.join(", "))]);
  for (const path of snapshot.paths) lines.push(["Path", displayName(path)]);
  if (snapshot.parent !== undefined) lines.push(["Parent", snapshot.parent.slice(0, 8)]);
  lines.push(
    ["Files", formatCount(stats.files)],
    ["Folders", formatCount(stats.directories)],
    ["Others", formatCount(stats.others)],
    ["Size", formatBytes(stats.bytes)],
    [
      "Compared",
      `${formatCount(stats.filesNew)} new, ${formatCount(stats.filesChanged)} changed, ` +
        `${formatCount(stats.filesUnchanged)} unchanged`,
    ],
    ["Added", `${formatBytes(stats.bytesNew)}, stored as ${formatBytes(stats.bytesStored)}`],
    [
      "Left out",
      snapshot.problems === 0 ? "nothing" : plural(snapshot.problems, "entry", "entries"),
    ],
    ["Program", displayText(snapshot.program)],
  );
  return lines;
}

function alignedLines(lines: Lines): string[] {
  const width = Math.max(...lines.map(([title]) => displayWidth(title)));
  return lines.map(([title, value]) => `${title}:${" ".repeat(width - title.length + 2)}${value}`);
}
