/** How forge grows with its repository: generated ones of several sizes, measured. See ../README.md. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, release, tmpdir, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { processorName } from "../options.ts";
import { run } from "../process.ts";
import { type SizeResult, scaleTableOf, summarizeSize } from "./scale-report.ts";
import { type Measure, measureAll, sizeOf } from "./steps.ts";

const USAGE = `npm run bench:scale [-- options]

  --blobs N[,N…]   sizes of the repositories to build (100000,1000000; 10000000 takes 7 minutes and 3 GB)
  --keep DIR       work there, keep the repositories, and measure on those that are there
  --repeats N      medians over N (3)
  --json FILE      also write everything measured
`;

const say = (text: string): void => void process.stderr.write(`${text}\n`);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      blobs: { type: "string", default: "100000,1000000" },
      keep: { type: "string" },
      repeats: { type: "string", default: "3" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const sizes = values.blobs.split(",").map(Number);
  if (!sizes.every((blobs) => Number.isInteger(blobs) && blobs >= 10_000)) {
    throw new Error(`--blobs takes whole numbers from 10000, and not ${values.blobs}`);
  }
  const repeats = Math.max(1, Number(values.repeats) || 1);
  const work = resolve(values.keep ?? mkdtempSync(join(tmpdir(), "forge-scale-")));
  try {
    const results: SizeResult[] = [];
    for (const blobs of sizes) results.push(await measureSize(blobs, { work, repeats }));
    const machine = `${processorName()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.versions.node}`;
    const load = loadavg()[0]?.toFixed(1) ?? "?";
    process.stdout.write(`\n${machine}, load ${load}; medians of ${repeats}\n\n`);
    process.stdout.write(`${scaleTableOf(results)}\n`);
    if (values.json !== undefined) {
      const report = { at: new Date().toISOString(), machine, repeats, results };
      writeFileSync(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
    }
  } finally {
    if (values.keep === undefined) rmSync(work, { recursive: true, force: true });
  }
}

async function measureSize(
  blobs: number,
  { work, repeats }: { readonly work: string; readonly repeats: number },
): Promise<SizeResult> {
  const folder = join(work, String(blobs));
  const place = { folder, repository: join(folder, "repository") };
  const note = join(folder, "generated.json");
  if (!existsSync(note)) {
    say(`Building a repository of ${blobs} blobs below ${folder} …`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const generator = join(import.meta.dirname, "generate.ts");
    run({ words: [process.execPath, generator, place.repository, String(blobs)], environment: {} });
  }
  const { seconds } = JSON.parse(readFileSync(note, "utf8")) as { readonly seconds: number };
  const samples: Measure[] = [];
  for (let repeat = 0; repeat < repeats; repeat++) {
    say(`${blobs} blobs: measuring, ${repeat + 1} of ${repeats} …`);
    samples.push(...(await measureAll(place)));
  }
  return summarizeSize({ ...sizeOf(place), buildSeconds: seconds }, samples);
}

try {
  await main();
} catch (error) {
  say(`bench:scale: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
