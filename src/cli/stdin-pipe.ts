/**
 * Standard input for a backup. A worker thread reads it by calls that block, and a thread that is
 * blocked cannot be stopped: so what may wait for ever comes through a pipe of our own, which ends
 * when the backup is to stop.
 */
import { fstatSync } from "node:fs";
import { Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import { ForgeError, messageOf, pipe } from "../../engine/node.ts";

export interface Stdin {
  /** The reader closes it. */
  readonly fd: number;
  /** Settles with what cut the input short. */
  readonly ended: Promise<ForgeError | undefined> | undefined;
}

export function openStdin(signal: AbortSignal): Stdin {
  if (fstatSync(0).isFile()) return { fd: 0, ended: undefined };
  const [fd, writeFd] = pipe();
  const writer = new Socket({ fd: writeFd, readable: false, writable: true });
  const ended = pipeline(process.stdin, writer, { signal }).then(
    () => undefined,
    (error: unknown) =>
      new ForgeError(
        signal.aborted ? "aborted" : "io",
        `Cannot read standard input to its end: ${messageOf(error)}; it was not made a snapshot`,
        { cause: error },
      ),
  );
  return { fd, ended };
}
