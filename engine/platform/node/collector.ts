/** What V8's collector is told by programs that read or store much content. */
import { setFlagsFromString } from "node:v8";

/** The Node whose V8 has the flag; another might complain about it to the person. */
const NODE_MAJOR = "24";

/**
 * Buffers of content come and go by the hundred MB, and are freed by hand. V8 takes each 64 MB of them for a
 * reason to look through its whole heap, up to a fifth of the time of a long read; told to see them together
 * with the heap, it does so 2 times in a read of 840 MB and not 17. Measured in `test/bench/README.md`.
 *
 * For all threads, and for good. Not for what keeps much in buffers and makes much garbage, as walking all
 * trees of a large repository does: then it takes 100 MB more and is no faster.
 */
export function countBuffersWithHeap(): void {
  if (process.versions.node.startsWith(`${NODE_MAJOR}.`)) {
    setFlagsFromString("--external-memory-accounted-in-global-limit");
  }
}
