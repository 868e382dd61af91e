/**
 * The drive and the web page beside what users of the peers have: `rclone serve webdav` over their
 * mount. Same data, one run, in turn. See ../README.md.
 *
 *   npm run bench:serving [-- --repeats N --keep DIR]
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { processorName } from "../options.ts";
import { run } from "../process.ts";
import { markdown, median } from "../report.ts";
import { findBorg } from "../tools/borg.ts";
import { findForge } from "../tools/forge.ts";
import { findRestic } from "../tools/restic.ts";
import { type Tool, versionOf } from "../tools/tool.ts";
import { makeServedCorpus } from "./corpus.ts";
import { type ServedSample, driveRows } from "./drive-rows.ts";
import { openDrive } from "./drives.ts";
import { pageRows } from "./page-rows.ts";

const say = (text: string): void => void process.stderr.write(`${text}\n`);

const { values } = parseArgs({
  options: { repeats: { type: "string", default: "3" }, keep: { type: "string" } },
});
const work = resolve(values.keep ?? mkdtempSync(join(tmpdir(), "forge-serving-")));
mkdirSync(work, { recursive: true });
try {
  await bench(Number(values.repeats));
} finally {
  if (values.keep === undefined) rmSync(work, { recursive: true, force: true });
}

async function bench(repeats: number): Promise<void> {
  const tools = [findForge(), findRestic(work), findBorg(work)].filter(
    (tool) => tool !== undefined,
  );
  say(`Making the data below ${work} …`);
  const corpus = makeServedCorpus(join(work, "data"));
  const repositories = new Map(tools.map((tool) => [tool.name, backUp(tool, corpus.root)]));
  const samples = new Map<string, ServedSample[]>(tools.map(({ name }) => [name, []]));
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (let turn = 0; turn < tools.length; turn++) {
      const tool = tools[(turn + repeat) % tools.length];
      const repository = repositories.get(tool?.name ?? "");
      if (tool === undefined || repository === undefined) continue;
      const drive = await openDrive(tool, repository, work);
      const found: ServedSample[] = [];
      try {
        found.push(...driveRows(drive, corpus));
        found.push(...(await pageRows({ tool, repository, corpus, work, drive })));
      } finally {
        await drive.end();
      }
      for (const { row, seconds } of found) say(`${tool.name}: ${row} ${seconds.toFixed(4)} s`);
      samples.get(tool.name)?.push(...found);
    }
  }
  report(samples, tools, repeats);
}

function backUp(tool: Tool, path: string): string {
  const repository = join(work, `repository-${tool.name}`);
  if (existsSync(repository)) return repository;
  run(tool.init(repository));
  run(tool.backup(repository, path, 1));
  return repository;
}

function report(
  samples: ReadonlyMap<string, readonly ServedSample[]>,
  tools: readonly Tool[],
  repeats: number,
): void {
  const rows = [...new Set([...samples.values()].flat().map(({ row }) => row))];
  const lines = rows.map((row) => {
    const medians = tools.map(({ name }) => {
      const own = (samples.get(name) ?? []).filter((sample) => sample.row === row);
      return own.length === 0 ? undefined : median(own.map(({ seconds }) => seconds));
    });
    const [own, ...peers] = medians;
    const known = peers.filter((value) => value !== undefined);
    const ratio = own === undefined || known.length === 0 ? undefined : own / Math.min(...known);
    return [row, ...medians.map((value) => value?.toFixed(4) ?? "–"), ratio?.toFixed(2) ?? "–"];
  });
  const head = ["seconds", ...tools.map(({ name }) => name), "forge ÷ best peer"];
  const load = loadavg().map((value) => value.toFixed(1));
  process.stdout.write(
    [
      "",
      `${processorName()}, load ${load.join(" ")}, medians of ${repeats}`,
      [
        ...tools.map(({ name, version }) => `${name}: ${version}`),
        versionOf(["rclone", "--version"]),
      ].join(" · "),
      "",
      markdown([head, ...lines]),
      "",
    ].join("\n"),
  );
}
