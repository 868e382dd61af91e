/**
 * Builds the page into `dist/web-ui`. The page's Content-Security-Policy allows scripts, styles and
 * workers from its own origin alone: nothing is inlined, neither as script nor as `data:`.
 */
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** What pdf.js loads by name: the fonts that documents may leave out, and tables of Asian encodings. */
function pdfFiles() {
  const from = dirname(createRequire(import.meta.url).resolve("pdfjs-dist/package.json"));
  const folders = { standard_fonts: "fonts", cmaps: "cmaps" };
  return {
    name: "pdf-files",
    generateBundle() {
      for (const [folder, to] of Object.entries(folders)) {
        for (const name of readdirSync(join(from, folder))) {
          const source = readFileSync(join(from, folder, name));
          this.emitFile({ type: "asset", fileName: `pdf/${to}/${name}`, source });
        }
      }
    },
  };
}

/** The page runs in browsers: reaching what needs Node is a mistake, found here and not by a reader. */
function withoutNode() {
  return {
    name: "without-node",
    moduleParsed({ id }) {
      if (id.includes("/node_modules/")) return;
      if (/\/engine\/node\.ts$|\/node\/[^/]+\.ts$|^node:|__vite-browser-external/.test(id))
        this.error(`The page cannot be built: it reaches ${id}, which needs Node`);
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  base: "/",
  plugins: [react(), pdfFiles(), withoutNode()],
  build: {
    outDir: "../dist/web-ui",
    emptyOutDir: true,
    target: ["chrome125", "firefox128", "safari18"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2000,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  worker: { format: "es" },
});
