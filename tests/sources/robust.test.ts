import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadSample, sampleNames } from "../../cli/samples/index.js";
import { sources } from "../../src/sources/registry.js";
import { factsOf, identityOf, outcomeOf } from "./kit.js";
import { oddValue, pathsOf, textsOf, withValueAt } from "./mutilate.js";

for (const source of sources) {
  describe(`${source.id}: any body`, () => {
    it("is named, whatever its bytes are", async () => {
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.string(), async (body, resource) => {
          const headers = { "Sentry-Hook-Resource": encodeURIComponent(resource.toWellFormed()) };
          const { eventKey, type } = await identityOf(source, { headers, body });
          expect(eventKey).toMatch(/^[!-~]{1,255}$/);
          expect(type).toMatch(/^[A-Za-z0-9._:-]{1,100}$/);
          outcomeOf(() => factsOf(source, { headers, body }));
        }),
        { numRuns: 200 },
      );
    });

    it("with one field out of shape comes to facts or to a dead letter, never to a defect", async () => {
      const samples = sampleNames(source.id).map((name) => loadSample(source.id, name));
      const broken = fc
        .constantFrom(...samples)
        .chain((sample) =>
          fc.tuple(fc.constant(sample), fc.constantFrom(...pathsOf(sample.body)), oddValue),
        );
      await fc.assert(
        fc.asyncProperty(broken, async ([{ headers, body }, path, put]) => {
          const given = { headers, body: withValueAt(body, path, put) };
          const { eventKey, type, occurredAt } = await identityOf(source, given);
          expect(eventKey).toMatch(/^[!-~]{1,255}$/);
          expect(type).toMatch(/^[A-Za-z0-9._:-]{1,100}$/);
          expect(occurredAt === null || Number.isSafeInteger(occurredAt)).toBe(true);
          const outcome = outcomeOf(() => factsOf(source, given));
          expect(JSON.stringify(outcome)).not.toContain("\\u0000");
          const longest = Math.max(0, ...textsOf(outcome).map((found) => found.length));
          expect(longest).toBeLessThanOrEqual(2_000);
          if (typeof outcome === "string") expect(outcome).toBe("unexpected_shape");
        }),
        { numRuns: 500 },
      );
    });
  });
}
