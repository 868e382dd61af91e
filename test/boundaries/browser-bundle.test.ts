/** A bundle for browsers of the read side holds no Node module, and reads a repository. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { afterAll, beforeAll, expect, test } from "vitest";
import { build } from "vite";

import type * as Door from "../../engine/browser.ts";
import { nativePlatform } from "../../engine/platform/node/native.ts";
import { initRepository } from "../../engine/write/init.ts";
import { MemoryBackend } from "../../engine/storage/memory.ts";

const ROOT = join(import.meta.dirname, "../..");
const out = mkdtempSync(join(tmpdir(), "forge-bundle-"));
const modules: string[] = [];

beforeAll(async () => {
  await build({
    root: ROOT,
    configFile: false,
    logLevel: "error",
    build: {
      outDir: out,
      minify: false,
      lib: { entry: join(ROOT, "engine/browser.ts"), formats: ["es"], fileName: "browser" },
    },
    plugins: [
      {
        name: "list-modules",
        moduleParsed(info): void {
          modules.push(info.id);
        },
      },
    ],
  });
});

afterAll(() => {
  rmSync(out, { recursive: true, force: true });
});

test("the bundle holds the read side and no module of Node", () => {
  expect(modules.some((id) => id.endsWith("engine/read/read-side.ts"))).toBe(true);
  const wrong = modules.filter(
    (id) =>
      (id.startsWith(ROOT) && !id.includes("node_modules") && /\/node(\.ts|\/)/.test(id)) ||
      id.startsWith("node:") ||
      id.includes("__vite-browser-external"),
  );
  expect(wrong).toEqual([]);
});

test("the bundle opens a repository that Node made", async () => {
  const backend = new MemoryBackend({ nowMs: () => 0 });
  const passphrase = "one key for both";
  await initRepository({
    backend,
    platform: nativePlatform,
    passphrase,
    cipher: "chacha20-poly1305",
    kdf: { memoryKib: 1024, passes: 1, lanes: 1 },
    keyLabel: "test",
    nowMs: 0,
  });
  const door = (await import(pathToFileURL(join(out, "browser.js")).href)) as typeof Door;
  const repository = await door.openRepository({
    backend,
    credentials: { passphrase: () => Promise.resolve(passphrase) },
  });
  expect(repository.config.cipher).toBe("chacha20-poly1305");
  await expect(
    door.openRepository({ backend, credentials: { passphrase: () => Promise.resolve("no") } }),
  ).rejects.toMatchObject({ code: "wrong-password" });
});
