/**
 * Making what is never opened: symlinks, special files and hard links, each by a name in a directory
 * that is held open. What replaces something is made under a temporary name and renamed at the end.
 * (`new-file.ts` makes files.)
 */
import { constants } from "node:fs";
import type { Bytes } from "../../base/bytes.ts";
import { ForgeError } from "../../base/errors.ts";
import { linkat, mknodat, symlinkat } from "../../platform/node/libc.ts";
import type { FsSpecial, FsSymlink } from "../../read/readonly-fs.ts";
import { type FileIdentity, type PlacedEntry, sameIdentity } from "../restore-target.ts";
import type { LocalDirectory } from "./directory-table.ts";
import { NamedDoor, type Rights, applyMetadata, lossesOf, metadataOf } from "./entry-metadata.ts";
import { identityAt } from "./inspect-entry.ts";
import { putInPlace, removeQuietly, temporaryName } from "./new-file.ts";

/** What mknod(2) is asked for. */
const TYPE_BITS = {
  fifo: constants.S_IFIFO,
  socket: constants.S_IFSOCK,
  "char-device": constants.S_IFCHR,
  "block-device": constants.S_IFBLK,
} as const;

/** A name in an open directory. */
export interface OpenPlace {
  readonly dirfd: number;
  readonly name: Bytes;
}

/**
 * Makes a symlink or a special file with its metadata. On failure nothing of it is left.
 * @param directory Of the place: tells what new entries in it inherit.
 */
export function makeNamedEntry(
  { dirfd, name }: OpenPlace,
  entry: FsSymlink | FsSpecial,
  options: {
    readonly directory: LocalDirectory;
    readonly rights: Rights;
    readonly replace: boolean;
  },
): PlacedEntry {
  const { directory, rights, replace } = options;
  return madeInPlace({ dirfd, name }, replace, {
    make: (madeName) => {
      if (entry.type === "symlink") symlinkat(entry.target, dirfd, madeName);
      else makeSpecial(dirfd, madeName, entry);
    },
    complete: (madeName) => {
      const door = new NamedDoor(dirfd, madeName, entry.type === "symlink");
      const lost = applyMetadata(door, metadataOf(entry), {
        rights,
        strip: directory.inheritsAcl && entry.type !== "symlink",
        isOwn: directory.givesOwn,
      });
      const wantIdentity = entry.attributes.hardLinkKey !== undefined;
      const identity = wantIdentity ? identityAt(dirfd, madeName) : undefined;
      return { losses: lossesOf(lost), identity };
    },
  });
}

/**
 * Makes a hard link to what has the name `from`.
 * @throws ForgeError "io" when that is no longer the file with `identity`; no link is left.
 */
export function makeHardLink(
  from: OpenPlace,
  to: OpenPlace,
  options: { readonly identity: FileIdentity; readonly replace: boolean },
): void {
  madeInPlace(to, options.replace, {
    make: (madeName) => linkat(from.dirfd, from.name, to.dirfd, madeName),
    complete: (madeName) => {
      // Only to what restore itself has made: somebody may have put something else there.
      if (sameIdentity(identityAt(to.dirfd, madeName), options.identity)) return;
      throw new ForgeError(
        "io",
        "Cannot make the hard link: the file it leads to was replaced meanwhile",
      );
    },
  });
}

function makeSpecial(dirfd: number, name: Bytes, special: FsSpecial): void {
  const { deviceMajor: major, deviceMinor: minor } = special.attributes;
  const isDevice = special.type === "char-device" || special.type === "block-device";
  const device = isDevice ? { major, minor } : { major: 0, minor: 0 };
  mknodat(dirfd, name, TYPE_BITS[special.type] | 0o600, device);
}

/** Makes and completes an entry under its name, or beside what it then takes the place of. */
function madeInPlace<Result>(
  { dirfd, name }: OpenPlace,
  replace: boolean,
  steps: {
    readonly make: (madeName: Bytes) => void;
    readonly complete: (madeName: Bytes) => Result;
  },
): Result {
  const madeName = replace ? temporaryName() : name;
  steps.make(madeName);
  try {
    const result = steps.complete(madeName);
    if (madeName !== name) putInPlace(dirfd, madeName, name);
    return result;
  } catch (error) {
    removeQuietly(dirfd, madeName);
    throw error;
  }
}
