import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadSample, sampleNames } from "../../cli/samples/index.js";
import { sources } from "../../src/sources/registry.js";
import { factsOf, identityOf, outcomeOf } from "./kit.js";

/** Every path into a value, so that a field can be put out of shape wherever it is. */
function pathsOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...path, key]))];
}

function withValueAt(value: unknown, [key, ...rest]: string[], put: unknown): unknown {
  if (key === undefined) return put;
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[key] = withValueAt(copy[key], rest, put);
  return copy;
}

/** Every text in a value: what a fact holds must fit an index, a title, a message. */
function textsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

const oddValue = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>(
    null,
    "",
    "\u0000",
    "\uD800",
    -1,
    1e308,
    0.5,
    [],
    {},
    true,
    "x".repeat(9000),
  ),
);

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
