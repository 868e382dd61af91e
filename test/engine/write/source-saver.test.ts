import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";

import { MemoryBackend } from "../../../engine/storage/memory.ts";
import { openLocalSource } from "../../../engine/write/node/local-source.ts";
import { createSmallRepository, takeSnapshot } from "../../helpers/backup-fixture.ts";

test("directories to be saved do not pile up while the walk goes on", async () => {
  const tree = mkdtempSync(`${tmpdir()}/forge-walk-`);
  try {
    // Symlinks are described at once, so nothing but the saving of directories takes time.
    for (let i = 0; i < 300; i++) {
      mkdirSync(`${tree}/${i}`);
      symlinkSync("nowhere", `${tree}/${i}/link`);
    }
    const source = openLocalSource({ paths: [tree] });
    const list = source.list.bind(source);
    let open = 0;
    let openMax = 0;
    source.list = (directory) => {
      const listing = list(directory);
      openMax = Math.max(openMax, ++open);
      const close = (): void => {
        open--;
        listing.close();
      };
      return { ...listing, close };
    };
    const backend = new MemoryBackend({ nowMs: () => 0 });
    const repository = await createSmallRepository({ backend });
    const { stats } = await takeSnapshot(repository, tree, { source });
    expect(stats.others).toBe(300);
    expect(open).toBe(0);
    expect(openMax).toBeLessThan(20);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
});
