/** A growing wait for those who guess passwords, by the address they come from. */
import type { IncomingMessage } from "node:http";
import { isIPv6 } from "node:net";

/** Wrong passwords that cost nothing: drives ask several times with what they remember. */
const FREE_FAILURES = 10;
const WAIT_MS_MAX = 60_000;
/** What was guessed wrongly is forgotten after this long. */
const FORGET_MS = 15 * 60_000;
const CLIENTS_MAX = 10_000;

interface Failures {
  count: number;
  lastMs: number;
}

export class FailureThrottle {
  readonly #now: () => number;
  /** By address, the one that failed longest ago first. */
  readonly #failures = new Map<string, Failures>();

  /** @param now Milliseconds of a clock that goes forward. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** How long the sender of `request` has to wait before it is listened to again; 0: not at all. */
  waitMs(request: IncomingMessage): number {
    const failures = this.#failures.get(clientOf(request));
    if (failures === undefined || failures.count < FREE_FAILURES) return 0;
    const sinceMs = this.#now() - failures.lastMs;
    const doublings = Math.min(6, failures.count - FREE_FAILURES);
    return Math.max(0, Math.min(WAIT_MS_MAX, 1000 * 2 ** doublings) - sinceMs);
  }

  countFailure(request: IncomingMessage): void {
    const client = clientOf(request);
    const nowMs = this.#now();
    const before = this.#failures.get(client);
    const isOld = before === undefined || nowMs - before.lastMs > FORGET_MS;
    this.#failures.delete(client);
    this.#failures.set(client, { count: isOld ? 1 : before.count + 1, lastMs: nowMs });
    if (this.#failures.size <= CLIENTS_MAX) return;
    for (const oldest of this.#failures.keys()) {
      this.#failures.delete(oldest);
      break;
    }
  }

  forgive(request: IncomingMessage): void {
    this.#failures.delete(clientOf(request));
  }
}

/** One machine may have a whole /64 of IPv6 addresses. */
function clientOf(request: IncomingMessage): string {
  const address = request.socket.remoteAddress ?? "";
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  // `::` stands for zeros, so what is before it names the network as well.
  const [groups = ""] = address.split("::");
  return groups.split(":").slice(0, 4).join(":");
}
