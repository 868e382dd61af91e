/** Scratch in a file that has no name: nobody else can open it, and it goes with the process. */
import { closeSync, mkdirSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import type { Bytes } from "../../base/bytes.ts";
import { storageError } from "../../storage/node/storage-error.ts";
import type { Scratch } from "../scratch.ts";

/** @param folder Made when it is missing. @throws ForgeError "no-space", "permission", "io". */
export function openScratchFile(folder: string): Scratch {
  const what = `keep ids of chunks in a temporary file in ${folder} (with more --memory none is needed)`;
  const attempt = <Result>(work: () => Result): Result => {
    try {
      return work();
    } catch (error) {
      throw storageError(error, what);
    }
  };
  const fd = attempt(() => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, `scratch-${randomUUID()}`);
    const opened = openSync(path, "wx+", 0o600);
    try {
      unlinkSync(path);
    } catch (error) {
      closeSync(opened);
      throw error;
    }
    return opened;
  });
  let end = 0;
  return {
    append(bytes) {
      const position = end;
      attempt(() => {
        for (let at = 0; at < bytes.length;) {
          const written = writeSync(fd, bytes, at, bytes.length - at, end);
          at += written;
          end += written;
        }
      });
      return position;
    },
    read(into: Bytes, position: number) {
      attempt(() => {
        for (let at = 0; at < into.length;) {
          const length = readSync(fd, into, at, into.length - at, position + at);
          if (length === 0) throw new Error(`it ends at ${position + at}`);
          at += length;
        }
      });
    },
    close: () => closeSync(fd),
  };
}
