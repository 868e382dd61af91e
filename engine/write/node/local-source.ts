/**
 * LocalSource: directories and files of this machine. Names stay bytes throughout; symlinks are
 * stored, never followed, also where one is given as a path. `/proc` and `/sys` are directories like
 * others: leave them out by a pattern or by staying on one file system.
 */
import { closeSync, constants, lstatSync, openSync, readdirSync, readlinkSync } from "node:fs";
import type { Bytes } from "../../base/bytes.ts";
import { errnoCodeOf } from "../../base/errno-code.ts";
import { assert, type ErrorCode, ForgeError, messageOf } from "../../base/errors.ts";
import type {
  Source,
  SourceDescription,
  SourceDirectory,
  SourceEntry,
  SourceProblem,
  SourceStat,
} from "../source.ts";
import { metadataOf } from "../source-metadata.ts";
import {
  appliedMarkers,
  CACHE_DIRECTORY_MARKER,
  type ExcludeMarker,
  parseExcludeMarker,
} from "./exclude-markers.ts";
import { ExcludePatterns, patternLines } from "./exclude-patterns.ts";
import { EntryStats } from "./entry-stats.ts";
import { OwnerNames } from "./owner-names.ts";
import { rawToBytes, rawToDisplay, rawToFs, rawToText } from "./raw-path.ts";
import { readXattrs } from "./read-xattrs.ts";
import { wantedPaths, type WantedPath } from "./source-paths.ts";

export interface SourceExcludes {
  /** gitignore syntax, relative to each path; with a leading slash absolute paths as well. */
  readonly patterns?: readonly string[] | undefined;
  /** Contents of exclude files, one pattern a line; they come after `patterns`. */
  readonly files?: readonly string[] | undefined;
  /** `name` or `name:header`: a directory that holds such a file keeps nothing but that file. */
  readonly ifPresent?: readonly string[] | undefined;
  /** The same for a CACHEDIR.TAG with its signature. */
  readonly cacheDirTag?: boolean | undefined;
}

export interface LocalSourceOptions {
  /** Absolute. Nested ones are merged; each is backed up whatever the excludes say of it. */
  readonly paths: readonly (string | Bytes)[];
  readonly excludes?: SourceExcludes | undefined;
  /** A directory where another file system is mounted is kept empty, unless it was given itself. */
  readonly oneFileSystem?: boolean | undefined;
  /** Directories to leave out wherever they are met: the repository's own. */
  readonly skip?: readonly { readonly device: bigint; readonly inode: bigint }[] | undefined;
}

/**
 * @throws ForgeError "not-found" or "permission" when a path cannot be backed up, "usage" for paths
 * that are not absolute and for patterns that cannot be used.
 */
export function openLocalSource(options: LocalSourceOptions): Source {
  const wanted = wantedPaths(options.paths);
  for (const raw of wanted.raw) {
    try {
      lstatSync(rawToFs(raw === "" ? "/" : raw));
    } catch (cause) {
      const path = rawToDisplay(raw);
      const gone = ["ENOENT", "ENOTDIR"].includes(errnoCodeOf(cause) ?? "");
      if (!gone) throw sourceError(`Cannot back up ${path}`, cause);
      throw new ForgeError("not-found", `Cannot back up ${path}: it does not exist`, { cause });
    }
  }
  const source = new LocalSource(options, wanted.root);
  source.checkPatterns(wanted.raw);
  return source;
}

/** One path that was given, and what applies below it. */
interface SourceRoot {
  /** Length of its raw path with the final slash. */
  readonly prefixLength: number;
  readonly device: bigint;
  readonly patterns: ExcludePatterns | undefined;
}

/** The directory that siblings share. */
interface Place {
  /** Raw path with a final slash that opens it now. */
  readonly openBase: string;
  /** Raw path with a final slash that it has. */
  readonly base: string;
}

class LocalEntry implements SourceEntry {
  readonly name: Bytes;
  readonly stat: SourceStat;
  /** Raw name; with "/." behind it, what a symlink on the way to a path points to. */
  readonly rawName: string;
  readonly openName: string;
  readonly place: Place;
  /** What was given that this lies in; without it, only what is `wanted` is listed. */
  readonly root: SourceRoot | undefined;
  readonly wanted: WantedPath | undefined;

  constructor(init: {
    readonly place: Place;
    readonly rawName: string;
    readonly openName: string;
    readonly stat: SourceStat;
    readonly root: SourceRoot | undefined;
    readonly wanted: WantedPath | undefined;
  }) {
    this.name = rawToBytes(init.rawName);
    this.stat = init.stat;
    this.rawName = init.rawName;
    this.openName = init.openName;
    this.place = init.place;
    this.root = init.root;
    this.wanted = init.wanted;
  }

  get openPath(): Bytes {
    return rawToBytes(this.rawOpenPath);
  }

  get rawOpenPath(): string {
    return this.place.openBase + this.openName;
  }

  get rawPath(): string {
    return this.place.base + this.rawName;
  }
}

/** A path near PATH_MAX (4096) is not opened any more; with one more name this stays below it. */
const OPEN_PATH_MAX = 3000;
const DIRECTORY_FLAGS: number = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

class LocalSource implements Source {
  readonly root: SourceEntry;
  readonly #patterns: readonly string[];
  readonly #markers: readonly ExcludeMarker[];
  readonly #oneFileSystem: boolean;
  readonly #skip: readonly { readonly device: bigint; readonly inode: bigint }[];
  readonly #owners = new OwnerNames();
  readonly #stats = new EntryStats();
  readonly #descriptors = new Set<number>();

  constructor(options: LocalSourceOptions, wanted: WantedPath) {
    const { patterns = [], files = [], ifPresent = [], cacheDirTag } = options.excludes ?? {};
    this.#patterns = [...patterns, ...files.flatMap(patternLines)];
    this.#markers = ifPresent.map(parseExcludeMarker);
    if (cacheDirTag === true) this.#markers = [...this.#markers, CACHE_DIRECTORY_MARKER];
    this.#oneFileSystem = options.oneFileSystem === true;
    this.#skip = options.skip ?? [];
    const stat = this.#stats.lstat("/", "");
    this.root = new LocalEntry({
      place: { openBase: "/", base: "" },
      rawName: "",
      openName: "",
      stat,
      root: wanted.isSource ? this.#rootAt("", stat) : undefined,
      wanted,
    });
  }

  /** Says before anything is read that a pattern cannot be used. */
  checkPatterns(roots: readonly string[]): void {
    for (const root of roots) this.#patternsFor(root);
  }

  list(directory: SourceEntry): SourceDirectory {
    assert(directory instanceof LocalEntry, "a directory of another source");
    const place = this.#open(directory);
    try {
      const problems: SourceProblem[] = [];
      const entries: SourceEntry[] = [];
      for (const name of this.#namesIn(directory, place)) {
        const entry = this.#entry(directory, place, name, problems);
        if (entry !== undefined) entries.push(entry);
      }
      return { entries, problems, close: () => this.#release(place) };
    } catch (error) {
      this.#release(place);
      throw error instanceof ForgeError ? error : sourceError("cannot list it", error);
    }
  }

  describe(entry: SourceEntry, onProblem: (problem: SourceProblem) => void): SourceDescription {
    const { stat, openPath } = entry;
    try {
      const xattrs = readXattrs(openPath, (message) => {
        onProblem({ path: this.displayPath(entry), error: new ForgeError("io", message) });
      });
      const linkTarget = stat.type === "symlink" ? readLink(openPath) : undefined;
      return {
        metadata: metadataOf(stat, this, xattrs),
        linkTarget,
      };
    } catch (error) {
      throw sourceError("cannot look at it", error);
    }
  }

  userName(uid: number): string {
    return this.#owners.user(uid);
  }

  groupName(gid: number): string {
    return this.#owners.group(gid);
  }

  displayPath(entry: SourceEntry): string {
    assert(entry instanceof LocalEntry, "an entry of another source");
    return rawToDisplay(entry.rawPath === "" ? "/" : entry.rawPath);
  }

  close(): void {
    for (const fd of this.#descriptors) closeSync(fd);
    this.#descriptors.clear();
  }

  /** Where the directory's entries are opened: by its path, or by a descriptor where that is long. */
  #open(directory: LocalEntry): Place & { readonly fd?: number } {
    const path = directory.rawOpenPath;
    const base = `${directory.rawPath}/`;
    if (path.length <= OPEN_PATH_MAX) {
      return { openBase: path === "/" ? "/" : `${path}/`, base };
    }
    try {
      const fd = openSync(rawToFs(path), DIRECTORY_FLAGS);
      this.#descriptors.add(fd);
      return { openBase: `/proc/self/fd/${fd}/`, base, fd };
    } catch (error) {
      throw sourceError("cannot open it", error);
    }
  }

  #release(place: Place & { readonly fd?: number }): void {
    if (place.fd !== undefined && this.#descriptors.delete(place.fd)) closeSync(place.fd);
  }

  /** Raw names in order: what is there, unless a marker forbids it, and what is wanted by name. */
  #namesIn({ root, wanted }: LocalEntry, place: Place): readonly string[] {
    let names: string[] = [];
    if (root !== undefined) {
      names = readdirSync(rawToFs(place.openBase), { encoding: "latin1" });
      const applied = appliedMarkers(this.#markers, place.openBase, names);
      if (applied.length > 0) names = applied;
    }
    if (wanted !== undefined && wanted.children.size > 0) {
      names = [...new Set([...names, ...wanted.children.keys()])];
    }
    // Without a comparator strings are ordered by their code units, which here are bytes.
    return names.sort();
  }

  #entry(
    directory: LocalEntry,
    place: Place,
    rawName: string,
    problems: SourceProblem[],
  ): LocalEntry | undefined {
    const wanted = directory.wanted?.children.get(rawName);
    let stat: SourceStat;
    let openName = rawName;
    try {
      stat = this.#stats.lstat(place.openBase, rawName);
      if (wanted?.isSource === false && stat.type === "symlink") {
        // A path leads through it: it shows as the directory it stands for.
        openName = `${rawName}/.`;
        stat = this.#stats.lstat(place.openBase, openName);
      }
    } catch (error) {
      // Removed since the directory was read, which may happen to any file; not to what was asked for.
      if (errnoCodeOf(error) === "ENOENT" && wanted === undefined) return undefined;
      const problem = sourceError("cannot look at it", error);
      problems.push({ path: rawToDisplay(place.base + rawName), error: problem });
      return undefined;
    }
    const root = this.#rootOf({ directory, place, rawName, stat, wanted });
    if (root === "excluded" && wanted === undefined) return undefined;
    return new LocalEntry({
      place,
      rawName,
      openName,
      stat,
      root: root === "excluded" || root === "empty" || openName !== rawName ? undefined : root,
      wanted,
    });
  }

  /** What an entry lies in; "excluded" with all below it, "empty" without what is below it. */
  #rootOf(found: {
    readonly directory: LocalEntry;
    readonly place: Place;
    readonly rawName: string;
    readonly stat: SourceStat;
    readonly wanted: WantedPath | undefined;
  }): SourceRoot | "excluded" | "empty" {
    const { directory, place, rawName, stat, wanted } = found;
    const isDirectory = stat.type === "directory";
    if (wanted?.isSource === true) return this.#rootAt(place.base + rawName, stat);
    const { root } = directory;
    if (root === undefined) return "excluded";
    if (isDirectory && this.#skips(stat)) return "excluded";
    if (root.patterns !== undefined) {
      const path = rawToText(`${place.base}${rawName}`.slice(root.prefixLength));
      if (root.patterns.excludes(isDirectory ? `${path}/` : path)) return "excluded";
    }
    // Files of other file systems are bind mounts, and rare: only directories are asked.
    if (this.#oneFileSystem && isDirectory && stat.device !== root.device) return "empty";
    return root;
  }

  #rootAt(rawPath: string, stat: SourceStat): SourceRoot {
    return {
      prefixLength: rawPath.length + 1,
      device: stat.device,
      patterns: this.#patternsFor(rawPath),
    };
  }

  #patternsFor(rawPath: string): ExcludePatterns | undefined {
    if (this.#patterns.length === 0) return undefined;
    return new ExcludePatterns(rawToText(rawPath), this.#patterns);
  }

  #skips(stat: SourceStat): boolean {
    for (const { device, inode } of this.#skip) {
      if (device === stat.device && inode === stat.inode) return true;
    }
    return false;
  }
}

function readLink(path: Bytes): Bytes {
  const target = readlinkSync(Buffer.from(path.buffer, path.byteOffset, path.byteLength), "buffer");
  return new Uint8Array(target);
}

/** Errors that say the entry is not what the walk saw a moment ago. */
const VANISHED: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ELOOP", "EINVAL", "ESTALE"]);

function sourceError(attempted: string, cause: unknown): ForgeError {
  if (cause instanceof ForgeError) return cause;
  const errno = errnoCodeOf(cause) ?? "";
  let code: ErrorCode = "io";
  if (errno === "EACCES" || errno === "EPERM") code = "permission";
  else if (VANISHED.has(errno)) code = "source-changed";
  return new ForgeError(code, `${attempted}: ${messageOf(cause)}`, { cause });
}
