/**
 * Snapshot: one finished backup, as JSON so that a stranger can read it. FORMAT.md "Snapshots".
 * What comes in may be from a hostile client that holds the keys: every field is checked. Fields
 * this version does not know are kept, so that copying a snapshot loses nothing.
 */
import { type Bytes, findUtf8, utf8 } from "../base/bytes.ts";
import { ForgeError, assert } from "../base/errors.ts";
import { type BlobId, type SnapshotId, findId } from "../base/ids.ts";
import { SNAPSHOT_BYTES_MAX } from "../base/limits.ts";
import { decodeBase64, encodeBase64 } from "./base64.ts";

export const SNAPSHOT_VERSION = 1;

/** What the backup counted; all are whole numbers from 0. */
export interface SnapshotStats {
  readonly files: number;
  readonly directories: number;
  readonly others: number;
  /** Logical size of all files. */
  readonly bytes: number;
  readonly filesNew: number;
  readonly filesChanged: number;
  readonly filesUnchanged: number;
  readonly blobsNew: number;
  /** Plaintext bytes of new blobs. */
  readonly bytesNew: number;
  /** Bytes added to the storage. */
  readonly bytesStored: number;
}

/** A snapshot before it has a name. */
export interface SnapshotData {
  /** Start and end of the backup, nanoseconds since 1970. */
  readonly timeNs: bigint;
  readonly endTimeNs: bigint;
  readonly hostname: string;
  readonly username: string;
  /** What was asked to be backed up, absolute paths as bytes. */
  readonly paths: readonly Bytes[];
  readonly tags: readonly string[];
  readonly label?: string | undefined;
  readonly name?: string | undefined;
  readonly parent?: SnapshotId | undefined;
  /** Root page: read it with `decodeRootPage`. */
  readonly root: BlobId;
  readonly stats: SnapshotStats;
  /** Entries left out or incomplete. */
  readonly problems: number;
  /** `forge <version>`. */
  readonly program: string;
  /** 32 hex digits: random for each client and repository. */
  readonly writer: string;
  /** Number in the writer's chain, from 1. */
  readonly seq: number;
  /** The writer's snapshot before; absent at 1. */
  readonly previous?: SnapshotId | undefined;
  /** The damaged snapshot of which this one is what a repair could keep. */
  readonly original?: SnapshotId | undefined;
  /** Fields of the JSON that this version does not know, as they were. */
  readonly unknown?: Readonly<Record<string, unknown>> | undefined;
}

export interface Snapshot extends SnapshotData {
  readonly id: SnapshotId;
}

/**
 * The JSON of a snapshot, a fresh buffer. The id is its object's name and not part of it.
 * @throws ForgeError "too-large" beyond SNAPSHOT_BYTES_MAX.
 */
export function encodeSnapshot(snapshot: SnapshotData): Bytes {
  const { stats } = snapshot;
  const json = JSON.stringify({
    ...snapshot.unknown,
    version: SNAPSHOT_VERSION,
    time: snapshot.timeNs.toString(),
    endTime: snapshot.endTimeNs.toString(),
    hostname: snapshot.hostname,
    username: snapshot.username,
    paths: snapshot.paths.map((path) => findUtf8(path) ?? { base64: encodeBase64(path) }),
    tags: snapshot.tags,
    label: snapshot.label,
    name: snapshot.name,
    parent: snapshot.parent,
    root: snapshot.root,
    stats: Object.fromEntries(STAT_FIELDS.map((field) => [field, stats[field]])),
    problems: snapshot.problems,
    program: snapshot.program,
    writer: snapshot.writer,
    seq: snapshot.seq,
    previous: snapshot.previous,
    original: snapshot.original,
  });
  const bytes = utf8(json);
  if (bytes.length > SNAPSHOT_BYTES_MAX) {
    throw new ForgeError(
      "too-large",
      `Cannot store a snapshot description of ${bytes.length} bytes, at most ${SNAPSHOT_BYTES_MAX}: ` +
        "give fewer paths or tags",
    );
  }
  assert(WRITER.test(snapshot.writer), "a snapshot without a writer");
  return bytes;
}

/**
 * @param id The name of the object, for the result and for messages.
 * @throws ForgeError "corrupt"; "unsupported-version" when a newer forge wrote it.
 */
export function decodeSnapshot(bytes: Bytes, id: SnapshotId): Snapshot {
  const fields = new Fields(parseObject(bytes, id), id);
  const version = fields.number("version");
  if (version > SNAPSHOT_VERSION) {
    throw new ForgeError(
      "unsupported-version",
      `Cannot read snapshot ${id}: it is of version ${version}, this forge knows ` +
        `${SNAPSHOT_VERSION}; use a newer forge`,
    );
  }
  if (version !== SNAPSHOT_VERSION) fields.fail("version", "is unknown");
  const seq = fields.number("seq");
  if (seq < 1) fields.fail("seq", "is below 1");
  const writer = fields.string("writer");
  if (!WRITER.test(writer)) fields.fail("writer", "is not 32 hex digits");
  return {
    id,
    timeNs: fields.time("time"),
    endTimeNs: fields.time("endTime"),
    hostname: fields.string("hostname"),
    username: fields.string("username"),
    paths: fields.array("paths").map((path) => decodePath(path, fields)),
    tags: fields
      .array("tags")
      .map((tag) => (typeof tag === "string" ? tag : fields.fail("tags", "is no list of strings"))),
    label: fields.findString("label"),
    name: fields.findString("name"),
    parent: fields.findId<SnapshotId>("parent"),
    root: fields.id<BlobId>("root"),
    stats: fields.stats(),
    problems: fields.number("problems"),
    program: fields.string("program"),
    writer,
    seq,
    previous: fields.findId<SnapshotId>("previous"),
    original: fields.findId<SnapshotId>("original"),
    unknown: fields.unknown(),
  };
}

const WRITER = /^[0-9a-f]{32}$/;
const TIME = /^-?[0-9]{1,19}$/;

const STAT_FIELDS = [
  "files",
  "directories",
  "others",
  "bytes",
  "filesNew",
  "filesChanged",
  "filesUnchanged",
  "blobsNew",
  "bytesNew",
  "bytesStored",
] as const satisfies readonly (keyof SnapshotStats)[];

const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  ..."version time endTime hostname username paths tags label name parent root stats".split(" "),
  ..."problems program writer seq previous original".split(" "),
]);

function parseObject(bytes: Bytes, id: SnapshotId): Readonly<Record<string, unknown>> {
  const fail = (found: string): never => {
    throw new ForgeError("corrupt", `Cannot decode snapshot ${id}: ${found}`);
  };
  if (bytes.length > SNAPSHOT_BYTES_MAX) fail(`it has ${bytes.length} bytes`);
  const text = findUtf8(bytes);
  if (text === undefined) return fail("it is not UTF-8");
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return fail("it is not JSON");
  }
  if (!isObject(parsed)) return fail("it is not a JSON object");
  return parsed;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function decodePath(value: unknown, fields: Fields): Bytes {
  const encoded = isObject(value) ? value["base64"] : undefined;
  const path =
    typeof value === "string"
      ? utf8(value)
      : typeof encoded === "string"
        ? decodeBase64(encoded)
        : undefined;
  if (path === undefined || path.length === 0 || path.includes(0)) {
    fields.fail("paths", "holds something that is not a path");
  }
  return path;
}

/** Typed access to the fields of a JSON object. */
class Fields {
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #id: SnapshotId;

  constructor(object: Readonly<Record<string, unknown>>, id: SnapshotId) {
    this.#object = object;
    this.#id = id;
  }

  fail(field: string, found: string): never {
    throw new ForgeError("corrupt", `Cannot decode snapshot ${this.#id}: its ${field} ${found}`);
  }

  string(field: string): string {
    const value = this.findString(field);
    return value ?? this.fail(field, "is missing");
  }

  findString(field: string): string | undefined {
    const value = this.#get(field);
    if (value === undefined || typeof value === "string") return value;
    return this.fail(field, "is not a string");
  }

  number(field: string): number {
    return this.#whole(field, this.#get(field));
  }

  array(field: string): readonly unknown[] {
    const value = this.#get(field);
    if (!Array.isArray(value)) return this.fail(field, "is not a list");
    return value;
  }

  time(field: string): bigint {
    const value = this.string(field);
    if (!TIME.test(value)) this.fail(field, "is not a number of nanoseconds");
    return BigInt(value);
  }

  id<Id extends BlobId | SnapshotId>(field: string): Id {
    return this.findId<Id>(field) ?? this.fail(field, "is missing");
  }

  findId<Id extends BlobId | SnapshotId>(field: string): Id | undefined {
    const value = this.findString(field);
    if (value === undefined) return undefined;
    return findId<Id>(value) ?? this.fail(field, "is not 64 hex digits");
  }

  stats(): SnapshotStats {
    const value = this.#get("stats");
    if (!isObject(value)) return this.fail("stats", "is not an object");
    const of = (field: keyof SnapshotStats): number => this.#whole(`stats.${field}`, value[field]);
    return {
      files: of("files"),
      directories: of("directories"),
      others: of("others"),
      bytes: of("bytes"),
      filesNew: of("filesNew"),
      filesChanged: of("filesChanged"),
      filesUnchanged: of("filesUnchanged"),
      blobsNew: of("blobsNew"),
      bytesNew: of("bytesNew"),
      bytesStored: of("bytesStored"),
    };
  }

  unknown(): Readonly<Record<string, unknown>> | undefined {
    const entries = Object.entries(this.#object).filter(([field]) => !KNOWN_FIELDS.has(field));
    return entries.length === 0 ? undefined : Object.fromEntries(entries);
  }

  #get(field: string): unknown {
    return Object.hasOwn(this.#object, field) ? this.#object[field] : undefined;
  }

  #whole(field: string, value: unknown): number {
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
      return this.fail(field, "is not a whole number");
    }
    return value;
  }
}
