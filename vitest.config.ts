import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What plays whole procedures in processes of its own, a minute each: begun last it would be waited for alone. */
const LONG = /\/tests\/(local|flows|cli)\//;

class LongOnesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification) => LONG.test(moduleId);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  test: {
    globalSetup: ["tests/support/global-setup.ts"],
    include: ["tests/**/*.test.ts", "tests/**/*.test.tsx"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // What takes long here waits for processes and clocks: two at once leave half of two cores idle.
    maxWorkers: 3,
    // No test replaces a module or keeps one's state; to load all of them anew for each file took a fifth of the time.
    isolate: false,
    sequence: { sequencer: LongOnesFirst },
  },
});
