/**
 * LocalBackend: a repository in a directory. Objects are files named as FORMAT.md says; `tmp/`
 * holds what is being written. Directories are made with mode 0700, objects with 0400.
 */
import { randomBytes } from "node:crypto";
import { lstatSync, read as readFd, readdirSync } from "node:fs";
import { chmod, lstat, mkdir, readdir, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Bytes, utf8 } from "../../base/bytes.ts";
import { mapBounded, throwIfAborted } from "../../base/concurrency.ts";
import { errnoCodeOf } from "../../base/errno-code.ts";
import { ForgeError } from "../../base/errors.ts";
import { fresh } from "../../platform/node/fresh-memory.ts";
import { renameExclusive } from "../../platform/node/libc.ts";
import {
  type Backend,
  isObjectName,
  OBJECT_KINDS,
  type ObjectInfo,
  type ObjectKind,
  objectPath,
  type ObjectRef,
  type ReadOptions,
} from "../backend.ts";
import { checkObjectBytes, checkSpan } from "../read-checks.ts";
import {
  DIRECTORY_MODE,
  durableDirectory,
  durablePut,
  durableReplace,
  syncDirectory,
} from "./durable-put.ts";
import { OpenFiles } from "./open-files.ts";
import { storageError } from "./storage-error.ts";

const TEMPORARY = "tmp";
/** What may stand in a repository's directory before it is one. */
const OWN_NAMES: ReadonlySet<string> = new Set([...OBJECT_KINDS, TEMPORARY, "lost+found"]);
/** No directory of their own, or one that many repositories never need. */
const MADE_WHEN_USED: ReadonlySet<ObjectKind> = new Set([
  "config",
  "tombstones",
  "gc",
  "quarantine",
]);
/** A temporary file this much older than a fresh one has no writer any more. */
const STALE_MS = 24 * 60 * 60 * 1000;
const OPEN_FILES_MAX = 64;
const DELETES_AT_ONCE = 8;

export class LocalBackend implements Backend {
  readonly description: string;
  readonly #root: string;
  readonly #files = new OpenFiles(OPEN_FILES_MAX);
  /** Directories whose own names this process made durable. */
  readonly #directories = new Map<string, Promise<void>>();
  #cleaning: Promise<void> | undefined;

  /** @param root Path of the repository's directory; nothing is touched before the first call. */
  constructor(root: string) {
    this.#root = resolve(root);
    this.description = this.#root;
  }

  async put(ref: ObjectRef, data: Bytes): Promise<"created" | "exists"> {
    const path = this.#pathOf(ref);
    return this.#write(path, (temporaryPath) =>
      durablePut({ temporaryPath, path, renameExclusive: renamePaths }, data),
    );
  }

  async replace(ref: ObjectRef, data: Bytes): Promise<void> {
    const path = this.#pathOf(ref);
    await this.#write(path, (temporaryPath) => durableReplace({ temporaryPath, path }, data));
    await this.#files.drop(path);
  }

  async read(ref: ObjectRef, options: ReadOptions = {}): Promise<Bytes> {
    throwIfAborted(options.signal);
    const path = this.#pathOf(ref);
    try {
      return await this.#files.with(path, async ({ fd, sizeBytes }) => {
        throwIfAborted(options.signal);
        if (options.span === undefined) {
          checkObjectBytes(path, sizeBytes, options.bytesMax);
          return readFully(fd, path, 0, sizeBytes);
        }
        checkSpan(path, options.span, sizeBytes);
        return readFully(fd, path, options.span.offset, options.span.length);
      });
    } catch (error) {
      throw await this.#explain(error, `read ${path}`);
    }
  }

  async list(
    kind: ObjectKind,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<ObjectInfo[]> {
    throwIfAborted(options.signal);
    if (kind === "config") {
      const config = await this.stat({ kind, name: "" });
      return config === undefined ? [] : [config];
    }
    const directory = join(this.#root, kind);
    try {
      if (kind !== "packs") return listObjects(directory, kind, "");
      const infos: ObjectInfo[] = [];
      for (const shard of (await readdir(directory)).sort()) {
        if (!/^[0-9a-f]{2}$/.test(shard)) continue;
        infos.push(...listObjects(join(directory, shard), kind, shard));
        // Synchronous listing is four times faster than promises; between shards others may run.
        await nextTurn();
        throwIfAborted(options.signal);
      }
      return infos;
    } catch (error) {
      // Copies of a repository may have lost their empty directories.
      if (errnoCodeOf(error) === "ENOENT" && (await this.#isRepository())) return [];
      throw await this.#explain(error, `list ${directory}`);
    }
  }

  async stat(ref: ObjectRef): Promise<ObjectInfo | undefined> {
    const path = this.#pathOf(ref);
    try {
      const stats = await lstat(path);
      if (!stats.isFile()) return undefined;
      return { name: ref.name, sizeBytes: stats.size, modifiedMs: Math.floor(stats.mtimeMs) };
    } catch (error) {
      if (errnoCodeOf(error) === "ENOENT") return undefined;
      throw storageError(error, `look at ${path}`);
    }
  }

  async delete(refs: readonly ObjectRef[]): Promise<void> {
    const touched = new Set<string>();
    await mapBounded(refs, { concurrency: DELETES_AT_ONCE }, async (ref) => {
      const path = this.#pathOf(ref);
      await this.#files.drop(path);
      if (await removeObject(path)) touched.add(dirname(path));
    });
    try {
      for (const directory of touched) await syncDirectory(directory);
    } catch (error) {
      throw storageError(error, `delete objects in ${this.#root}`);
    }
  }

  async create(): Promise<void> {
    try {
      const first = await mkdir(this.#root, { recursive: true, mode: DIRECTORY_MODE });
      await this.#refuseForeign();
      for (let path = this.#root; first !== undefined; path = dirname(path)) {
        await syncDirectory(dirname(path));
        if (path === first || path === dirname(path)) break;
      }
      for (const kind of OBJECT_KINDS) {
        if (!MADE_WHEN_USED.has(kind)) await this.#durable(join(this.#root, kind));
      }
      await this.#durable(join(this.#root, TEMPORARY));
    } catch (error) {
      if (errnoCodeOf(error) === "EEXIST" || errnoCodeOf(error) === "ENOTDIR") {
        const message = `Cannot make a repository at ${this.#root}: it is not a directory`;
        throw new ForgeError("not-a-directory", message, { cause: error });
      }
      throw storageError(error, `make a repository at ${this.#root}`);
    }
  }

  async close(): Promise<void> {
    await this.#cleaning;
    await this.#files.close();
  }

  #pathOf(ref: ObjectRef): string {
    if (!isObjectName(ref.kind, ref.name)) {
      throw new ForgeError("usage", `Cannot use "${ref.name}" as a name in ${ref.kind}`);
    }
    return join(this.#root, objectPath(ref));
  }

  /** @param write Makes the object at `path` by way of a temporary file. */
  async #write<Result>(
    path: string,
    write: (temporaryPath: string) => Promise<Result>,
  ): Promise<Result> {
    const once = async (): Promise<Result> => {
      await this.#durable(join(this.#root, TEMPORARY));
      await this.#durable(dirname(path));
      return write(join(this.#root, TEMPORARY, `${randomBytes(16).toString("hex")}.tmp`));
    };
    try {
      const outcome = await once().catch((error: unknown) => {
        if (errnoCodeOf(error) !== "ENOENT") throw error;
        // Someone removed a directory that was empty when this process last saw it.
        this.#directories.clear();
        return once();
      });
      this.#cleaning ??= this.#removeStale();
      return outcome;
    } catch (error) {
      throw await this.#explain(error, `write ${path}`);
    }
  }

  /** Once a directory and process: it exists and its name is durable. */
  async #durable(directory: string): Promise<void> {
    // A shard lies in its kind's directory, everything else in the root, which is never made here.
    if (dirname(dirname(directory)) === this.#root) await this.#durable(dirname(directory));
    if (directory === this.#root) return;
    let made = this.#directories.get(directory);
    if (made === undefined) {
      made = durableDirectory(directory);
      this.#directories.set(directory, made);
      made.catch(() => this.#directories.delete(directory));
    }
    await made;
  }

  async #refuseForeign(): Promise<void> {
    const names = await readdir(this.#root);
    if (names.includes("config")) return;
    const foreign = names.find((name) => !OWN_NAMES.has(name));
    if (foreign === undefined) return;
    throw new ForgeError(
      "exists",
      `Cannot make a repository at ${this.#root}: it holds other files ("${foreign}"); choose an empty directory`,
    );
  }

  /** Tells an object that is gone from a repository that is. */
  async #explain(error: unknown, attempted: string): Promise<ForgeError> {
    const code = errnoCodeOf(error);
    if ((code !== "ENOENT" && code !== "ENOTDIR") || (await this.#isRepository())) {
      return storageError(error, attempted);
    }
    const message = `Cannot ${attempted}: there is no repository at ${this.#root}; check the path, or make one with "forge init"`;
    return new ForgeError("no-repository", message, { cause: error });
  }

  async #isRepository(): Promise<boolean> {
    for (const name of ["config", "packs"]) {
      const stats = await lstat(join(this.#root, name)).catch(() => undefined);
      if (stats !== undefined) return true;
    }
    return false;
  }

  /** Removes what crashed writers left, by the storage's own clock. Never fails, never waits. */
  async #removeStale(): Promise<void> {
    const directory = join(this.#root, TEMPORARY);
    try {
      // The directory changed when our own temporary file went: that is now, by the storage's clock.
      const nowMs = (await lstat(directory)).mtimeMs;
      for (const name of await readdir(directory)) {
        if (!/^[0-9a-f]{32}\.tmp$/.test(name)) continue;
        const path = join(directory, name);
        if ((await lstat(path)).mtimeMs < nowMs - STALE_MS) await unlink(path);
      }
    } catch {
      // Another process was faster, or may and we may not: it only takes space.
    }
  }
}

function renamePaths(from: string, to: string): void {
  renameExclusive(utf8(from), utf8(to));
}

/** Objects in one directory; foreign names and what vanishes meanwhile are left out. */
function listObjects(directory: string, kind: ObjectKind, prefix: string): ObjectInfo[] {
  const infos: ObjectInfo[] = [];
  for (const name of readdirSync(directory)) {
    if (!isObjectName(kind, name) || !name.startsWith(prefix)) continue;
    const stats = lstatSync(`${directory}/${name}`, { throwIfNoEntry: false });
    if (stats?.isFile() !== true) continue;
    infos.push({ name, sizeBytes: stats.size, modifiedMs: Math.floor(stats.mtimeMs) });
  }
  return infos;
}

/** pread(2) until `length` bytes are there. @returns a buffer that fills its ArrayBuffer. */
async function readFully(fd: number, path: string, offset: number, length: number): Promise<Bytes> {
  const bytes = fresh(length);
  let done = 0;
  while (done < length) {
    const got = await readOnce(fd, bytes, done, offset + done);
    if (got === 0) {
      throw new ForgeError(
        "corrupt",
        `Cannot read ${length} bytes at offset ${offset} of ${path}: got only ${done}`,
      );
    }
    done += got;
  }
  return bytes;
}

function readOnce(fd: number, bytes: Bytes, at: number, position: number): Promise<number> {
  return new Promise((settle, reject) => {
    readFd(fd, bytes, at, bytes.length - at, position, (error, got) => {
      if (error === null) settle(got);
      else reject(error);
    });
  });
}

/** @returns false when there was nothing to delete. */
async function removeObject(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    const code = errnoCodeOf(error);
    if (code === "ENOENT") return false;
    if (code !== "EACCES" && code !== "EPERM") throw storageError(error, `delete ${path}`);
  }
  try {
    // Some network file systems refuse to delete what is read-only.
    await chmod(path, 0o600);
    await unlink(path);
    return true;
  } catch (error) {
    throw storageError(error, `delete ${path}`);
  }
}
