/**
 * Whether two trees are the same, by programs that share nothing with forge: a Python script for
 * trees of any depth and rsync as a second opinion. Asynchronous, because one of the trees may be a
 * mount that this very process serves.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";

export interface CompareOptions {
  /** Exact runs of data and holes. Default true. */
  readonly holes?: boolean | undefined;
  readonly owners?: boolean | undefined;
  /** mtimes to the nanosecond. */
  readonly times?: boolean | undefined;
  readonly xattrs?: boolean | undefined;
  readonly hardLinks?: boolean | undefined;
  /** The metadata of the two directories themselves. */
  readonly top?: boolean | undefined;
  /** Attributes whose names begin so are not compared: `security.selinux`. */
  readonly ignoreXattrs?: readonly string[] | undefined;
  /** Entries of the two directories themselves that are not compared. */
  readonly ignoreNames?: readonly string[] | undefined;
}

/** A comparison that hangs, on a mount perhaps, must not outlive its test for ever. */
const TIMEOUT_MS = 10 * 60 * 1000;
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

/** @returns a sentence for each difference, at most about 200; empty when the trees are the same. */
export async function compareTrees(
  expected: string,
  found: string,
  options: CompareOptions = {},
): Promise<string[]> {
  const { holes = true, owners = true, times = true, xattrs = true } = options;
  const { hardLinks = true, top = true, ignoreXattrs = [], ignoreNames = [] } = options;
  const all = { holes, owners, times, xattrs, hardLinks, top, ignoreXattrs, ignoreNames };
  const script = join(import.meta.dirname, "compare_trees.py");
  const output = await run("python3", [script, expected, found, JSON.stringify(all)]);
  const differences: unknown = JSON.parse(output);
  if (!Array.isArray(differences)) throw new Error(`compare_trees.py printed ${output}`);
  return differences.map(String);
}

/**
 * What rsync would have to change: checksums, owners, times, links, ACLs and attributes. Not for
 * trees with paths beyond PATH_MAX; and it reads through holes, so exclude files of terabytes.
 * @param options.exclude Patterns of rsync.
 */
export async function rsyncDifferences(
  expected: string,
  found: string,
  options: { readonly exclude?: readonly string[] | undefined } = {},
): Promise<string[]> {
  const output = await run("rsync", [
    "-aHAXn",
    "--checksum",
    "--delete",
    "--itemize-changes",
    "--specials",
    "--devices",
    ...(options.exclude ?? []).map((pattern) => `--exclude=${pattern}`),
    `${expected}/`,
    `${found}/`,
  ]);
  return output.split("\n").filter((line) => line !== "");
}

function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      program,
      args,
      { maxBuffer: OUTPUT_BYTES_MAX, timeout: TIMEOUT_MS },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`${program} failed: ${error.message}\n${stderr}`));
      },
    );
  });
}
