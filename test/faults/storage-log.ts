/**
 * A storage that keeps the beginning and the end of every change, and the states a crash at any moment
 * can leave behind: what has ended is there, of what was under way any part may be.
 */
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setImmediate } from "node:timers/promises";

import type { Bytes } from "../../engine/base/bytes.ts";
import {
  type Backend,
  type ObjectInfo,
  type ObjectKind,
  type ObjectRef,
  type ReadOptions,
  objectPath,
} from "../../engine/storage/backend.ts";
import { MemoryBackend } from "../../engine/storage/memory.ts";
import { LocalBackend } from "../../engine/storage/node/local.ts";
import type { SeededRandom } from "../helpers/seeded-random.ts";

export interface Change {
  readonly ref: ObjectRef;
  /** Absent for a deletion. */
  readonly bytes: Bytes | undefined;
  readonly atMs: number;
}

interface LoggedChange extends Change {
  /** Numbers of events. */
  readonly begun: number;
  ended: number;
}

/** A state after a crash. */
export interface CrashState {
  readonly what: string;
  /** A change whose bytes had come only so far, under a temporary name. */
  readonly torn?: { readonly bytes: Bytes } | undefined;
  readonly changes: readonly Change[];
}

/** Changes under way of which each combination is a state; beyond, random ones are. */
const COMBINED_MAX = 3;

export class StorageLog implements Backend {
  readonly description = "log";
  readonly changes: LoggedChange[] = [];
  nowMs = 1_700_000_000_000;
  readonly #memory: MemoryBackend;
  readonly #random: SeededRandom;
  #events = 0;

  /** @param random Decides how long changes take, and so what is under way at once. */
  constructor(random: SeededRandom) {
    this.#random = random;
    this.#memory = new MemoryBackend({ nowMs: () => this.nowMs });
  }

  /** Number of events so far: a moment. */
  get now(): number {
    return this.#events;
  }

  async put(ref: ObjectRef, data: Bytes): Promise<"created" | "exists"> {
    if ((await this.#memory.stat(ref)) !== undefined) return "exists";
    await this.replace(ref, data);
    return "created";
  }

  async replace(ref: ObjectRef, data: Bytes): Promise<void> {
    const bytes = data.slice();
    const entry = this.#begin({ ref, bytes });
    await this.#pass();
    await this.#memory.replace(ref, bytes);
    entry.ended = this.#events++;
  }

  async delete(refs: readonly ObjectRef[]): Promise<void> {
    const there: ObjectRef[] = [];
    for (const ref of refs) {
      if ((await this.#memory.stat(ref)) !== undefined) there.push(ref);
    }
    // Until the call returns, a crash may take back any of them.
    const entries = there.map((ref) => this.#begin({ ref, bytes: undefined }));
    if (entries.length === 0) return;
    await this.#pass();
    await this.#memory.delete(there);
    for (const entry of entries) entry.ended = this.#events;
    this.#events++;
  }

  read(ref: ObjectRef, options?: ReadOptions): Promise<Bytes> {
    return this.#memory.read(ref, options);
  }

  list(kind: ObjectKind): Promise<ObjectInfo[]> {
    return this.#memory.list(kind);
  }

  stat(ref: ObjectRef): Promise<ObjectInfo | undefined> {
    return this.#memory.stat(ref);
  }

  create(): Promise<void> {
    return this.#memory.create();
  }

  async close(): Promise<void> {
    // What is stored stays to be looked at.
  }

  #begin(change: Pick<Change, "ref" | "bytes">): LoggedChange {
    this.nowMs += 1;
    const ended = Number.POSITIVE_INFINITY;
    const entry = { ...change, atMs: this.nowMs, begun: this.#events++, ended };
    this.changes.push(entry);
    return entry;
  }

  /** Lets others come in between. */
  async #pass(): Promise<void> {
    for (let turns = this.#random.below(4); turns > 0; turns--) await setImmediate();
  }

  /** What a crash just before event `moment` can leave. */
  *statesAt(moment: number, random: SeededRandom): Generator<CrashState> {
    const ended = this.changes.filter((change) => change.ended < moment);
    const underWay = this.changes.filter(
      (change) => change.begun < moment && change.ended >= moment,
    );
    for (const [number, some] of subsets(underWay, random).entries()) {
      yield {
        what: `${moment}, of ${underWay.length} under way #${number}`,
        changes: [...ended, ...some],
      };
    }
    const torn = underWay.findLast(({ bytes }) => bytes !== undefined)?.bytes;
    if (torn !== undefined) {
      const cut = random.chance(0.2) ? torn.length : random.below(torn.length + 1);
      const what = `${moment}, torn at ${cut} of ${torn.length}`;
      yield { what, changes: ended, torn: { bytes: torn.slice(0, cut) } };
    }
  }
}

function subsets<Item>(changes: readonly Item[], random: SeededRandom): (readonly Item[])[] {
  if (changes.length <= COMBINED_MAX) {
    return Array.from({ length: 2 ** changes.length }, (_, bits) =>
      changes.filter((_change, i) => (bits >> i) % 2 === 1),
    );
  }
  const some = Array.from({ length: 6 }, () => changes.filter(() => random.chance(0.5)));
  return [[], changes, ...some];
}

/** The storage as a crash left it, at a time after all of it. */
export async function storageOf(
  state: CrashState,
  nowMs: number,
): Promise<{ readonly backend: MemoryBackend; readonly clock: { nowMs: number } }> {
  const clock = { nowMs };
  const backend = new MemoryBackend({ nowMs: () => clock.nowMs });
  for (const { ref, bytes, atMs } of objectsOf(state)) {
    clock.nowMs = atMs;
    await backend.put(ref, bytes);
  }
  clock.nowMs = nowMs;
  return { backend, clock };
}

/** The same as files of a directory, where a torn object is a temporary file. */
export async function directoryOf(state: CrashState, root: string): Promise<LocalBackend> {
  const backend = new LocalBackend(root);
  await backend.create();
  for (const { ref, bytes, atMs } of objectsOf(state)) {
    const path = `${root}/${objectPath(ref)}`;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
    utimesSync(path, atMs / 1000, atMs / 1000);
  }
  if (state.torn !== undefined) {
    writeFileSync(`${root}/tmp/${"0123456789abcdef".repeat(2)}.tmp`, state.torn.bytes);
  }
  return backend;
}

function* objectsOf({ changes }: CrashState): Generator<Change & { readonly bytes: Bytes }> {
  const last = new Map<string, CrashState["changes"][number]>();
  for (const change of changes) last.set(objectPath(change.ref), change);
  for (const { ref, bytes, atMs } of last.values()) {
    if (bytes !== undefined) yield { ref, bytes, atMs };
  }
}
