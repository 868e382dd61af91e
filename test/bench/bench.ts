/** forge beside restic and borg, on the same data, in one run. See README.md. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { arch, loadavg, release, tmpdir, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { makeCorpus } from "./corpus.ts";
import { type BenchOptions, USAGE, processorName, readOptions } from "./options.ts";
import {
  type RowResult,
  mountBesideRestoreOf,
  sizesTableOf,
  summarize,
  tableOf,
} from "./report.ts";
import { GROUPS, ROW_IDS, type RowGroup, SEQUENTIAL_BYTES, type Sample } from "./rows.ts";
import { findBorg } from "./tools/borg.ts";
import { findForge } from "./tools/forge.ts";
import { findKopia } from "./tools/kopia.ts";
import { findRestic } from "./tools/restic.ts";
import { findRustic } from "./tools/rustic.ts";
import { type Tool, versionOf } from "./tools/tool.ts";
import { findVykar } from "./tools/vykar.ts";
import { Workshop } from "./workshop.ts";

/** Peers that people compare with and that have no file in tools/. */
const NOT_MEASURED = ["plakar"];

const say = (text: string): void => void process.stderr.write(`${text}\n`);

async function main(words: readonly string[]): Promise<void> {
  if (words.includes("--help")) {
    process.stdout.write(USAGE);
    return;
  }
  const options = readOptions(words);
  const unknown = options.only.filter((id) => !ROW_IDS.includes(id as (typeof ROW_IDS)[number]));
  if (unknown.length > 0) {
    throw new Error(`No such row: ${unknown.join(", ")}. Rows: ${ROW_IDS.join(" ")}`);
  }
  if (options.keep !== undefined) mkdirSync(options.keep, { recursive: true });
  const work = options.keep ?? mkdtempSync(join(tmpdir(), "forge-bench-"));
  try {
    await bench(options, resolve(work), words);
  } finally {
    if (options.keep === undefined) rmSync(work, { recursive: true, force: true });
  }
}

async function bench(options: BenchOptions, work: string, words: readonly string[]): Promise<void> {
  const tools = [
    findForge(),
    findRestic(work),
    findBorg(work),
    findRustic(work),
    findVykar(work),
    findKopia(work),
  ]
    .filter((tool) => tool !== undefined)
    .filter(({ name }) => options.tools.length === 0 || options.tools.includes(name));
  say(`Making the data below ${work} …`);
  const corpus = makeCorpus(work, options.quick ? "quick" : "full", options.releases);
  const samples = new Map<string, Sample[]>(tools.map(({ name }) => [name, []]));
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    const shops = tools.map((tool) => new Workshop(tool, { corpus, work, cold: options.cold }));
    for (const group of GROUPS) {
      if (options.only.length > 0 && !group.rows.some((row) => options.only.includes(row)))
        continue;
      // In turn, and another one first in each repeat: what the machine does meanwhile hits all.
      for (let turn = 0; turn < shops.length; turn++) {
        const shop = shops[(turn + repeat) % shops.length];
        if (shop === undefined) continue;
        const found = await attempt(group, shop);
        samples.get(shop.tool.name)?.push(...found);
        for (const { row, seconds } of found) {
          say(`${repeat + 1}/${options.repeats} ${row} ${shop.tool.name} ${seconds.toFixed(3)} s`);
        }
      }
    }
    corpus.big.show("before");
  }
  const results = summarize(samples);
  const machine = machineOf();
  const columns = tools.map(({ name }) => name);
  const absent = ["restic", "borg"].filter((name) => !columns.includes(name));
  const unmeasured = NOT_MEASURED.filter((name) => versionOf([name, "--version"]) !== undefined);
  process.stdout.write(
    [
      "",
      `${machine.processor}, ${machine.memoryGib} GiB, Linux ${machine.kernel}, load ${machine.load}`,
      tools.map(({ name, version }) => `${name}: ${version}`).join(" · "),
      `small: ${corpus.smallEntries} entries, ${mb(corpus.smallBytes)} MB · big: ${corpus.bigFiles.length} files, ${mb(corpus.bigBytes)} MB · incompressible: ${mb(corpus.randomBytes)} MB`,
      corpus.releases === undefined ? "no two releases were given (--releases)" : "",
      ...absent.map(
        (name) => `${name} is not installed (Debian: apt-get install ${packageOf(name)})`,
      ),
      ...unmeasured.map((name) => `${name} is installed and not measured`),
      `Medians of ${options.repeats}; seconds / CPU seconds (mount rows: of the serving process)`,
      "",
      tableOf(results, columns),
      "",
      sizesTableOf(results, columns),
      "",
      ...mountBesideRestoreOf(results, {
        sequential: Math.min(SEQUENTIAL_BYTES, corpus.bigBytes),
        big: corpus.bigBytes,
      }),
      "",
    ].join("\n"),
  );
  if (options.jsonPath !== undefined) {
    writeFileSync(options.jsonPath, jsonOf({ words, machine, tools, corpus, results }));
  }
}

/** A row that one program cannot do here is said and left empty; the others go on. */
async function attempt(group: RowGroup, shop: Workshop): Promise<Sample[]> {
  try {
    return await group.run(shop);
  } catch (error) {
    say(`${group.rows.join(", ")}: not measured: ${messageOf(error)}`);
    process.exitCode = 1;
    return [];
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function jsonOf(found: {
  words: readonly string[];
  machine: ReturnType<typeof machineOf>;
  tools: readonly Tool[];
  corpus: { smallEntries: number; smallBytes: number; bigBytes: number };
  results: readonly RowResult[];
}): string {
  const { smallEntries, smallBytes, bigBytes } = found.corpus;
  const report = {
    command: ["npm", "run", "bench", "--", ...found.words].join(" "),
    at: new Date().toISOString(),
    machine: found.machine,
    versions: Object.fromEntries(found.tools.map(({ name, version }) => [name, version])),
    corpus: { smallEntries, smallBytes, bigBytes },
    rows: found.results,
  };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

function machineOf() {
  return {
    processor: `${processorName()} (${arch()})`,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    load: loadavg()
      .map((value) => value.toFixed(1))
      .join(" "),
  };
}

function packageOf(name: string): string {
  return name === "borg" ? "borgbackup python3-llfuse" : name;
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  say(`bench: ${messageOf(error)}`);
  process.exitCode = 1;
}
