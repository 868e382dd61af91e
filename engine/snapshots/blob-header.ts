/** What pages of directories, chunk lists and hole lists begin with: their kind and its version. */
import type { Bytes } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";

export interface BlobHeader {
  /** For messages: "a hole list". */
  readonly what: string;
  readonly kind: number;
  readonly version: number;
  /** Bytes of the whole header, these two among them. */
  readonly headerBytes: number;
}

/**
 * Byte 0 is the kind, byte 1 the version.
 * @throws ForgeError "corrupt" when it is shorter or of another kind, "unsupported-version".
 */
export function checkBlobHeader(bytes: Bytes, expected: BlobHeader): void {
  const { what, kind, version, headerBytes } = expected;
  if (bytes.length < headerBytes) fault(what, `it has ${bytes.length} bytes`);
  if (bytes[0] !== kind) fault(what, `it is of kind ${bytes[0] ?? 0}`);
  if (bytes[1] !== version) {
    throw new ForgeError(
      "unsupported-version",
      `Cannot read ${what} of version ${bytes[1] ?? 0}: it was made by a newer forge`,
    );
  }
}

function fault(what: string, found: string): never {
  throw new ForgeError("corrupt", `Cannot decode ${what}: ${found}`);
}
