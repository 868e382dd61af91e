/** 10,000 ranges read through the mount in no order, by 8 programs at once, with a small cache. */
import { createHash } from "node:crypto";
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadFuseNative } from "../../mount/libfuse/fuse-native.ts";
import { dropKernelCaches, endMounts, mountForge } from "../helpers/forge-mount.ts";
import { ForgeWorld, buildForge, runProgram } from "../helpers/forge-program.ts";
import { hasProgram, need, needFuse } from "../helpers/need.ts";
import { testSeed } from "../helpers/seeded-random.ts";
import { noise } from "../helpers/torture-tree.ts";

const MIB = 1024 * 1024;
const SCRIPT = fileURLToPath(new URL("../helpers/random_reads.py", import.meta.url));
const PHASES = 4;
const RANGES = 10_000;
const READERS = 8;

let world: ForgeWorld;
beforeAll(() => {
  buildForge();
  world = new ForgeWorld();
  world.write("data/noise", Buffer.from(noise(40 * MIB + 4097, 1)));
  world.write("data/text", Buffer.from(text(20 * MIB + 13)));
  world.write("data/zeros", Buffer.alloc(9 * MIB));
  world.write("data/small", "only a few bytes");
  world.write("data/page", Buffer.from(noise(4096, 2)));
  world.write("data/empty", "");
  writeSparse(world.path("data/sparse"));
  world.init();
  world.ok(["backup", "data"]);
});
afterAll(async () => {
  await endMounts();
  world.remove();
});

/** fuse-native is an optional dependency, for x86-64. */
const bindings = await loadFuseNative().then(
  () => ["kernel", "libfuse"],
  () => ["kernel"],
);

describe.skipIf(!needFuse() || !need(hasProgram("python3"), "python3"))("random reads", () => {
  test.each(bindings)(
    "of 10,000 ranges equal the source, by the binding %s",
    async (binding) => {
      const seed = testSeed();
      console.log(`random reads: FORGE_TEST_SEED=${seed}`);
      const words = ["--cache-size", "16MiB", "--binding", binding];
      const mount = await mountForge(world, `mount-${binding}`, words);
      const shown = `${mount.at}/snapshots/latest${world.path("data")}`;
      for (let phase = 0; phase < PHASES; phase++) {
        dropKernelCaches();
        const numbers = [seed + phase, RANGES / PHASES, READERS].map(String);
        const read = await runProgram("python3", [SCRIPT, world.path("data"), shown, ...numbers], {
          timeoutMs: 120_000,
        });
        expect(read).toEqual({ code: 0, stdout: "[]", stderr: "", bytes: Buffer.from("[]") });
      }
      const { code, stderr } = await mount.stop();
      expect(code).toBe(0);
      expect(stderr).not.toContain("failed");
    },
    300_000,
  );
});

/** Compressible, and nowhere the same: lines of hashes and their numbers. */
function text(length: number): string {
  const lines: string[] = [];
  for (let at = 0, i = 0; at < length; i++) {
    const hash = createHash("md5").update(String(i)).digest("hex");
    const line = `line ${i} of a long text that repeats itself but for ${hash}\n`;
    lines.push(line);
    at += line.length;
  }
  return lines.join("").slice(0, length);
}

/** Data and holes of every alignment the file system keeps. */
function writeSparse(path: string): void {
  const fd = openSync(path, "wx");
  ftruncateSync(fd, 64 * MIB + 5);
  for (let i = 0; i < 300; i++) {
    const block = noise(1 + ((i * 7919) % 50_000), i);
    writeSync(fd, block, 0, block.length, (i * 2_654_435) % (63 * MIB));
  }
  closeSync(fd);
}
