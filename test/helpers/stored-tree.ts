/** A small directory to back up, and the question whether a snapshot has all of it. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";

import { expect } from "vitest";

import type { Repository } from "../../engine/repository/repository.ts";
import type { Snapshot } from "../../engine/snapshots/snapshot.ts";
import type { Backend } from "../../engine/storage/backend.ts";
import { directoryLines, readSideOf, snapshotLines } from "./backup-fixture.ts";
import { noise } from "./expected-tree.ts";

/** Files of several chunks, folders in each other, and a link. */
export function fillTree(tree: string): void {
  mkdirSync(`${tree}/sub/deep`, { recursive: true });
  for (let i = 0; i < 8; i++) writeFileSync(`${tree}/sub/${i}`, noise(2000, i + 1));
  writeFileSync(`${tree}/sub/deep/file`, "deep");
  symlinkSync("nowhere", `${tree}/link`);
}

/** Expects the snapshot to be what the directory is now. */
export async function expectStored(
  repository: Repository<Backend>,
  snapshot: Snapshot,
  tree: string,
): Promise<void> {
  const lines = await snapshotLines(await readSideOf(repository), snapshot, tree);
  expect(lines).toEqual(directoryLines(tree));
}
