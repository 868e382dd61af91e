/**
 * CheckRecord: which pack was verified when, kept on this machine beside no secrets. It only decides
 * what is read first and what an interrupted run may skip, so it is not authenticated; and it is read
 * as if someone else had written it.
 *
 * | offset | size | field |
 * |---|---|---|
 * | 0 | 4 | `"FCHK"` |
 * | 4 | 4 | version 1, 0, 0, 0 |
 * | 8 | 32 | repository id |
 * | 40 | 8 | when a run over all packs began that did not end yet, or 0 |
 * | 48 | 4 | n |
 * | 52 | 40n | pack id 32, when it was verified u64; milliseconds since 1970 |
 */
import { type Bytes, ByteReader, ByteWriter, equalBytes, toHex, utf8 } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";
import { ID_BYTES, type PackId, type RepositoryId, idBytes, idOf } from "../base/ids.ts";
import { SEGMENT_PACKS_MAX } from "../base/limits.ts";

const MAGIC = utf8("FCHK\u0001\u0000\u0000\u0000");
const HEADER_BYTES = 52;
const ENTRY_BYTES = 40;

/** No record is longer: a million packs. */
export const CHECK_RECORD_BYTES_MAX: number = HEADER_BYTES + SEGMENT_PACKS_MAX * ENTRY_BYTES;

export class CheckRecord {
  readonly #repository: RepositoryId;
  readonly #verifiedMs = new Map<PackId, number>();
  /** When a run over all packs began that did not end yet. */
  runStartedMs: number | undefined;

  constructor(repository: RepositoryId) {
    this.#repository = repository;
  }

  /** @throws ForgeError "corrupt"; "unsupported-version" when a newer forge wrote it. */
  static decode(bytes: Bytes, repository: RepositoryId): CheckRecord {
    const reader = new ByteReader(bytes, "the record of what was checked");
    const magic = reader.bytes(MAGIC.length);
    if (!equalBytes(magic.subarray(0, 4), MAGIC.subarray(0, 4))) {
      reader.fail(`it begins with ${toHex(magic)}`);
    }
    if (!equalBytes(magic, MAGIC)) {
      throw new ForgeError(
        "unsupported-version",
        `Cannot read the record of what was checked: it is of version ${magic[4] ?? 0}`,
      );
    }
    const record = new CheckRecord(repository);
    if (!equalBytes(reader.bytes(ID_BYTES), idBytes(repository))) {
      reader.fail("it is of another repository");
    }
    const runStartedMs = reader.u64();
    if (runStartedMs > 0) record.runStartedMs = runStartedMs;
    const count = reader.u32();
    if (count > SEGMENT_PACKS_MAX || reader.remaining !== count * ENTRY_BYTES) {
      reader.fail(`${count} packs in ${reader.remaining} bytes`);
    }
    for (let i = 0; i < count; i++) {
      const id = idOf<PackId>(reader.bytes(ID_BYTES));
      record.#verifiedMs.set(id, reader.u64());
    }
    reader.end();
    return record;
  }

  get size(): number {
    return this.#verifiedMs.size;
  }

  verifiedMs(packId: PackId): number | undefined {
    return this.#verifiedMs.get(packId);
  }

  note(packId: PackId, nowMs: number): void {
    this.#verifiedMs.set(packId, nowMs);
  }

  /** Forgets packs that are not in the repository any more. */
  retain(packs: ReadonlySet<PackId>): void {
    for (const packId of this.#verifiedMs.keys()) {
      if (!packs.has(packId)) this.#verifiedMs.delete(packId);
    }
  }

  /** A fresh buffer. Beyond a million packs those noted last are left out. */
  encode(): Bytes {
    const entries = [...this.#verifiedMs].slice(0, SEGMENT_PACKS_MAX);
    const writer = new ByteWriter(HEADER_BYTES + entries.length * ENTRY_BYTES);
    writer.bytes(MAGIC);
    writer.bytes(idBytes(this.#repository));
    writer.u64(this.runStartedMs ?? 0);
    writer.u32(entries.length);
    for (const [packId, ms] of entries) {
      writer.bytes(idBytes(packId));
      writer.u64(ms);
    }
    return writer.finish();
  }
}
