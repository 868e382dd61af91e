/** Measures of several sizes → medians and a table that shows how each step grows. */
import { markdown, median } from "../report.ts";
import type { Measure } from "./steps.ts";

export interface StepResult {
  readonly step: string;
  /** Every repeat, in order. */
  readonly seconds: readonly number[];
  readonly medianSeconds: number;
  readonly medianCpuSeconds: number | undefined;
  /** The largest of the repeats. */
  readonly peakBytes: number | undefined;
}

export interface SizeResult {
  readonly blobs: number;
  readonly segments: number;
  readonly buildSeconds: number;
  readonly steps: readonly StepResult[];
}

export function summarizeSize(
  size: Pick<SizeResult, "blobs" | "segments" | "buildSeconds">,
  samples: readonly Measure[],
): SizeResult {
  const { blobs, segments, buildSeconds } = size;
  const names = [...new Set(samples.map(({ step }) => step))];
  const steps = names.map((step): StepResult => {
    const own = samples.filter((sample) => sample.step === step);
    const seconds = own.map((sample) => sample.seconds);
    const cpu = own.flatMap(({ cpuSeconds }) => cpuSeconds ?? []);
    const peaks = own.flatMap(({ peakBytes }) => peakBytes ?? []);
    return {
      step,
      seconds,
      medianSeconds: median(seconds),
      medianCpuSeconds: cpu.length === 0 ? undefined : median(cpu),
      peakBytes: peaks.length === 0 ? undefined : Math.max(...peaks),
    };
  });
  return { blobs, segments, buildSeconds, steps };
}

/** Time / CPU time / peak memory by size, and the last size's CPU time as a multiple of the first one's. */
export function scaleTableOf(results: readonly SizeResult[]): string {
  const [first] = results;
  const last = results.at(-1);
  const rows = (first?.steps ?? []).map(({ step }) => {
    const found = results.map(({ steps }) => steps.find((one) => one.step === step));
    const [least, most] = [work(found[0]), work(found.at(-1))];
    return [step, ...found.map(cell), least > 0 ? (most / least).toFixed(1) : "–"];
  });
  const heads = results.map(({ blobs }) => `${(blobs / 1e6).toFixed(blobs < 1e6 ? 1 : 0)} M blobs`);
  const growth = first === undefined || last === undefined ? 1 : last.blobs / first.blobs;
  return markdown([
    ["step: time / CPU / peak memory", ...heads, `growth (data × ${growth.toFixed(0)})`],
    ["index segments", ...results.map(({ segments }) => String(segments)), ""],
    ["building it", ...results.map(({ buildSeconds }) => `${buildSeconds.toFixed(0)} s`), ""],
    ...rows,
  ]);
}

/** CPU time where it is known: what others do with the processors meanwhile is not in it. */
function work(result: StepResult | undefined): number {
  return result?.medianCpuSeconds ?? result?.medianSeconds ?? 0;
}

function cell(result: StepResult | undefined): string {
  if (result === undefined) return "–";
  const peak = result.peakBytes === undefined ? "" : ` / ${(result.peakBytes / 1e6).toFixed(0)} MB`;
  const cpu =
    result.medianCpuSeconds === undefined ? "" : ` / ${timeText(result.medianCpuSeconds)}`;
  return timeText(result.medianSeconds) + cpu + peak;
}

function timeText(seconds: number): string {
  if (seconds < 1e-3) return `${(seconds * 1e6).toFixed(seconds < 1e-5 ? 2 : 0)} µs`;
  return seconds < 1 ? `${(seconds * 1e3).toFixed(0)} ms` : `${seconds.toFixed(2)} s`;
}
