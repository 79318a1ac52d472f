import { defineConfig } from "vitest/config";

/** The contract suites on the real things that the emulators stand in for; they need redis-server installed. */
export default defineConfig({
  test: {
    include: ["tests/contracts/**/*.contract-test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
