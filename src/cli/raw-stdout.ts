/** Bytes to stdout, without Node's stream between: its pipe writes would block the event loop. */
import { write } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { ForgeError, messageOf } from "../../engine/base/errors.ts";
import { endBySignal } from "./end-by-signal.ts";

const STDOUT = 1;
/** A pipe that somebody set to non-blocking is tried again after this. */
const RETRY_MS = 2;

/** Small pieces are gathered up to this: a call for each header of an archive would be the cost. */
const GATHER_BYTES = 1024 * 1024;

/**
 * Writes all pieces in order, one write under way while the next is gathered.
 * @throws ForgeError "no-space", "io"; whatever `pieces` throws.
 */
export async function writeToStdout(pieces: AsyncIterable<Uint8Array>): Promise<void> {
  let gathered = new Uint8Array(GATHER_BYTES);
  let used = 0;
  let writing: Promise<void> = Promise.resolve();
  const send = async (bytes: Uint8Array): Promise<void> => {
    await writing;
    writing = writeAll(bytes);
    // Its failure is met by the next `await`; until then it must not count as unhandled.
    writing.catch(() => undefined);
  };
  for await (const piece of pieces) {
    const isLarge = piece.length >= GATHER_BYTES / 2;
    if (used > 0 && (isLarge || used + piece.length > GATHER_BYTES)) {
      await send(gathered.subarray(0, used));
      gathered = new Uint8Array(GATHER_BYTES);
      used = 0;
    }
    if (isLarge) {
      await send(piece);
    } else {
      gathered.set(piece, used);
      used += piece.length;
    }
  }
  await send(gathered.subarray(0, used));
  await writing;
}

async function writeAll(bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length;) {
    const outcome = await writeSome(bytes.subarray(offset));
    if (outcome === "full") await wait(RETRY_MS);
    else offset += outcome;
  }
}

function writeSome(bytes: Uint8Array): Promise<number | "full"> {
  return new Promise((resolve, reject) => {
    write(STDOUT, bytes, (error, written) => {
      if (error === null) resolve(written);
      else if (error.code === "EAGAIN") resolve("full");
      // The reader went away: there is nobody to tell anything.
      else if (error.code === "EPIPE") endBySignal("SIGPIPE");
      else reject(writeError(error));
    });
  });
}

function writeError(error: NodeJS.ErrnoException): ForgeError {
  const code = error.code === "ENOSPC" ? "no-space" : "io";
  return new ForgeError(code, `Cannot write to stdout: ${messageOf(error)}`, { cause: error });
}
