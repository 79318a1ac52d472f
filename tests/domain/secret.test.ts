import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { Secret } from "../../src/domain/secret.js";

describe("a secret", () => {
  const secret = new Secret("ADMIN_TOKEN", "correct-horse");

  it("is never shown, however it is printed", () => {
    const shown = [`${secret}`, JSON.stringify({ secret }), inspect({ secret }), String([secret])];
    for (const text of shown) {
      expect(text).not.toContain("correct");
      expect(text).toContain("[secret]");
    }
  });

  it("matches itself only, and an empty one matches nothing", () => {
    expect(secret.matches("correct-horse")).toBe(true);
    for (const wrong of [
      "",
      "correct-hors",
      "correct-horse2",
      "correct-horsf",
      "x".repeat(9_999),
    ]) {
      expect(secret.matches(wrong), wrong.slice(0, 20)).toBe(false);
    }
    expect(new Secret("X", "").matches("")).toBe(false);
    expect(new Secret("X", "é").matches("é")).toBe(true);
  });
});
