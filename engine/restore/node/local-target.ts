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
import {
  O_PATH,
  linkat,
  mknodat,
  openat,
  splitDevice,
  symlinkat,
} from "../../platform/node/libc.ts";
import type { FsDirectory, FsEntry, FsFile, FsSpecial, FsSymlink } from "../../read/readonly-fs.ts";
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
  NamedDoor,
  OpenDoor,
  type Rights,
  applyMetadata,
  hasXattrs,
  lossesOf,
  metadataOf,
  ownRights,
  procPath,
} from "./entry-metadata.ts";
import { type FileChecksum, checksumFile } from "./file-checksum.ts";
import { LocalPackedWriter } from "./local-packed-writer.ts";
import {
  beginNewFile,
  dropNewFile,
  finishNewFile,
  putInPlace,
  removeQuietly,
  temporaryName,
  writeAll,
} from "./new-file.ts";
import { targetError } from "./target-error.ts";

/** The types of entries by the type bits of a mode; and what mknod(2) is asked for. */
const TYPE_BITS = {
  fifo: constants.S_IFIFO,
  socket: constants.S_IFSOCK,
  "char-device": constants.S_IFCHR,
  "block-device": constants.S_IFBLK,
} as const;
const TYPES: ReadonlyMap<number, FsEntry["type"]> = new Map<number, FsEntry["type"]>([
  [constants.S_IFREG, "file"],
  [constants.S_IFDIR, "directory"],
  [constants.S_IFLNK, "symlink"],
  [constants.S_IFIFO, "fifo"],
  [constants.S_IFSOCK, "socket"],
  [constants.S_IFCHR, "char-device"],
  [constants.S_IFBLK, "block-device"],
]);

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
    return promised(() => {
      const fd = this.#openPath(place);
      if (fd === undefined) return undefined;
      try {
        return statOf(fd);
      } finally {
        closeSync(fd);
      }
    });
  }

  readLink(place: Place): Promise<Bytes> {
    return attempted("read the symlink", () => {
      const path = Buffer.from(procPath(this.#dirfd(place), place.name));
      return new Uint8Array(readlinkSync(path, { encoding: "buffer" }));
    });
  }

  beginFile(place: Place, options: BeginFileOptions): Promise<TargetFile> {
    return attempted("create the file", () => {
      const directory = localDirectory(place.directory);
      const name = checkedName(place.name);
      const dirfd = this.#table.pin(directory);
      try {
        const sparseBytes = options.sparse ? options.sizeBytes : undefined;
        const file = beginNewFile(dirfd, name, { replace: options.replace, sparseBytes });
        return this.#targetFile(directory, name, file);
      } catch (error) {
        this.#table.unpin(directory);
        throw error;
      }
    });
  }

  makeSymlink(
    place: Place,
    symlink: FsSymlink,
    options: { readonly replace: boolean },
  ): Promise<PlacedEntry> {
    return attempted("make the symlink", () =>
      this.#makeNamed(place, symlink, options.replace, (dirfd, name) =>
        symlinkat(symlink.target, dirfd, name),
      ),
    );
  }

  makeSpecial(
    place: Place,
    special: FsSpecial,
    options: { readonly replace: boolean },
  ): Promise<PlacedEntry> {
    return attempted(`make the ${special.type}`, () =>
      this.#makeNamed(place, special, options.replace, (dirfd, name) => {
        const { deviceMajor: major, deviceMinor: minor } = special.attributes;
        const isDevice = special.type === "char-device" || special.type === "block-device";
        const device = isDevice ? { major, minor } : { major: 0, minor: 0 };
        mknodat(dirfd, name, TYPE_BITS[special.type] | 0o600, device);
      }),
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
        const fromDirfd = this.#dirfd(from);
        const madeName = options.replace ? temporaryName() : name;
        linkat(fromDirfd, from.name, dirfd, madeName);
        try {
          // Only to what restore itself has made: somebody may have put something else there.
          if (!this.#isSame(dirfd, madeName, options.identity)) {
            throw new ForgeError(
              "io",
              "Cannot make the hard link: the file it leads to was replaced meanwhile",
            );
          }
          if (madeName !== name) putInPlace(dirfd, madeName, name);
        } catch (error) {
          removeQuietly(dirfd, madeName);
          throw error;
        }
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
    return attempted("set the metadata", () => {
      const metadata = metadataOf(entry);
      const dirfd = this.#dirfd(place);
      const isSymlink = entry.type === "symlink";
      const door = new NamedDoor(dirfd, place.name, isSymlink);
      const isRight =
        (isSymlink || found.mode === metadata.mode) &&
        found.uid === metadata.uid &&
        found.gid === metadata.gid &&
        found.mtimeNs === metadata.mtimeNs &&
        hasXattrs(door, entry.xattrs);
      if (isRight) return [];
      // Another name of the same file may belong to somebody else, outside of the target.
      if (found.linkCount > 1) return undefined;
      const options = { rights: this.#rights, strip: true };
      if (entry.type !== "file") return lossesOf(applyMetadata(door, metadata, options));
      const fd = this.#openSame(dirfd, place.name, found.identity);
      if (fd === undefined) return undefined;
      try {
        return lossesOf(applyMetadata(new OpenDoor(fd), metadata, options));
      } finally {
        closeSync(fd);
      }
    });
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

  /** A descriptor that stands for whatever has the name, without opening it. */
  #openPath(place: Place): number | undefined {
    try {
      return openat(this.#dirfd(place), place.name, O_PATH | constants.O_NOFOLLOW);
    } catch (error) {
      if (errnoCodeOf(error) === "ENOENT") return undefined;
      throw targetError(error, "look at what stands there");
    }
  }

  #isSame(dirfd: number, name: Bytes, identity: FileIdentity): boolean {
    const fd = openat(dirfd, name, O_PATH | constants.O_NOFOLLOW);
    try {
      const { dev, ino } = fstatSync(fd, { bigint: true });
      return dev === identity.device && ino === identity.inode;
    } finally {
      closeSync(fd);
    }
  }

  /** Opens a file for its metadata; `undefined` when it is another one, or may not be opened. */
  #openSame(dirfd: number, name: Bytes, identity: FileIdentity): number | undefined {
    let fd: number;
    try {
      fd = openat(dirfd, name, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch {
      return undefined;
    }
    const { dev, ino, nlink } = fstatSync(fd, { bigint: true });
    if (dev === identity.device && ino === identity.inode && nlink === 1n) return fd;
    closeSync(fd);
    return undefined;
  }

  #targetFile(
    directory: LocalDirectory,
    name: Bytes,
    file: ReturnType<typeof beginNewFile>,
  ): TargetFile {
    let open = true;
    const over = (): void => {
      open = false;
      this.#table.unpin(directory);
    };
    return {
      write: (offset, bytes) => attempted("write the file", () => writeAll(file.fd, bytes, offset)),
      finish: (entry: FsFile) =>
        attempted("finish the file", () => {
          try {
            const { lost, identity } = finishNewFile(directory.fd, file, {
              name,
              metadata: metadataOf(entry),
              rights: this.#rights,
              strip: directory.inheritsAcl,
              isOwn: directory.givesOwn,
              wantIdentity: entry.attributes.hardLinkKey !== undefined,
            });
            return { losses: lossesOf(lost), identity };
          } finally {
            over();
          }
        }),
      discard: () =>
        promised(() => {
          if (!open) return;
          dropNewFile(directory.fd, file);
          over();
        }),
    };
  }

  /** Makes an entry that is not opened: under its name, or beside and then in place of what is there. */
  #makeNamed(
    place: Place,
    entry: FsSymlink | FsSpecial,
    replace: boolean,
    make: (dirfd: number, name: Bytes) => void,
  ): PlacedEntry {
    const name = checkedName(place.name);
    const directory = localDirectory(place.directory);
    const dirfd = this.#table.fdOf(directory);
    const madeName = replace ? temporaryName() : name;
    make(dirfd, madeName);
    try {
      const door = new NamedDoor(dirfd, madeName, entry.type === "symlink");
      const lost = applyMetadata(door, metadataOf(entry), {
        rights: this.#rights,
        strip: directory.inheritsAcl && entry.type !== "symlink",
        isOwn: directory.givesOwn,
      });
      const identity =
        entry.attributes.hardLinkKey === undefined ? undefined : this.#identityOf(dirfd, madeName);
      if (madeName !== name) putInPlace(dirfd, madeName, name);
      return { losses: lossesOf(lost), identity };
    } catch (error) {
      removeQuietly(dirfd, madeName);
      throw error;
    }
  }

  #identityOf(dirfd: number, name: Bytes): FileIdentity {
    const fd = openat(dirfd, name, O_PATH | constants.O_NOFOLLOW);
    try {
      const { dev, ino } = fstatSync(fd, { bigint: true });
      return { device: dev, inode: ino };
    } finally {
      closeSync(fd);
    }
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

function statOf(fd: number): TargetStat | undefined {
  const stat = fstatSync(fd, { bigint: true });
  const mode = Number(stat.mode);
  const type = TYPES.get(mode & constants.S_IFMT);
  if (type === undefined) return undefined;
  const { major, minor } = splitDevice(stat.rdev);
  return {
    type,
    sizeBytes: Number(stat.size),
    mtimeNs: stat.mtimeNs,
    mode: mode & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    linkCount: Number(stat.nlink),
    deviceMajor: major,
    deviceMinor: minor,
    identity: { device: stat.dev, inode: stat.ino },
  };
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

/** Runs `fn` at once; what it throws becomes a rejection. */
function promised<Result>(fn: () => Result): Promise<Result> {
  return new Promise((settle) => settle(fn()));
}

function attempted<Result>(attempt: string, fn: () => Result): Promise<Result> {
  return promised(() => {
    try {
      return fn();
    } catch (error) {
      throw targetError(error, attempt);
    }
  });
}
