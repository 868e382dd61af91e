/**
 * Pins as text: what this machine remembers of a repository, and which repositories it knows at a
 * place. The files may have been changed by anyone who could: every field is checked.
 */
import { ForgeError, type SeenHead, type SeenState, type SeqRange } from "../../engine/node.ts";
import { type SnapshotId, findId } from "../../engine/base/ids.ts";

export interface RepositoryPin {
  /** 64 hex digits. */
  readonly repositoryId: string;
  /** Of the config, 64 hex digits. */
  readonly fingerprint: string;
  /** When it was first opened here, milliseconds since 1970. */
  readonly firstSeenMs: number;
  readonly seen: SeenState;
}

export interface PlacePin {
  readonly location: string;
  /** Those that were opened or accepted here, by id. */
  readonly repositories: readonly { readonly id: string; readonly sinceMs: number }[];
}

const VERSION = 1;
const HEX_64 = /^[0-9a-f]{64}$/;
const WRITER = /^[0-9a-f]{32}$/;
const TIME = /^-?[0-9]{1,19}$/;
/** Longest host name that is kept for messages. */
const TEXT_MAX = 1024;

export function encodeRepositoryPin({ seen, ...pin }: RepositoryPin): string {
  const heads = [...seen.heads].map(([writer, head]) => ({
    writer,
    ...head,
    timeNs: head.timeNs.toString(),
    hostname: head.hostname.slice(0, TEXT_MAX),
  }));
  const settled = [...seen.settled].map(([writer, ranges]) => ({
    writer,
    ranges: ranges.map(({ from, to }) => [from, to]),
  }));
  const accepted = [...seen.accepted];
  const text = { version: VERSION, ...pin, epochs: seen.epochs, heads, settled, accepted };
  return `${JSON.stringify(text, null, 1)}\n`;
}

/** @throws ForgeError "corrupt", "unsupported-version". */
export function decodeRepositoryPin(text: string): RepositoryPin {
  const fields = parse(text);
  const heads = list(fields["heads"]).map(decodeHead);
  const settled = list(fields["settled"]).map(decodeSettled);
  return {
    repositoryId: matching(fields["repositoryId"], HEX_64),
    fingerprint: matching(fields["fingerprint"], HEX_64),
    firstSeenMs: whole(fields["firstSeenMs"]),
    seen: {
      epochs: whole(fields["epochs"]),
      heads: new Map(heads),
      settled: new Map(settled),
      accepted: new Set(list(fields["accepted"]).map((id) => matching(id, /^[0-9a-f+]{64,129}$/))),
    },
  };
}

export function encodePlacePin(pin: PlacePin): string {
  return `${JSON.stringify({ version: VERSION, ...pin }, null, 1)}\n`;
}

/** @throws ForgeError "corrupt", "unsupported-version". */
export function decodePlacePin(text: string): PlacePin {
  const fields = parse(text);
  return {
    location: matching(fields["location"], /^[^]+$/),
    repositories: list(fields["repositories"]).map((item) => {
      const entry = object(item);
      return { id: matching(entry["id"], HEX_64), sinceMs: whole(entry["sinceMs"]) };
    }),
  };
}

function decodeHead(value: unknown): [string, SeenHead] {
  const head = object(value);
  const id = findId<SnapshotId>(matching(head["id"], HEX_64)) ?? fail("id");
  const timeNs = BigInt(matching(head["timeNs"], TIME));
  const hostname = typeof head["hostname"] === "string" ? head["hostname"].slice(0, TEXT_MAX) : "";
  const writer = matching(head["writer"], WRITER);
  return [writer, { id, seq: whole(head["seq"]), timeNs, hostname, seenMs: whole(head["seenMs"]) }];
}

function decodeSettled(value: unknown): [string, SeqRange[]] {
  const settled = object(value);
  const ranges = list(settled["ranges"]).map((range) => {
    const [from, to] = list(range).map(whole);
    if (from === undefined || to === undefined || from < 1 || to < from) return fail("range");
    return { from, to };
  });
  return [matching(settled["writer"], WRITER), ranges];
}

function parse(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail("it is not JSON");
  }
  const fields = object(value);
  const version = whole(fields["version"]);
  if (version > VERSION) {
    throw new ForgeError("unsupported-version", `it is of version ${version}, this forge knows 1`);
  }
  return fields;
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return fail("object");
  return Object.fromEntries(Object.entries(value));
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : fail("list");
}

function matching(value: unknown, pattern: RegExp): string {
  return typeof value === "string" && pattern.test(value) ? value : fail(String(pattern));
}

function whole(value: unknown): number {
  const isWhole = typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
  return isWhole ? value : fail("whole number");
}

function fail(wanted: string): never {
  throw new ForgeError("corrupt", `it does not hold what it should (${wanted})`);
}
