/** Long work in short turns, so that other requests are answered meanwhile. */
import { setImmediate as nextTurn } from "node:timers/promises";

/** What one request may hold the others up at a time. */
const TURN_MS = 10;

/** To be called often; what it returns is to be awaited. A promise only when the turn is over. */
export function createTurns(now: () => number): () => Promise<void> | undefined {
  let startedMs = now();
  return () => {
    if (now() - startedMs < TURN_MS) return undefined;
    return nextTurn().then(() => {
      startedMs = now();
    });
  };
}
