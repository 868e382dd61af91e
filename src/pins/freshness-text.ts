/** Faults of freshness as sentences: what was seen when, what is shown now. */
import type { FreshnessFault, Snapshot } from "../../engine/node.ts";
import { displayText, formatTime, shortId } from "../cli/format.ts";

export function describeFault(fault: FreshnessFault): string {
  switch (fault.kind) {
    case "head-missing": {
      const { head, shown } = fault;
      const rest =
        shown === undefined
          ? "none of that machine's snapshots is shown"
          : `the newest of that machine that is shown is number ${shown.seq}, made ${formatTime(shown.timeNs)}`;
      return (
        `snapshot ${shortId(head.id)} of ${hostOf(head.hostname)}, number ${head.seq}, made ${formatTime(head.timeNs)}, ` +
        `was there on ${formatMs(head.seenMs)} and is gone, and nobody who holds the keys deleted it; ${rest}`
      );
    }
    case "gap": {
      const { from, to, next, lastId } = fault.gap;
      const what = from === to ? `snapshot number ${from}` : `snapshots number ${from} to ${to}`;
      const name =
        lastId === undefined ? "" : ` (${from === to ? "" : "the last is "}${shortId(lastId)})`;
      return (
        `${what} of ${hostOf(next.hostname)}${name} ${from === to ? "is" : "are"} missing, and nobody who holds the keys deleted ` +
        `${from === to ? "it" : "them"}: ${nameOfSnapshot(next)} comes after`
      );
    }
    case "broken-link": {
      const { snapshot, previous } = fault;
      const named =
        previous === undefined
          ? ""
          : `, and it names ${nameOfSnapshot(previous)} as the one before`;
      return `${nameOfSnapshot(snapshot)} does not fit its place in the chain of its machine${named}`;
    }
    case "fork":
      return (
        `${nameOfSnapshot(fault.first)} and ${nameOfSnapshot(fault.second)} are different snapshots of one machine with the same number: ` +
        "the machine was copied with its state directory, or the storage showed it an older state for a while"
      );
    case "old-keys":
      return (
        `the key that opened is from before a rotation that this machine has seen: it has ${fault.found} key epochs, and ${fault.seen} were there; ` +
        "the storage shows an old key, or one was put back"
      );
    default:
      return fault satisfies never;
  }
}

function nameOfSnapshot({ id, hostname, seq, timeNs }: Snapshot): string {
  return `snapshot ${shortId(id)} of ${hostOf(hostname)}, number ${seq}, made ${formatTime(timeNs)}`;
}

function hostOf(hostname: string): string {
  return displayText(hostname.slice(0, 100));
}

export function formatMs(ms: number): string {
  return formatTime(BigInt(ms) * 1_000_000n);
}
