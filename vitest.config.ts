import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: "forks",
    // Mounts, worker threads and child processes: more files at once only wait for each other.
    maxWorkers: 2,
    reporters: ["default", "./test/summary-reporter.ts"],
  },
});
