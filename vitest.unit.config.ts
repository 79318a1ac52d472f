import { defineConfig } from "vitest/config";

/** What needs no database, for `npm run verify`: a test here that asks for one is told so. */
const FOLDERS = ["architecture", "channels", "domain", "policy", "queues", "runtime", "sources"];

export default defineConfig({
  test: {
    include: [`tests/{${FOLDERS.join(",")}}/**/*.test.ts`, "tests/cli/samples.test.ts"],
    // It stands beside the runtime's other tests, and keeps its list in the database.
    exclude: ["tests/runtime/unsubscribe-page.test.ts"],
    testTimeout: 30_000,
    // Twice as fast; these tests keep nothing between them.
    pool: "threads",
    isolate: false,
  },
});
