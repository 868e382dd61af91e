/**
 * Builds the page into `dist/web-ui`. The page's Content-Security-Policy allows scripts, styles and
 * workers from its own origin alone: nothing is inlined, neither as script nor as `data:`.
 */
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  base: "/",
  plugins: [react()],
  build: {
    outDir: "../dist/web-ui",
    emptyOutDir: true,
    target: ["chrome125", "firefox128", "safari18"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2000,
  },
  worker: { format: "es" },
});
