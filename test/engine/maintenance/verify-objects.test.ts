import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, expect, it } from "vitest";

import type { ForgeError } from "../../../engine/base/errors.ts";
import { verifyObjects } from "../../../engine/maintenance/verify-objects.ts";
import type { Repository } from "../../../engine/repository/repository.ts";
import type { Backend } from "../../../engine/storage/backend.ts";
import { MemoryBackend } from "../../../engine/storage/memory.ts";
import { backUp, createSmallRepository, objectsOf } from "../../helpers/backup-fixture.ts";
import { noise } from "../../helpers/expected-tree.ts";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(`${tmpdir()}/forge-verify-`);
  writeFileSync(`${folder}/file`, noise(9000));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function filled(): Promise<{ backend: MemoryBackend; repository: Repository<Backend> }> {
  const backend = new MemoryBackend({ nowMs: () => 0 });
  const repository = await createSmallRepository({ backend });
  await backUp(repository, folder);
  return { backend, repository };
}

it("counts every object and byte of a healthy repository", async () => {
  const { backend, repository } = await filled();
  const problems: ForgeError[] = [];
  const report = await verifyObjects(repository, { onProblem: (error) => problems.push(error) });
  const objects = await objectsOf(backend);
  expect(problems).toEqual([]);
  expect(report).toEqual({
    objects: objects.length,
    bytes: objects.reduce((sum, { bytes }) => sum + bytes.length, 0),
    problems: 0,
    unindexedBlobs: 0,
  });
});

it("counts blobs that no index segment knows, which alone is no problem", async () => {
  const { backend, repository } = await filled();
  const segments = await backend.list("index");
  await backend.delete(segments.map(({ name }) => ({ kind: "index", name })));
  const problems: ForgeError[] = [];
  const report = await verifyObjects(repository, { onProblem: (error) => problems.push(error) });
  expect(problems).toEqual([]);
  expect(report.unindexedBlobs).toBeGreaterThan(10);
});

it("names a pack that is gone", async () => {
  const { backend, repository } = await filled();
  const [pack] = await backend.list("packs");
  const name = pack?.name ?? "";
  await backend.delete([{ kind: "packs", name }]);
  const problems: ForgeError[] = [];
  await verifyObjects(repository, { onProblem: (error) => problems.push(error) });
  expect(problems.map(({ code, context }) => ({ code, context }))).toEqual([
    { code: "missing-object", context: { packId: name } },
  ]);
});

it("stops when it is told to", async () => {
  const { repository } = await filled();
  const signal = AbortSignal.abort();
  await expect(
    verifyObjects(repository, { onProblem: () => undefined, signal }),
  ).rejects.toMatchObject({ code: "aborted" });
});
