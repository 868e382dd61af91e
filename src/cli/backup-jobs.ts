/** What `forge backup` has to save: the paths of the command line, a stream, or the configured sources. */
import { readFile } from "node:fs/promises";
import {
  type Bytes,
  ForgeError,
  type Source,
  type SourceExcludes,
  displayName,
  messageOf,
  openCommandSource,
  openLocalSource,
  openStreamSource,
  splitPath,
  utf8,
} from "../../engine/node.ts";
import type { RepositorySettings, Settings } from "../config/settings.ts";
import { argumentBytes, localPathBytes } from "./path-argument.ts";
import { joinPath } from "./snapshot-choice.ts";
import { openStdin } from "./stdin-pipe.ts";

/** Directories that are never walked into, by identity: the repository's own. */
export type SkippedDirectories = readonly { readonly device: bigint; readonly inode: bigint }[];

/** One snapshot to be made. */
export interface BackupJob {
  readonly label: string | undefined;
  readonly tags: readonly string[];
  /** Absolute; what the snapshot says was asked for. */
  readonly paths: readonly Bytes[];
  /** For messages. */
  readonly title: string;
  /** Labels of the repositories it goes to; empty: all. */
  readonly repositories: readonly string[];
  /** A stream can be read once, so it goes to one repository. */
  readonly isStream: boolean;
  open(options: { readonly skip: SkippedDirectories; readonly signal: AbortSignal }): Source;
}

export interface JobValues {
  readonly path: readonly string[];
  readonly exclude: readonly string[];
  readonly excludeFrom: readonly string[];
  readonly excludeIfPresent: readonly string[];
  readonly excludeCaches: boolean;
  readonly oneFileSystem: boolean;
  readonly tag: readonly string[];
  readonly label: string | undefined;
  readonly source: readonly string[];
  readonly stdin: boolean;
  readonly stdinFilename: string | undefined;
  readonly stdinFromCommand: boolean;
}

/** @throws ForgeError "usage" when the values do not go together or nothing is to be saved. */
export async function backupJobs(
  values: JobValues,
  settings: Settings,
): Promise<readonly BackupJob[]> {
  if (values.stdinFromCommand || values.stdin || values.stdinFilename !== undefined) {
    return [streamJob(values)];
  }
  const excludeFiles = await Promise.all(values.excludeFrom.map(readExcludeFile));
  if (values.path.length > 0) {
    if (values.path.includes("")) {
      throw new ForgeError("usage", "Cannot back up a path that is empty; write . for this folder");
    }
    if (values.source.length > 0) {
      throw new ForgeError("usage", "Cannot use --source together with paths: choose one");
    }
    return [pathsJob(values, excludeFiles)];
  }
  return configuredJobs(values, excludeFiles, settings);
}

function pathsJob(values: JobValues, excludeFiles: readonly string[]): BackupJob {
  return localJob({
    label: values.label,
    tags: values.tag,
    paths: values.path.map(localPathBytes),
    repositories: [],
    oneFileSystem: values.oneFileSystem,
    excludes: {
      patterns: values.exclude,
      files: excludeFiles,
      ifPresent: values.excludeIfPresent,
      cacheDirTag: values.excludeCaches,
    },
  });
}

function configuredJobs(
  values: JobValues,
  excludeFiles: readonly string[],
  settings: Settings,
): readonly BackupJob[] {
  const known = settings.sources.flatMap((source) => source.label ?? []);
  for (const label of values.source) {
    if (known.includes(label)) continue;
    throw new ForgeError(
      "usage",
      `Cannot back up the source "${label}": configured are ${known.join(", ") || "none"}`,
    );
  }
  const chosen = settings.sources.filter(
    ({ label }) =>
      values.source.length === 0 || (label !== undefined && values.source.includes(label)),
  );
  if (chosen.length === 0) {
    throw new ForgeError(
      "usage",
      "Cannot tell what to back up: name paths, or write sources into a configuration (`forge config`)",
    );
  }
  return chosen.map((source) =>
    localJob({
      label: values.label ?? source.label,
      tags: [...source.tags, ...values.tag],
      paths: source.paths.map(utf8),
      repositories: source.repositories,
      oneFileSystem: source.oneFileSystem || values.oneFileSystem,
      excludes: {
        patterns: [...source.exclude, ...values.exclude],
        files: excludeFiles,
        ifPresent: [...source.excludeIfPresent, ...values.excludeIfPresent],
        cacheDirTag: source.excludeCaches || values.excludeCaches,
      },
    }),
  );
}

function localJob(
  job: Pick<BackupJob, "label" | "tags" | "paths" | "repositories"> & {
    readonly excludes: SourceExcludes;
    readonly oneFileSystem: boolean;
  },
): BackupJob {
  const { excludes, oneFileSystem, paths } = job;
  return {
    ...job,
    title: job.label ?? paths.map(displayName).join(" "),
    isStream: false,
    open: ({ skip }) => openLocalSource({ paths, excludes, oneFileSystem, skip }),
  };
}

function streamJob(values: JobValues): BackupJob {
  const path = splitPath(argumentBytes(values.stdinFilename ?? "stdin"));
  if (path.length === 0) {
    throw new ForgeError("usage", "Cannot use an empty --stdin-filename: name a file");
  }
  const [program, ...words] = values.path;
  if (values.stdinFromCommand && program === undefined) {
    throw new ForgeError(
      "usage",
      "Cannot back up a command's output: no command was given; write it after --, as in: forge backup --stdin-from-command -- pg_dump shop",
    );
  }
  if (!values.stdinFromCommand && program !== undefined) {
    throw new ForgeError(
      "usage",
      "Cannot back up standard input and paths in one snapshot: run forge twice",
    );
  }
  const joined = joinPath(path);
  return {
    label: values.label,
    tags: values.tag,
    paths: [joined],
    title: displayName(joined),
    repositories: [],
    isStream: true,
    open: ({ signal }) =>
      program === undefined
        ? openStreamSource({ path, ...openStdin(signal) })
        : openCommandSource({ path, command: [program, ...words], signal }),
  };
}

/** Whether a job is for this repository. */
export function isFor(job: BackupJob, repository: RepositorySettings): boolean {
  if (job.repositories.length === 0) return true;
  return repository.label !== undefined && job.repositories.includes(repository.label);
}

async function readExcludeFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new ForgeError(
      "not-found",
      `Cannot read the patterns of --exclude-from ${path}: ${messageOf(error)}`,
      { cause: error },
    );
  }
}
