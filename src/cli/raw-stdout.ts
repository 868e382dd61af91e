/** Bytes to stdout, without Node's stream between: its pipe writes would block the event loop. */
import { write } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { ForgeError, messageOf } from "../../engine/base/errors.ts";
import { EXIT } from "./exit-code.ts";

const STDOUT = 1;
/** A pipe that somebody set to non-blocking is tried again after this. */
const RETRY_MS = 2;

/** Writes all of `bytes`. @throws ForgeError "no-space", "io". */
export async function writeToStdout(bytes: Uint8Array): Promise<void> {
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
      else if (error.code === "EPIPE") process.exit(EXIT.outputClosed);
      else reject(writeError(error));
    });
  });
}

function writeError(error: NodeJS.ErrnoException): ForgeError {
  const code = error.code === "ENOSPC" ? "no-space" : "io";
  return new ForgeError(code, `Cannot write to stdout: ${messageOf(error)}`, { cause: error });
}
