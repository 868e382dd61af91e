/** Samples → medians, ratios, a table for the terminal and an object for a file. */
import { ROWS, ROW_IDS, type RowFacts, type RowId, type Sample } from "./rows.ts";

/** The peers that the targets are set against: those that Debian has. */
const BASELINE: ReadonlySet<string> = new Set(["restic", "borg"]);

export interface RowResult {
  readonly row: RowId;
  readonly label: string;
  /** forge's time is to be at most this share of the better peer's. */
  readonly target?: number;
  /** forge's median ÷ that of the better of restic and borg; undefined when one is missing. */
  readonly ratio: number | undefined;
  /** The same against the fastest of all peers measured. */
  readonly ratioToAll: number | undefined;
  readonly tools: Readonly<Record<string, ToolResult>>;
}

export interface ToolResult {
  /** Every repeat, in order. */
  readonly seconds: readonly number[];
  readonly medianSeconds: number;
  readonly medianCpuSeconds: number;
  readonly peakBytes: number;
  readonly medianAddedBytes: number | undefined;
}

/** @param samples By tool, all repeats. */
export function summarize(samples: ReadonlyMap<string, readonly Sample[]>): RowResult[] {
  return ROW_IDS.flatMap((row) => {
    const tools: Record<string, ToolResult> = {};
    for (const [tool, all] of samples) {
      const own = all.filter((sample) => sample.row === row);
      if (own.length > 0) tools[tool] = summaryOf(own);
    }
    if (Object.keys(tools).length === 0) return [];
    const others = Object.keys(tools).filter((tool) => tool !== "forge");
    const ratio = ratioTo(
      tools,
      others.filter((tool) => BASELINE.has(tool)),
    );
    const facts: RowFacts = ROWS[row];
    return [{ row, ...facts, ratio, ratioToAll: ratioTo(tools, others), tools }];
  });
}

/** forge's median time ÷ that of the fastest of `peers`. */
function ratioTo(
  tools: Readonly<Record<string, ToolResult>>,
  peers: readonly string[],
): number | undefined {
  const own = tools["forge"]?.medianSeconds;
  if (own === undefined || peers.length === 0) return undefined;
  return own / Math.min(...peers.map((peer) => tools[peer]?.medianSeconds ?? Infinity));
}

function summaryOf(samples: readonly Sample[]): ToolResult {
  const added = samples.flatMap(({ addedBytes }) => (addedBytes === undefined ? [] : addedBytes));
  return {
    seconds: samples.map(({ seconds }) => seconds),
    medianSeconds: median(samples.map(({ seconds }) => seconds)),
    medianCpuSeconds: median(samples.map(({ cpuSeconds }) => cpuSeconds)),
    peakBytes: Math.max(...samples.map(({ peakBytes }) => peakBytes)),
    medianAddedBytes: added.length === 0 ? undefined : median(added),
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = 0, high = low] = sorted.slice(Math.ceil(middle) - 1, Math.floor(middle) + 1);
  return (low + high) / 2;
}

/** Markdown, so that it can stand in a README as it is. Seconds; CPU seconds after the stroke. */
export function tableOf(results: readonly RowResult[], tools: readonly string[]): string {
  const rows = [
    ["step", ...tools, "÷ restic, borg", "÷ all", "aim", ""],
    ...results.map(({ label, target, ratio, ratioToAll, tools: found }) => [
      label,
      ...tools.map((tool) => timeCell(found[tool])),
      ratio?.toFixed(2) ?? "–",
      ratioToAll?.toFixed(2) ?? "–",
      target === undefined ? "–" : String(target),
      ratio === undefined || target === undefined ? "" : judged(ratio, target),
    ]),
  ];
  return markdown(rows);
}

function judged(ratio: number, target: number): string {
  if (ratio > 1) return "behind";
  return ratio > target ? "short of the aim" : "met";
}

/** What forge's mount takes beside forge's own restore of the same files. */
export function mountBesideRestoreOf(
  results: readonly RowResult[],
  bytes: { readonly sequential: number; readonly big: number },
): readonly string[] {
  const seconds = (row: RowId): number =>
    results.find((result) => result.row === row)?.tools["forge"]?.medianSeconds ?? Number.NaN;
  const rate = bytes.sequential / seconds("mount-sequential");
  const restoreRate = bytes.big / seconds("restore-big");
  const lines: [string, number, string][] = [
    ["sequential read of the mount ÷ restore, MB/s", rate / restoreRate, "at least 0.7"],
    [
      "cp -a out of the mount ÷ restore, time",
      seconds("mount-copy") / seconds("restore-small"),
      "at most 2",
    ],
    [
      "the same with --no-xattrs",
      seconds("mount-copy-plain") / seconds("restore-small"),
      "at most 2",
    ],
  ];
  return lines
    .filter(([, ratio]) => !Number.isNaN(ratio))
    .map(([label, ratio, aim]) => `${label}: ${ratio.toFixed(2)} (aim: ${aim})`);
}

/** Peak memory by kind of work, and bytes added by backups. */
export function sizesTableOf(results: readonly RowResult[], tools: readonly string[]): string {
  const kinds: [string, RegExp][] = [
    ["peak memory, backup", /^backup-/],
    ["peak memory, restore", /^restore-/],
    ["peak memory, mount", /^mount-/],
  ];
  const peaks = kinds.map(([label, pattern]) => {
    const rows = results.filter(({ row }) => pattern.test(row));
    const cells = tools.map((tool) => {
      const bytes = Math.max(0, ...rows.map(({ tools: found }) => found[tool]?.peakBytes ?? 0));
      return megabytes(bytes === 0 ? undefined : bytes);
    });
    return [label, ...cells];
  });
  const added = results
    .filter(({ row }) => row.startsWith("backup-"))
    .map(({ label, tools: found }) => [
      `bytes added, ${label}`,
      ...tools.map((tool) => megabytes(found[tool]?.medianAddedBytes)),
    ]);
  return markdown([["MB", ...tools], ...peaks, ...added]);
}

function timeCell(result: ToolResult | undefined): string {
  if (result === undefined) return "–";
  const time = result.medianSeconds;
  return `${time.toFixed(time < 1 ? 3 : 2)} / ${result.medianCpuSeconds.toFixed(2)}`;
}

function megabytes(bytes: number | undefined): string {
  return bytes === undefined ? "–" : (bytes / 1e6).toFixed(bytes < 10e6 ? 2 : 0);
}

export function markdown(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows;
  const widths = head.map((_, column) =>
    Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return [line(head), rule, ...rows.slice(1).map(line)].join("\n");
}
