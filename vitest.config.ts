import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: "forks",
    // Mounts, worker threads and child processes: more files at once only wait for each other.
    maxWorkers: 2,
    // Node takes types out of the sources that worker threads load with a WebAssembly module, and V8 may
    // abort ("jit_page.has_value()", nodejs/node#64500) when several threads optimise its calls.
    execArgv: ["--wasm-wrapper-tiering-budget=2000000000"],
    reporters: ["default", "./test/summary-reporter.ts"],
  },
});
