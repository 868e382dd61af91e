/**
 * Finding: search by name through twenty snapshots, and the differences of two, beside restic and
 * borg. The search of `forge browse` is measured in this process, as it stays in the server's memory;
 * the commands as processes. See README.md.
 *
 *   npm run bench:finding [-- --keep DIR --snapshots 20]
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { appendFileSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import {
  LocalBackend,
  NameIndex,
  type NamedSnapshot,
  type Snapshot,
  listSnapshots,
  loadIndex,
  openReadSide,
  openRepository,
  openSnapshotFs,
  searchNames,
} from "../../engine/node.ts";
import { createTurns } from "../../src/server/turns.ts";
import { SeededRandom } from "../helpers/seeded-random.ts";
import { processorName } from "./options.ts";
import { type Command, type Cost, measured, run } from "./process.ts";
import { markdown } from "./report.ts";
import { findBorg } from "./tools/borg.ts";
import { findForge } from "./tools/forge.ts";
import { findRestic } from "./tools/restic.ts";
import { PASSPHRASE, type Tool, versionOf } from "./tools/tool.ts";

const TREES = ["/usr/share", "/usr/include"];
const QUERIES = ["stdio", "readme", "changelog.gz", "zzzzqq", "share/doc", "e"];
const WARM_ROUNDS = 20;
/** Between two snapshots: this many files grow, and as many come and go by a quarter. */
const CHANGES = 60;

const say = (text: string): void => void process.stderr.write(`${text}\n`);

const { values } = parseArgs({
  options: { keep: { type: "string" }, snapshots: { type: "string", default: "20" } },
});
const work = resolve(values.keep ?? mkdtempSync(join(tmpdir(), "forge-finding-")));
mkdirSync(work, { recursive: true });
try {
  await bench(Number(values.snapshots));
} finally {
  if (values.keep === undefined) rmSync(work, { recursive: true, force: true });
}

async function bench(snapshots: number): Promise<void> {
  const tools = [findForge(), findRestic(work), findBorg(work)].filter(
    (tool) => tool !== undefined,
  );
  const data = join(work, "data");
  const repositories = new Map(tools.map((tool) => [tool, join(work, tool.name)]));
  if (!existsSync(data)) makeSnapshots({ data, snapshots, repositories });
  const lines: string[][] = [];
  const scratch = join(work, "scratch");
  mkdirSync(scratch, { recursive: true });
  for (const [row, commandOf] of commandRows(snapshots)) {
    const cells = [...repositories].map(([tool, repository]) => {
      const command = commandOf(tool, repository);
      return command === undefined ? "–" : cost(measured(command, scratch, [1]));
    });
    lines.push([row, ...cells]);
    say([row, ...cells].join("  "));
  }
  const forge = repositories.get(tools.find(({ name }) => name === "forge") ?? failTool());
  const browse = await searchInMemory(forge ?? "");
  say(`load ${loadavg()[0]?.toFixed(1) ?? ""}, ${processorName()}`);
  say(
    tools.map(({ name, version }) => `${name} ${version}`).join(", ") +
      ", " +
      (versionOf(["node", "--version"]) ?? ""),
  );
  const head = ["step (seconds / CPU seconds)", ...tools.map(({ name }) => name)];
  process.stdout.write(`${markdown([head, ...lines])}\n\n${markdown(browse)}\n`);
}

function failTool(): never {
  throw new Error("forge itself was not found");
}

function cost({ seconds, cpuSeconds, peakBytes }: Cost): string {
  return `${seconds.toFixed(2)} / ${cpuSeconds.toFixed(2)}, ${Math.round(peakBytes / 1e6)} MB`;
}

/** The same trees in all repositories, changed a little between any two snapshots. */
function makeSnapshots({
  data,
  snapshots,
  repositories,
}: {
  readonly data: string;
  readonly snapshots: number;
  readonly repositories: ReadonlyMap<Tool, string>;
}): void {
  say(`Making the data and ${snapshots} snapshots below ${work} …`);
  mkdirSync(data);
  for (const tree of TREES) {
    // A file that is not ours to read is left out; the rest is still a corpus.
    spawnSync("cp", ["-a", tree, data], { stdio: "ignore" });
  }
  for (const [tool, repository] of repositories) run(tool.init(repository));
  const random = new SeededRandom(1);
  for (let number = 1; number <= snapshots; number++) {
    for (const [tool, repository] of repositories) run(tool.backup(repository, data, number));
    change(data, random, number);
    say(`${number} of ${snapshots}`);
  }
}

function change(data: string, random: SeededRandom, number: number): void {
  const files = readdirSync(data, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  for (let i = 0; i < CHANGES; i++) appendFileSync(random.pick(files), `changed ${number}\n`);
  for (let i = 0; i < CHANGES / 4; i++) {
    rmSync(random.pick(files), { force: true });
    writeFileSync(join(dirname(random.pick(files)), `added-${number}-${i}.txt`), "new");
  }
}

type CommandOf = (tool: Tool, repository: string) => Command | undefined;

function commandRows(snapshots: number): readonly (readonly [string, CommandOf])[] {
  return [
    [
      "find a name in all snapshots",
      (tool, repository) => findCommand(tool, repository, "stdio.h"),
    ],
    ["find a glob in all snapshots", (tool, repository) => findCommand(tool, repository, "*.png")],
    ["diff of neighbours", (tool, repository) => diffCommand(tool, repository, [1, 2])],
    ["diff of first and last", (tool, repository) => diffCommand(tool, repository, [1, snapshots])],
  ];
}

/** borg 1 has no search. */
function findCommand(tool: Tool, repository: string, pattern: string): Command | undefined {
  return tool.name === "borg" ? undefined : instead(tool, repository, ["find", pattern]);
}

function diffCommand(
  tool: Tool,
  repository: string,
  [before, after]: readonly [number, number],
): Command | undefined {
  if (tool.name === "borg") {
    const [archive, other] = [before, after].map((number) => archiveOf(tool, repository, number));
    const { words, environment } = listing(tool, repository, before);
    const start = words.slice(0, words.indexOf("list"));
    return {
      words: [...start, "diff", archive ?? "", (other ?? "").replace(/^.*::/, "")],
      environment,
    };
  }
  const ids = idsOf(tool, repository);
  return instead(tool, repository, ["diff", ids[before - 1] ?? "", ids[after - 1] ?? ""]);
}

function archiveOf(tool: Tool, repository: string, number: number): string {
  return listing(tool, repository, number).words.find((word) => word.includes("::")) ?? "";
}

/** The oldest first. */
function idsOf(tool: Tool, repository: string): readonly string[] {
  const listed: unknown = JSON.parse(run(instead(tool, repository, ["snapshots", "--json"])));
  const all = Array.isArray(listed) ? listed : (listed as { snapshots: unknown[] }).snapshots;
  return all
    .map((one) => one as { readonly id: string; readonly time: string })
    .sort((a, b) => a.time.localeCompare(b.time))
    .map(({ id }) => id);
}

function listing(tool: Tool, repository: string, number: number): Command {
  if (tool.list === undefined) throw new Error(`${tool.name} lists nothing`);
  return tool.list(repository, number);
}

/** The tool with other words in place of its listing's. */
function instead(tool: Tool, repository: string, words: readonly string[]): Command {
  const listed = listing(tool, repository, 1);
  const start = listed.words.slice(0, listed.words.lastIndexOf("ls"));
  return { words: [...start, ...words], environment: listed.environment };
}

/** What the server of `forge browse` does for a search, first and again. */
async function searchInMemory(path: string): Promise<string[][]> {
  const backend = new LocalBackend(path);
  const repository = await openRepository({
    backend,
    credentials: { passphrase: () => Promise.resolve(PASSPHRASE) },
  });
  const index = await loadIndex(repository, { onProblem: fail });
  const readSide = openReadSide(index);
  const listed = await listSnapshots(repository, { onProblem: fail });
  const snapshots: NamedSnapshot<Snapshot>[] = [];
  for (const snapshot of listed.toReversed()) {
    snapshots.push({ snapshot, root: (await openSnapshotFs(readSide, snapshot)).root });
  }
  const names = new NameIndex(readSide.trees);
  const search = async (text: string): Promise<{ ms: number; cpuMs: number; total: number }> => {
    const startMs = performance.now();
    const before = process.cpuUsage();
    const query = { pattern: { kind: "part", text }, ignoreCase: true } as const;
    const pause = createTurns(() => performance.now());
    const { total } = await searchNames(names, snapshots, query, { limit: 500, pause });
    const { user, system } = process.cpuUsage(before);
    return { ms: performance.now() - startMs, cpuMs: (user + system) / 1000, total };
  };
  const first = await search("stdio");
  const lines = [
    ["search in the server's memory", "paths", "p50 ms", "p95 ms", "CPU ms"],
    ["the first", String(first.total), first.ms.toFixed(0), "", first.cpuMs.toFixed(0)],
  ];
  for (const text of QUERIES) {
    const found = [];
    for (let round = 0; round < WARM_ROUNDS; round++) found.push(await search(text));
    const times = found.map(({ ms }) => ms).sort((a, b) => a - b);
    const cpu = found.map(({ cpuMs }) => cpuMs).sort((a, b) => a - b);
    const at = (sorted: readonly number[], part: number): string =>
      (sorted[Math.floor(part * (sorted.length - 1))] ?? 0).toFixed(0);
    lines.push([
      `again: ${text}`,
      String(found[0]?.total),
      at(times, 0.5),
      at(times, 0.95),
      at(cpu, 0.5),
    ]);
  }
  const { rss } = process.memoryUsage();
  lines.push([
    `memory: names ${Math.round(names.usedBytes / 1e6)} MB, process ${Math.round(rss / 1e6)} MB`,
    "",
    "",
    "",
    "",
  ]);
  await readSide.close();
  return lines;
}

function fail(error: Error): never {
  throw error;
}
