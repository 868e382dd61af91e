import { describe, expect, test } from "vitest";
import { ForgeError } from "../../../engine/base/errors.ts";
import { EXIT, exitCodeOf, exitCodeOfError } from "../../../src/cli/exit-code.ts";
import { Output, type OutputOptions, type TextStream, toJson } from "../../../src/cli/output.ts";
import { Progress, progressMode } from "../../../src/cli/progress.ts";

class Recorder implements TextStream {
  text = "";
  readonly isTTY: boolean;
  readonly columns = 60;
  constructor(isTTY = false) {
    this.isTTY = isTTY;
  }
  write(text: string): boolean {
    this.text += text;
    return true;
  }
  once(): this {
    return this;
  }
}

function setup(options: Partial<OutputOptions> = {}, isTTY = false) {
  const stdout = new Recorder();
  const stderr = new Recorder(isTTY);
  const output = new Output({
    stdout,
    stderr,
    json: false,
    quiet: false,
    verbosity: 0,
    ...options,
  });
  return { stdout, stderr, output };
}

describe("output", () => {
  test("data goes to stdout, notes and warnings to stderr", async () => {
    const { stdout, stderr, output } = setup();
    await output.line("data");
    output.note("note");
    output.warn("bad\u001b[0m");
    await output.flush();
    expect(stdout.text).toBe("data\n");
    expect(stderr.text).toBe("note\nwarning: bad\\u001b[0m\n");
  });

  test("-q leaves warnings and errors", () => {
    const { stderr, output } = setup({ quiet: true });
    output.note("note");
    output.warn("w");
    output.failure(new ForgeError("io", "Cannot read x: gone"));
    expect(stderr.text).toBe("warning: w\nforge: Cannot read x: gone.\n");
  });

  test("--json makes objects of warnings and errors", () => {
    const { stderr, output } = setup({ json: true });
    output.note("not shown");
    output.warn("w");
    output.failure(new ForgeError("corrupt", "Cannot", { context: { n: 1 } }));
    expect(
      stderr.text
        .trim()
        .split("\n")
        .map((line): unknown => JSON.parse(line)),
    ).toEqual([
      { type: "warning", message: "w" },
      { type: "error", code: "corrupt", message: "Cannot.", context: { n: 1 } },
    ]);
  });

  test("a stack is shown with -vv only, an error over several lines is one sentence", () => {
    const error = new Error("a\n  b");
    const plain = setup({ verbosity: 1 });
    plain.output.failure(error);
    expect(plain.stderr.text).toBe("forge: internal error: a b.\n");
    const loud = setup({ verbosity: 2 });
    loud.output.failure(error);
    expect(loud.stderr.text).toContain("output.test.ts");
  });

  test("bigint and Map have a JSON form", () => {
    expect(toJson({ a: 2n ** 60n, b: new Map([["k", 1]]) })).toBe(
      '{"a":"1152921504606846976","b":{"k":1}}',
    );
  });

  test("a warning does not stand inside the progress line", () => {
    const { stderr, output } = setup({}, true);
    output.showTransient("50%");
    output.warn("w");
    expect(stderr.text).toBe("\r50%\u001b[K\r\u001b[Kwarning: w\n\r50%\u001b[K");
  });
});

describe("progress", () => {
  const state = { activity: "backing up", files: 10, bytes: 50 << 20, bytesTotal: 100 << 20 };

  test("a terminal sees one line with percent, rate and time left, cut to its width", () => {
    const { stderr, output } = setup({}, true);
    let now = 0;
    const progress = new Progress(output, progressMode(output, true), () => now);
    now = 5000;
    progress.update(() => ({ ...state, current: "/a/long/path/to/some/file" }));
    progress.show();
    progress.stop();
    const line = stderr.text.split("\u001b[K")[0] ?? "";
    expect(line.length).toBeLessThanOrEqual(60);
    expect(stderr.text).toContain("ETA 0:05");
    expect(stderr.text.endsWith("\r\u001b[K")).toBe(true);
  });

  test("--json makes status objects", async () => {
    const { stdout, output } = setup({ json: true });
    let now = 0;
    const progress = new Progress(output, progressMode(output, true), () => now);
    now = 1000;
    progress.update(() => state);
    progress.show();
    progress.stop();
    await output.flush();
    expect(JSON.parse(stdout.text)).toMatchObject({ type: "status", files: 10, secondsLeft: 1 });
  });

  test("nothing shows with -q, --no-progress, or without a terminal and without -v", () => {
    expect(progressMode(setup({ quiet: true }, true).output, true)).toBe("none");
    expect(progressMode(setup({}, true).output, false)).toBe("none");
    expect(progressMode(setup().output, true)).toBe("none");
    expect(progressMode(setup({ verbosity: 1 }).output, true)).toBe("plain");
  });
});

describe("exit codes", () => {
  test("are those of the manual", () => {
    expect(EXIT).toMatchObject({ done: 0, error: 1, usage: 2, someSkipped: 3, interrupted: 130 });
    expect(exitCodeOf("no-repository")).toBe(10);
    expect(exitCodeOf("locked")).toBe(11);
    expect(exitCodeOf("wrong-password")).toBe(12);
    expect(exitCodeOf("aborted")).toBe(130);
    expect(exitCodeOf("usage")).toBe(2);
    expect(exitCodeOf("corrupt")).toBe(1);
    expect(exitCodeOfError(new Error("x"))).toBe(1);
  });
});
