/**
 * LocalTarget: restore into a directory of this machine. Whoever else may write there, nothing
 * outside of it is touched: everything goes through descriptors of directories that were opened one
 * name at a time without following symlinks, and all that is made is made exclusively.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import type { Bytes } from "../../base/bytes.ts";
import { ForgeError, assert } from "../../base/errors.ts";
import type { KeyRing } from "../../crypto/key-ring.ts";
import { errnoCodeOf } from "../../base/errno-code.ts";
import { openat } from "../../platform/node/libc.ts";
import type { FsDirectory, FsEntry, FsSpecial, FsSymlink } from "../../read/readonly-fs.ts";
import { nameFault } from "../../snapshots/entry-name.ts";
import type {
  BeginFileOptions,
  FileIdentity,
  MetadataLoss,
  PackedWriter,
  Place,
  PlacedEntry,
  RestoreTarget,
  TargetFile,
  TargetStat,
} from "../restore-target.ts";
import { DirectoryTable, LocalDirectory, UNFINISHED_MODE } from "./directory-table.ts";
import {
  OpenDoor,
  type Rights,
  applyMetadata,
  lossesOf,
  metadataOf,
  ownRights,
  procPath,
} from "./entry-metadata.ts";
import { type FileChecksum, checksumFile } from "./file-checksum.ts";
import { inspectEntry } from "./inspect-entry.ts";
import { beginLocalFile } from "./local-file.ts";
import { LocalPackedWriter } from "./local-packed-writer.ts";
import { makeHardLink, makeNamedEntry } from "./new-named-entry.ts";
import { repairMetadata } from "./repair-metadata.ts";
import { attempted, promised, targetError } from "./target-error.ts";

export interface LocalTargetOptions {
  /** Directories held open at a time; by default as the system's limit allows. */
  readonly openDirectoriesMax?: number | undefined;
}

/**
 * @param directory Made, with its parents, when it is absent. It may be a symlink; what is below it
 *   is never followed.
 */
export function openLocalTarget(
  directory: string,
  options: LocalTargetOptions = {},
): RestoreTarget {
  return new LocalTarget(resolve(directory), options);
}

class LocalTarget implements RestoreTarget {
  readonly description: string;
  readonly #rights: Rights = ownRights();
  readonly #table: DirectoryTable;
  #root: LocalDirectory | undefined;
  /** What the system gave the root when it was made. */
  #rootMode = UNFINISHED_MODE;

  constructor(path: string, options: LocalTargetOptions) {
    this.description = path;
    this.#table = new DirectoryTable(this.#rights, options.openDirectoriesMax);
  }

  openRoot(options: { readonly make: boolean }): Promise<LocalDirectory | undefined> {
    return promised(() => {
      assert(this.#root === undefined, "a target opened twice");
      try {
        const created = options.make && makeRoot(this.description);
        const fd = openSync(this.description, constants.O_RDONLY | constants.O_DIRECTORY);
        if (created) {
          this.#rootMode = fstatSync(fd).mode & 0o7777;
          fchmodSync(fd, UNFINISHED_MODE);
        }
        this.#root = this.#table.addRoot(fd, created);
        return this.#root;
      } catch (error) {
        if (errnoCodeOf(error) === "ENOENT") {
          if (!options.make) return undefined;
          throw new ForgeError(
            "not-found",
            `Cannot make the target directory ${this.description}: a symlink to nothing stands there, or it is no place for directories (ENOENT)`,
            { cause: error },
          );
        }
        throw targetError(error, `open the target directory ${this.description}`);
      }
    });
  }

  openDirectory(
    place: Place,
    options: { readonly make: boolean },
  ): Promise<LocalDirectory | undefined> {
    return promised(() =>
      this.#table.openBelow(localDirectory(place.directory), place.name, options.make),
    );
  }

  inspect(place: Place): Promise<TargetStat | undefined> {
    return promised(() => inspectEntry(this.#dirfd(place), place.name));
  }

  readLink(place: Place): Promise<Bytes> {
    return attempted("read the symlink", () => {
      const path = Buffer.from(procPath(this.#dirfd(place), place.name));
      return new Uint8Array(readlinkSync(path, { encoding: "buffer" }));
    });
  }

  beginFile(place: Place, options: BeginFileOptions): Promise<TargetFile> {
    return attempted("create the file", () => {
      const surroundings = { table: this.#table, rights: this.#rights };
      const directory = localDirectory(place.directory);
      return beginLocalFile(surroundings, directory, checkedName(place.name), options);
    });
  }

  makeSymlink(
    place: Place,
    symlink: FsSymlink,
    options: { readonly replace: boolean },
  ): Promise<PlacedEntry> {
    return attempted("make the symlink", () => this.#makeNamed(place, symlink, options.replace));
  }

  makeSpecial(
    place: Place,
    special: FsSpecial,
    options: { readonly replace: boolean },
  ): Promise<PlacedEntry> {
    return attempted(`make the ${special.type}`, () =>
      this.#makeNamed(place, special, options.replace),
    );
  }

  makeHardLink(
    place: Place,
    from: Place,
    options: { readonly identity: FileIdentity; readonly replace: boolean },
  ): Promise<void> {
    return attempted("make the hard link", () => {
      const name = checkedName(place.name);
      const directory = localDirectory(place.directory);
      const dirfd = this.#table.pin(directory);
      try {
        makeHardLink({ dirfd: this.#dirfd(from), name: from.name }, { dirfd, name }, options);
      } finally {
        this.#table.unpin(directory);
      }
    });
  }

  repairMetadata(
    place: Place,
    entry: FsEntry,
    found: TargetStat,
  ): Promise<readonly MetadataLoss[] | undefined> {
    return attempted("set the metadata", () =>
      repairMetadata(this.#dirfd(place), place.name, { entry, found, rights: this.#rights }),
    );
  }

  finishDirectory(
    directory: LocalDirectory,
    entry: FsDirectory | undefined,
  ): Promise<readonly MetadataLoss[]> {
    return attempted("set the metadata of the directory", () => {
      const fd = this.#table.fdOf(directory);
      if (entry === undefined) {
        fchmodSync(fd, this.#rootMode);
        return [];
      }
      const strip = !directory.created || directory.inheritsAcl;
      const lost = applyMetadata(new OpenDoor(fd), metadataOf(entry), {
        rights: this.#rights,
        strip,
        // What it gives to what is made in it, it has itself.
        isOwn: directory.givesOwn,
      });
      this.#table.drop(directory);
      return lossesOf(lost);
    });
  }

  async checksum(
    place: Place,
    options: { readonly signal?: AbortSignal | undefined },
  ): Promise<FileChecksum> {
    const fd = await attempted("read the restored file", () =>
      openat(
        this.#dirfd(place),
        checkedName(place.name),
        constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
      ),
    );
    try {
      return await checksumFile(fd, options.signal);
    } catch (error) {
      throw targetError(error, "read the restored file");
    } finally {
      closeSync(fd);
    }
  }

  openPackedWriter(keys: KeyRing): PackedWriter {
    return new LocalPackedWriter(this.#table, this.#rights, keys);
  }

  close(): Promise<void> {
    return promised(() => {
      if (this.#root !== undefined) this.#table.close(this.#root);
      this.#root = undefined;
    });
  }

  /** The descriptor of the place's directory, valid until the next use of the table. */
  #dirfd(place: Place): number {
    checkedName(place.name);
    return this.#table.fdOf(localDirectory(place.directory));
  }

  #makeNamed(place: Place, entry: FsSymlink | FsSpecial, replace: boolean): PlacedEntry {
    const name = checkedName(place.name);
    const directory = localDirectory(place.directory);
    const dirfd = this.#table.fdOf(directory);
    const options = { directory, rights: this.#rights, replace };
    return makeNamedEntry({ dirfd, name }, entry, options);
  }
}

/** @returns whether the directory itself was made. */
function makeRoot(path: string): boolean {
  mkdirSync(dirname(path), { recursive: true });
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if (errnoCodeOf(error) !== "EEXIST") throw error;
    return false;
  }
}

function checkedName(name: Bytes): Bytes {
  const fault = nameFault(name, 0, name.length);
  if (fault !== undefined) throw new ForgeError("corrupt", `Cannot restore an entry: ${fault}`);
  return name;
}

function localDirectory(directory: Place["directory"]): LocalDirectory {
  assert(directory instanceof LocalDirectory, "a directory of another target");
  return directory;
}
