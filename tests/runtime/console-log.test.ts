import { afterEach, describe, expect, it, vi } from "vitest";
import { createConsoleLog } from "../../src/runtime/console-log.js";
import { stillClock } from "../support/fakes.js";

afterEach(() => {
  vi.restoreAllMocks();
});

describe("the edge's log", () => {
  it.each([
    ["info", 3],
    ["warn", 2],
    ["error", 1],
    ["silent", 0],
  ])("at %s says what is as grave or graver, and no more", (level, lines) => {
    let said = 0;
    for (const way of ["log", "warn", "error"] as const) {
      vi.spyOn(console, way).mockImplementation(() => {
        said += 1;
      });
    }
    const log = createConsoleLog(stillClock(), level, undefined);
    log.info("a.b", {});
    log.warn("a.b", {});
    log.error("a.b", {});
    expect(said).toBe(lines);
  });
});
