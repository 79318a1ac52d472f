import { describe, expect, it } from "vitest";
import { POLICY_NAMES } from "../../src/policy/names.js";
import { presetOf } from "../../src/policy/presets/index.js";
import { mutantsOf } from "./mutate.js";
import { outcomesOf } from "./row.js";
import { ROWS } from "./rows/index.js";

describe.each(POLICY_NAMES)("the preset %s", (name) => {
  it.each(outcomesOf(name, ROWS[name], presetOf(name)))(
    "does what is required: $requirement",
    ({ found, expected }) => expect(found).toBe(expected),
  );

  it("has twelve rows or more, and values to change", () => {
    expect(ROWS[name].length).toBeGreaterThanOrEqual(12);
    expect([...mutantsOf(presetOf(name))].length).toBeGreaterThan(200);
  });
});
