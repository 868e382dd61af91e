/** Scratch: room outside of memory for what a long walk collects. Gone when it is closed, or the process. */
import type { Bytes } from "../base/bytes.ts";

export interface Scratch {
  /**
   * Adds at the end.
   * @returns the position of the first byte.
   * @throws ForgeError "no-space", "permission", "io".
   */
  append(bytes: Bytes): number;
  /** Fills `into` from `position` on. @throws ForgeError "io" also when not so much was written. */
  read(into: Bytes, position: number): void;
  close(): void;
}

/** How much memory ids of chunks may take, and where they stand beyond it. */
export interface IdMemory {
  readonly bytes: number;
  /** Called when it is needed. */
  readonly openScratch: () => Scratch;
}
