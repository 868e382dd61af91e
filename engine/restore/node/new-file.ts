/**
 * Making a file in a directory that is held open: exclusively, never through a symlink, readable by
 * nobody else until it is finished. A file that replaces something is made under a temporary name
 * and renamed at the end. Used by the target itself and by its threads.
 */
import { randomBytes } from "node:crypto";
import { closeSync, constants, ftruncateSync, writeSync } from "node:fs";
import { type Bytes, utf8 } from "../../base/bytes.ts";
import { ForgeError } from "../../base/errors.ts";
import { errnoCodeOf } from "../../base/errno-code.ts";
import { AT_REMOVEDIR, openat, renameat2, unlinkat } from "../../platform/node/libc.ts";
import type { FileIdentity } from "../restore-target.ts";
import { type EntryMetadata, OpenDoor, type Rights, applyMetadata } from "./entry-metadata.ts";
import { identityOf } from "./inspect-entry.ts";

const CREATE_FLAGS =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** Nobody but its owner sees a file that is not finished. */
const UNFINISHED_MODE = 0o600;

/** A name that nothing of the snapshot has; hidden, and told by its prefix if a crash leaves it. */
export function temporaryName(): Bytes {
  return utf8(`.forge-${randomBytes(8).toString("hex")}`);
}

/** A file under way. `fd` is owned by whoever holds this. */
export interface NewFile {
  readonly fd: number;
  /** The name it has until it is finished. */
  readonly madeName: Bytes;
}

/**
 * @param options.sparseBytes The size to give it at once, when not all of it will be written.
 * @param options.mode What to make it with where `isModeGivenAtOnce`.
 */
export function beginNewFile(
  dirfd: number,
  name: Bytes,
  options: {
    readonly replace: boolean;
    readonly sparseBytes: number | undefined;
    readonly mode?: number | undefined;
  },
): NewFile {
  const madeName = options.replace ? temporaryName() : name;
  const fd = openat(dirfd, madeName, CREATE_FLAGS, options.mode ?? UNFINISHED_MODE);
  if (options.sparseBytes !== undefined) {
    try {
      ftruncateSync(fd, options.sparseBytes);
    } catch (error) {
      dropNewFile(dirfd, { fd, madeName });
      throw error;
    }
  }
  return { fd, madeName };
}

export function writeAll(fd: number, bytes: Bytes, position: number): void {
  for (let done = 0; done < bytes.length;) {
    const written = writeSync(fd, bytes, done, bytes.length - done, position + done);
    if (written === 0) throw new ForgeError("io", "Cannot write the file: nothing was written");
    done += written;
  }
}

export interface FinishOptions {
  readonly name: Bytes;
  readonly metadata: EntryMetadata;
  readonly rights: Rights;
  readonly strip: boolean;
  /** See `applyMetadata`. */
  readonly isOwn: boolean;
  /** See `applyMetadata`. */
  readonly hasMode?: boolean | undefined;
  readonly wantIdentity: boolean;
}

/** Metadata, close, and its final name. On failure nothing of it is left. */
export function finishNewFile(
  dirfd: number,
  file: NewFile,
  options: FinishOptions,
): { readonly lost: number; readonly identity: FileIdentity | undefined } {
  let open = true;
  try {
    const lost = applyMetadata(new OpenDoor(file.fd), options.metadata, options);
    const identity = options.wantIdentity ? identityOf(file.fd) : undefined;
    open = false;
    closeSync(file.fd);
    if (file.madeName !== options.name) putInPlace(dirfd, file.madeName, options.name);
    return { lost, identity };
  } catch (error) {
    if (open) closeSync(file.fd);
    removeQuietly(dirfd, file.madeName);
    throw error;
  }
}

/** Closes and removes a file that will not be finished. Never throws. */
export function dropNewFile(dirfd: number, file: NewFile): void {
  try {
    closeSync(file.fd);
  } catch {
    // It is removed next, whatever close has to say.
  }
  removeQuietly(dirfd, file.madeName);
}

export function removeQuietly(dirfd: number, name: Bytes): void {
  try {
    unlinkat(dirfd, name);
  } catch {
    // The failure that led here is the one to tell.
  }
}

/** Renames over what stands there; a directory gives way only when it is empty. */
export function putInPlace(dirfd: number, madeName: Bytes, name: Bytes): void {
  try {
    renameat2(dirfd, madeName, dirfd, name);
  } catch (error) {
    if (errnoCodeOf(error) !== "EISDIR") throw error;
    unlinkat(dirfd, name, AT_REMOVEDIR);
    renameat2(dirfd, madeName, dirfd, name);
  }
}
