/** Owner names by the system's name service, asked once for each id. */
import { utf8 } from "../../base/bytes.ts";
import { isForgeError } from "../../base/errors.ts";
import { groupNameOf, userNameOf } from "../../platform/node/libc.ts";

/** A name's length is one byte in a tree page. */
const OWNER_NAME_BYTES_MAX = 255;

export class OwnerNames {
  readonly #users = new Map<number, string>();
  readonly #groups = new Map<number, string>();

  /** "" when there is none. */
  user(uid: number): string {
    return remembered(this.#users, uid, userNameOf);
  }

  group(gid: number): string {
    return remembered(this.#groups, gid, groupNameOf);
  }
}

function remembered(names: Map<number, string>, id: number, find: (id: number) => string): string {
  let name = names.get(id);
  if (name === undefined) {
    try {
      name = find(id);
    } catch (error) {
      // Without the C library there are numbers, which is what counts.
      if (!isForgeError(error, "not-supported")) throw error;
      name = "";
    }
    if (utf8(name).length > OWNER_NAME_BYTES_MAX) name = "";
    names.set(id, name);
  }
  return name;
}
