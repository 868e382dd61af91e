/**
 * Progress of a long command: a line that is rewritten on a terminal; with `--json` a status object
 * a second; without a terminal and with -v a plain line now and then; otherwise nothing.
 */
import { displayText, formatBytes, formatClock, formatCount } from "./format.ts";
import type { Output } from "./output.ts";
import { displayWidth, fitEnd } from "./table.ts";

export interface ProgressState {
  /** What is being done: "backing up". */
  readonly activity: string;
  readonly files: number;
  readonly bytes: number;
  /** Absent while nobody knows. */
  readonly filesTotal?: number | undefined;
  readonly bytesTotal?: number | undefined;
  /** What is being worked on, for people. */
  readonly current?: string | undefined;
  /** What is counted, "files" when absent. */
  readonly unit?: string | undefined;
  /** More numbers, ready to be shown: "12.0 MiB stored". */
  readonly extra?: string | undefined;
}

export type ProgressMode = "terminal" | "json" | "plain" | "none";

const INTERVAL_MS: Readonly<Record<ProgressMode, number>> = {
  terminal: 125,
  json: 1000,
  plain: 30_000,
  none: 0,
};
/** The rate is that of about the last ten seconds. */
const RATE_MEMORY_SECONDS = 10;

/** Chooses how progress shows from what was asked for and where it goes. */
export function progressMode(output: Output, wanted: boolean): ProgressMode {
  if (!wanted || output.quiet) return "none";
  if (output.json) return "json";
  if (output.hasTerminal) return "terminal";
  return output.verbosity > 0 ? "plain" : "none";
}

export class Progress {
  readonly #output: Output;
  readonly #mode: ProgressMode;
  readonly #now: () => number;
  readonly #startMs: number;
  #state: (() => ProgressState) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastMs: number;
  #lastBytes = 0;
  #bytesPerSecond = 0;

  /** @param now Milliseconds that only ever grow. */
  constructor(output: Output, mode: ProgressMode, now: () => number = () => performance.now()) {
    this.#output = output;
    this.#mode = mode;
    this.#now = now;
    this.#startMs = now();
    this.#lastMs = this.#startMs;
  }

  /** Says where the newest numbers are; cheap, may be called for every file. */
  update(state: () => ProgressState): void {
    this.#state = state;
    if (this.#mode === "none" || this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.show(), INTERVAL_MS[this.#mode]);
    this.#timer.unref();
  }

  /** Shows the newest numbers now; the timer does it otherwise. */
  show(): void {
    const state = this.#state?.();
    if (state === undefined || this.#mode === "none") return;
    this.#measure(state.bytes);
    if (this.#mode === "terminal") {
      this.#output.showTransient(this.#terminalLine(state));
    } else if (this.#mode === "json") {
      void this.#output.jsonLine(this.#status(state)).then(() => this.#output.flush());
    } else {
      this.#output.note(this.#numbers(state));
    }
  }

  /** Ends the display and leaves a clean line. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#state = undefined;
    this.#output.clearTransient();
  }

  #measure(bytes: number): void {
    const now = this.#now();
    const seconds = (now - this.#lastMs) / 1000;
    if (seconds <= 0) return;
    const rate = Math.max(0, bytes - this.#lastBytes) / seconds;
    const elapsed = (now - this.#startMs) / 1000;
    // Until the memory is full every second counts the same, so the first numbers are not zero-heavy.
    const weight = Math.min(1, seconds / Math.min(RATE_MEMORY_SECONDS, Math.max(elapsed, seconds)));
    this.#bytesPerSecond += (rate - this.#bytesPerSecond) * weight;
    this.#lastMs = now;
    this.#lastBytes = bytes;
  }

  #secondsLeft(state: ProgressState): number | undefined {
    if (state.bytesTotal === undefined || this.#bytesPerSecond < 1) return undefined;
    return Math.max(0, state.bytesTotal - state.bytes) / this.#bytesPerSecond;
  }

  #numbers(state: ProgressState): string {
    const elapsed = (this.#now() - this.#startMs) / 1000;
    const parts = [`${state.activity} ${formatClock(elapsed)}`];
    if (state.bytesTotal !== undefined && state.bytesTotal > 0) {
      parts.push(`${Math.floor(100 * Math.min(1, state.bytes / state.bytesTotal))}%`);
    }
    parts.push(
      `${formatCount(state.files)}${of(state.filesTotal, formatCount)} ${state.unit ?? "files"}`,
      `${formatBytes(state.bytes)}${of(state.bytesTotal, formatBytes)}`,
      `${formatBytes(this.#bytesPerSecond)}/s`,
    );
    const left = this.#secondsLeft(state);
    if (left !== undefined) parts.push(`ETA ${formatClock(left)}`);
    if (state.extra !== undefined) parts.push(state.extra);
    return parts.join(", ");
  }

  #terminalLine(state: ProgressState): string {
    const width = this.#output.terminalWidth - 1;
    const numbers = this.#numbers(state);
    const used = displayWidth(numbers);
    if (used > width) return fitEnd(numbers, width);
    // Below some cells a path says nothing any more.
    if (state.current === undefined || width - used < 12) return numbers;
    return `${numbers}  ${fitEnd(displayText(state.current), width - used - 2)}`;
  }

  #status(state: ProgressState): object {
    return {
      type: "status",
      activity: state.activity,
      seconds: Math.round((this.#now() - this.#startMs) / 100) / 10,
      files: state.files,
      filesTotal: state.filesTotal,
      bytes: state.bytes,
      bytesTotal: state.bytesTotal,
      bytesPerSecond: Math.round(this.#bytesPerSecond),
      secondsLeft: this.#secondsLeft(state),
      current: state.current,
    };
  }
}

function of(total: number | undefined, format: (n: number) => string): string {
  return total === undefined ? "" : ` of ${format(total)}`;
}
