/** Names of users and groups by the system's name service. @see getpwuid_r(3), getgrgid_r(3) */
import { constants } from "node:os";
import { addressOf, libraryFunction } from "./library.ts";

/** The user name of an id by the system's name service; "" when it has none. */
export function userNameOf(uid: number): string {
  return ownerName(getpwuidOf(), uid);
}

export function groupNameOf(gid: number): string {
  return ownerName(getgrgidOf(), gid);
}

type OwnerLookup = (
  id: number,
  record: Uint8Array,
  text: Uint8Array,
  size: number,
  found: Uint8Array,
) => number;

function ownerName(lookup: OwnerLookup, id: number): string {
  // struct passwd and struct group both begin with a pointer to the name, which points into `text`.
  const record = new ArrayBuffer(128);
  const found = new ArrayBuffer(8);
  // A group's record holds all its members, so the text may be large.
  for (let size = 4096; size <= 16 * 1024 * 1024; size *= 16) {
    const text = new Uint8Array(size);
    const errno = lookup(id, new Uint8Array(record), text, size, new Uint8Array(found));
    if (errno === constants.errno.ERANGE) continue;
    if (errno !== 0 || new DataView(found).getBigUint64(0, true) === 0n) return "";
    const pointer = new DataView(record).getBigUint64(0, true);
    const start = Number(pointer - addressOf(text.buffer));
    if (start < 0 || start >= size) return "";
    return Buffer.from(text.subarray(start, text.indexOf(0, start))).toString("utf8");
  }
  return "";
}

const getpwuidOf = libraryFunction<OwnerLookup>(
  "int getpwuid_r(uint32_t uid, void *record, void *text, size_t size, void *found)",
);
const getgrgidOf = libraryFunction<OwnerLookup>(
  "int getgrgid_r(uint32_t gid, void *record, void *text, size_t size, void *found)",
);
