/**
 * Fuzzes decoders. Each runs in a process of its own, so that the peak of its memory is its own; the
 * seeds that were run are printed, and every number of runs is a range of seeds.
 *
 *     npm run fuzz -- [--decoder NAME[,NAME…]] [--runs N | --seed-range A..B] [--seconds N]
 *     npm run fuzz -- --decoder NAME --show SEED
 *
 * `--together` runs all in this process: sooner begun, for short runs.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

import { type FuzzResult, MEMORY_EVERY, fuzz, inputOf } from "./fuzz-run.ts";
import { FUZZ_TARGETS } from "./targets/fuzz-targets.ts";

const { values } = parseArgs({
  options: {
    decoder: { type: "string", default: "all" },
    runs: { type: "string", default: "10000" },
    "seed-range": { type: "string" },
    /** Each decoder stops after so long, wherever it is. */
    seconds: { type: "string" },
    together: { type: "boolean", default: false },
    show: { type: "string" },
    /** Prints the result as JSON: what a child does. */
    json: { type: "boolean", default: false },
  },
});

const names =
  values.decoder === "all" ? FUZZ_TARGETS.map(({ name }) => name) : values.decoder.split(",");
const targets = names.map((name) => {
  const target = FUZZ_TARGETS.find((one) => one.name === name);
  if (target === undefined) {
    throw new Error(
      `no decoder ${name}; there are ${FUZZ_TARGETS.map((one) => one.name).join(" ")}`,
    );
  }
  return target;
});
const [first = 0, end = 0] = (values["seed-range"] ?? `0..${values.runs}`).split("..").map(Number);
if (!Number.isSafeInteger(first) || !Number.isSafeInteger(end) || first < 0 || end > 2 ** 32) {
  throw new Error("--seed-range is A..B, whole numbers up to 2^32");
}

const [only] = targets;
if (values.show !== undefined && only !== undefined) {
  const input = inputOf(only, Number(values.show));
  console.log(execFileSync("od", ["-A", "d", "-t", "x1z"], { input, encoding: "utf8" }));
  await only.run(input, Number(values.show));
} else if (values.json && only !== undefined) {
  const limitMs = Number(values.seconds ?? Number.POSITIVE_INFINITY) * 1000;
  const isOver = (): boolean => performance.now() > limitMs;
  process.stdout.write(`${JSON.stringify(await fuzz(only, { first, end, isOver }))}\n`);
} else {
  let failed = 0;
  for (const target of targets) {
    if (values.together) {
      failed += report(await fuzz(target, { first, end }));
      continue;
    }
    failed += report(fuzzApart(target.name));
  }
  process.exitCode = failed > 0 ? 1 : 0;
}

/**
 * In processes of its own. One that has grown is followed by another, which runs its last seeds once
 * more: if it grows as well, one of them takes that much; else it was garbage not collected yet.
 */
function fuzzApart(name: string): FuzzResult {
  let whole: FuzzResult | undefined;
  for (let from = first; from < end;) {
    const part = childResult(name, from, end);
    whole = whole === undefined ? part : joined(whole, part);
    from = part.end;
    if (!part.grew) break;
    const again = childResult(name, Math.max(first, from - MEMORY_EVERY), from);
    if (!again.grew) continue;
    const what = `${again.peakBytes} bytes of memory within ${MEMORY_EVERY} runs`;
    return { ...whole, failures: [...whole.failures, { seed: from - 1, what }] };
  }
  if (whole === undefined) throw new Error("no seeds");
  return whole;
}

function childResult(name: string, from: number, to: number): FuzzResult {
  const words = ["--decoder", name, "--seed-range", `${from}..${to}`, "--json"];
  if (values.seconds !== undefined) words.push("--seconds", values.seconds);
  const node = ["--max-old-space-size=256", import.meta.filename, ...words];
  const ended = spawnSync(process.execPath, node, { encoding: "utf8" });
  if (ended.status === 0) return JSON.parse(ended.stdout) as FuzzResult;
  const what = `ended with ${String(ended.status ?? ended.signal)}: ${ended.stderr}`;
  return {
    ...{ target: name, first: from, end: from, accepted: 0, slowestMs: 0, peakBytes: 0 },
    ...{ grew: false, failures: [{ seed: from, what }] },
  };
}

function joined(a: FuzzResult, b: FuzzResult): FuzzResult {
  return {
    ...a,
    end: b.end,
    accepted: a.accepted + b.accepted,
    slowestMs: Math.max(a.slowestMs, b.slowestMs),
    peakBytes: Math.max(a.peakBytes, b.peakBytes),
    grew: b.grew,
    failures: [...a.failures, ...b.failures],
  };
}

/** Says what came of it. @returns 1 when something is wrong. */
function report(result: FuzzResult): number {
  console.log(lineOf(result));
  if (values.together && result.grew) console.log("  the process has grown: run it alone");
  for (const { seed, what } of result.failures) console.log(`  seed ${seed}: ${what}`);
  return result.failures.length > 0 ? 1 : 0;
}

function lineOf({ target, first: from, end: to, accepted, ...rest }: FuzzResult): string {
  const runs = to - from;
  return [
    target.padEnd(16),
    `seeds ${from}..${to}`,
    `${runs} runs`,
    `${((100 * accepted) / Math.max(1, runs)).toFixed(1)} % decoded`,
    `slowest ${rest.slowestMs.toFixed(0)} ms`,
    `peak ${Math.round(rest.peakBytes / 2 ** 20)} MiB`,
    `${rest.failures.length} failures`,
  ].join(", ");
}
