import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, expect, it } from "vitest";

import { toHex } from "../../../engine/base/bytes.ts";
import { ALL_IDS } from "../../../engine/base/id-range.ts";
import { BYTES_PER_NUMBERED_ID } from "../../../engine/base/blob-id-set.ts";
import { openScratchFile } from "../../../engine/maintenance/node/scratch-file.ts";
import { type ChunkConflict, ReferredChunks } from "../../../engine/maintenance/referred-chunks.ts";
import { SeededRandom, testSeed } from "../../helpers/seeded-random.ts";

const seed = testSeed();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(`${tmpdir()}/forge-referred-`);
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function bounded(ids: number): ReferredChunks {
  const openScratch = (): ReturnType<typeof openScratchFile> => openScratchFile(folder);
  return new ReferredChunks({ bytes: ids * BYTES_PER_NUMBERED_ID, openScratch });
}

/** Everything the parts give, which must not overlap and must hold all ids. */
function contentOf(
  chunks: ReferredChunks,
  onConflict: (conflict: ChunkConflict) => void = () => undefined,
): { found: Map<string, number>; parts: number } {
  const found = new Map<string, number>();
  let end = 0;
  let parts = 0;
  for (const part of chunks.parts(onConflict)) {
    parts++;
    expect(part.first).toBe(end);
    end = part.end;
    for (let number = 0; number < part.chunks.size; number++) {
      const id = part.chunks.bytesAt(number);
      if (!((id[0] ?? -1) >= part.first && (id[0] ?? 256) < part.end)) expect.fail("another's");
      found.set(toHex(id), part.chunks.valueAt(number));
    }
  }
  expect(end).toBe(ALL_IDS.end);
  return { found, parts };
}

it.each([Infinity, 100_000, 1000, 10])(
  `gives every chunk once, with room for %d of them (seed ${seed})`,
  (room) => {
    const random = new SeededRandom(seed);
    const chunks = room === Infinity ? new ReferredChunks() : bounded(room);
    const twin = new Map<string, number>();
    const ids: Uint8Array[] = [];
    for (const adds of [5000, 3000]) {
      for (let i = 0; i < adds; i++) {
        const again = ids[random.below(ids.length + 2000)];
        const id = again ?? random.bytes(33);
        if (again === undefined) ids.push(id);
        const plainBytes = id[9] === 0 ? 0xffff_ffff : (id[8] ?? 0) + 1;
        expect(chunks.add(id, 1, plainBytes)).toBeUndefined();
        twin.set(toHex(id.subarray(1)), plainBytes);
      }
      const { found, parts } = contentOf(chunks, () => expect.fail("a conflict"));
      expect(found.size).toBe(twin.size);
      for (const [id, plainBytes] of twin) if (found.get(id) !== plainBytes) expect.fail(id);
      expect(parts > 1).toBe(room < twin.size);
      // Asked again, the same.
      expect(contentOf(chunks).found.size).toBe(twin.size);
    }
    chunks.close();
    expect(readdirSync(folder)).toEqual([]);
  },
);

it.each([1000, 3])("tells once that files contradict each other, with room for %d", (room) => {
  const chunks = bounded(room);
  const told: ChunkConflict[] = [];
  const add = (byte: number, plainBytes: number): void => {
    const conflict = chunks.add(new Uint8Array(32).fill(byte), 0, plainBytes);
    if (conflict !== undefined) told.push(conflict);
  };
  for (const byte of [1, 2, 3, 4]) add(byte, 10);
  add(2, 20);
  add(2, 30);
  add(7, 5);
  for (const byte of [1, 3, 4]) add(byte, 10);
  for (let i = 0; i < 2; i++) contentOf(chunks, (conflict) => told.push(conflict));
  expect(told.map(({ id }) => id)).toEqual(["02".repeat(32)]);
  chunks.close();
});

it("a scratch file has no name, and says what is wrong with its folder", () => {
  const scratch = openScratchFile(`${folder}/made/anew`);
  expect(readdirSync(`${folder}/made/anew`)).toEqual([]);
  scratch.append(Uint8Array.of(1, 2, 3, 4));
  scratch.append(Uint8Array.of(5, 6));
  const into = new Uint8Array(3);
  scratch.read(into, 3);
  expect([...into]).toEqual([4, 5, 6]);
  expect(() => scratch.read(into, 4)).toThrow(/it ends at 6/);
  scratch.close();
  writeFileSync(`${folder}/file`, "");
  expect(() => openScratchFile(`${folder}/file/below`)).toThrow(/temporary file in .*below/);
});
