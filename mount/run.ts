/** Runs one of the system's small programs, without a shell. */
import { type StdioOptions, spawn } from "node:child_process";
import { errnoNameOf } from "./native.ts";

export interface RunResult {
  /** `undefined` when there is no such program. */
  readonly exitCode: number | undefined;
  readonly stderr: string;
}

const STDERR_CHARACTERS_MAX = 4096;

/** @param options.fd Given to the program as descriptor 3. */
export function run(
  program: string,
  args: readonly string[],
  options: { readonly fd?: number; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<RunResult> {
  const stdio: StdioOptions = ["ignore", "ignore", "pipe"];
  if (options.fd !== undefined) stdio.push(options.fd);
  return new Promise((resolve, reject) => {
    // Messages are matched below: they must be in one language.
    const env = { ...process.env, LC_ALL: "C", ...options.env };
    const child = spawn(program, args, { stdio, env });
    let stderr = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      if (stderr.length < STDERR_CHARACTERS_MAX) stderr += text;
    });
    child.on("error", (error) => {
      if (errnoNameOf(error) === "ENOENT") resolve({ exitCode: undefined, stderr: "" });
      else reject(error);
    });
    child.on("close", (code) => resolve({ exitCode: code ?? 1, stderr: stderr.trim() }));
  });
}
