/** Ending at once, without taking Node down first. */
import { EXIT } from "./exit-code.ts";

/**
 * Ends the process as the signal would have, had nobody listened: at once, and so that a shell sees why.
 * `process.exit()` would first stop the threads, and stopping one that loads a native module can abort
 * the process (engine/decisions/0004-threads.md).
 */
export function endBySignal(signal: "SIGINT" | "SIGPIPE"): never {
  // Node ignores SIGPIPE; when its last listener goes, the system's own action is back.
  process.on(signal, () => undefined);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  process.exit(signal === "SIGINT" ? EXIT.interrupted : EXIT.outputClosed);
}
