import { defineConfig } from "vitest/config";

/** What people see, looked at in a real browser; it needs Chromium and a Thai font installed. */
export default defineConfig({
  test: {
    include: ["tests/**/*.pages-test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
