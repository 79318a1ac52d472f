import { describe, expect, it } from "vitest";
import { type Checked, goBackTo } from "../../src/domain/deployment.js";

const named = (...all: [id: string, checked: Checked | null][]) =>
  goBackTo(all.map(([id, checked]) => ({ id, checked })))?.id;

describe("where to go back to", () => {
  it("is the newest that did not fail its own checks", () => {
    expect(named(["c", "failed"], ["b", null], ["a", "passed"])).toBe("b");
    expect(named(["b", "not_checked"], ["a", "passed"])).toBe("b");
  });

  it("is the newest of all where each failed: then the checks are what is wrong", () => {
    expect(named(["b", "failed"], ["a", "failed"])).toBe("b");
    expect(named()).toBeUndefined();
  });
});
