/** The built page keeps what its Content-Security-Policy asks, and holds nothing that needs Node. */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, expect, test } from "vitest";
import { build } from "vite";

const ROOT = join(import.meta.dirname, "../..");
const configFile = join(ROOT, "web-ui/vite.config.mjs");
const scratch = mkdtempSync(join(tmpdir(), "forge-page-"));

afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

test("nothing is inline: scripts and styles are files of the page's own origin", async () => {
  const outDir = join(scratch, "out");
  await build({ configFile, logLevel: "error", build: { outDir } });
  const html = readFileSync(join(outDir, "index.html"), "utf8");
  const scripts = [...html.matchAll(/<script\b([^>]*)>([^<]*)/g)];
  expect(scripts.length).toBeGreaterThan(0);
  for (const [, attributes, content] of scripts) {
    expect(attributes).toMatch(/ src="\/[^/]/);
    expect(content).toBe("");
  }
  expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|https?:\/\//);
  const styles = readdirSync(join(outDir, "assets")).filter((name) => name.endsWith(".css"));
  for (const name of styles) {
    expect(readFileSync(join(outDir, "assets", name), "utf8")).not.toMatch(/url\(|@import/);
  }
});

test("a page that reaches the engine's Node side is not built", async () => {
  const root = join(scratch, "wrong");
  mkdirSync(root);
  writeFileSync(join(root, "index.html"), '<script type="module" src="./main.ts"></script>');
  const door = JSON.stringify(join(ROOT, "engine/node.ts"));
  writeFileSync(join(root, "main.ts"), `import * as door from ${door}; console.log(door);`);
  await expect(
    build({ configFile, root, logLevel: "silent", build: { outDir: join(root, "out") } }),
  ).rejects.toThrow(/needs Node/);
});
