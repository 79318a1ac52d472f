import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ObjectSaid } from "../../../src/domain/facts.js";
import { LEDGER_STATES } from "../../../src/domain/ledger.js";
import { at } from "../../../src/sources/read.js";
import { readObject } from "../../../src/sources/stripe/objects/index.js";
import { readEvent } from "../../../src/sources/stripe/read-event.js";
import { bytesOf, jsonBytes, NOW, outcomeOf, RECEIVED_AT } from "../kit.js";
import { oddValue, pathsOf, textsOf, withValueAt } from "../mutilate.js";
import { EVENT_TYPES } from "./event-types.js";
import { event, intent, SHAPES, thinEvent } from "./shapes.js";

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000_000);
console.log(`seed ${SEED} (SEED=${SEED} runs it again)`);

const read = (body: Uint8Array<ArrayBuffer>) =>
  outcomeOf(() => readEvent({}, body, { ours: new Set(), receivedAt: RECEIVED_AT }));

const samples: Record<string, unknown>[] = [
  ...EVENT_TYPES.flatMap(([type, build, over]) =>
    SHAPES.map((shape) => event(type, build(shape, over))),
  ),
  thinEvent("v1.charge.captured", "charge", "ch_1"),
];
const sample = fc.constantFrom(...samples);

/** Up to three fields that are something else now, each somewhere below the one before or beside it. */
const mutilated = sample.chain((body) =>
  fc
    .array(fc.tuple(fc.constantFrom(...pathsOf(body)), oddValue), { minLength: 1, maxLength: 3 })
    .map((changes) =>
      changes.reduce<unknown>((value, [path, put]) => {
        const isThere = isHolder(at(value, ...path.slice(0, -1)));
        return isThere ? withValueAt(value, path, put) : value;
      }, body),
    ),
);

const isHolder = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

/** What a row can hold, whatever the body was. */
function expectSound({ object, said }: ObjectSaid): void {
  expect([...Object.keys(LEDGER_STATES[object.kind]), "unknown"]).toContain(said.state);
  expect(said.currency ?? "THB").toMatch(/^[A-Z]{3}$/);
  expect(Number.isSafeInteger(said.amountMinor ?? 0)).toBe(true);
  expect(Number.isSafeInteger(said.bornAt ?? 0)).toBe(true);
  for (const ref of Object.values(said.links)) expect((ref ?? "x").length).toBeLessThan(256);
  for (const found of textsOf(said)) {
    expect(found.length).toBeLessThanOrEqual(2_000);
    expect(found).not.toContain("\u0000");
    expect(found).not.toMatch(/\p{Cs}/u);
  }
}

describe("stripe: mutilated bodies", () => {
  it("come to sound facts or to a dead letter of their shape, and to nothing else", () => {
    let dead = 0;
    let alive = 0;
    fc.assert(
      fc.property(mutilated, (body) => {
        const outcome = read(jsonBytes(body));
        if (typeof outcome === "string") {
          expect(outcome).toBe("unexpected_shape");
          dead += 1;
          return;
        }
        for (const fact of outcome) if ("said" in fact) expectSound(fact);
        alive += outcome.length;
      }),
      { numRuns: 3_000, seed: SEED },
    );
    expect(dead).toBeGreaterThan(0);
    expect(alive).toBeGreaterThan(0);
  });

  it("cut short or with a byte changed are unreadable, misshapen or read", () => {
    const cut = fc.tuple(sample, fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255));
    fc.assert(
      fc.property(cut, fc.boolean(), ([body, where, byte], isCut) => {
        const bytes = jsonBytes(body);
        const at = Math.min(bytes.length - 1, Math.floor(where * bytes.length));
        const changed = isCut ? bytes.slice(0, at) : bytes.map((b, n) => (n === at ? byte : b));
        const outcome = read(changed);
        if (typeof outcome !== "string") return;
        expect(["unreadable_body", "unexpected_shape"]).toContain(outcome);
      }),
      { numRuns: 1_000, seed: SEED },
    );
    expect(read(bytesOf("[]"))).toBe("unexpected_shape");
    expect(read(bytesOf(""))).toBe("unreadable_body");
  });

  it("say the same when they are fetched, or are refused as well", () => {
    fc.assert(
      fc.property(mutilated, (body) => {
        const outcome = read(jsonBytes(body));
        if (typeof outcome === "string") return;
        const [fact] = outcome;
        if (fact === undefined || !("said" in fact)) return;
        const { type, data } = body as { type: string; data: { object: { livemode?: unknown } } };
        const { livemode } = data.object;
        if (
          type.endsWith(".deleted") ||
          (livemode ?? fact.object.livemode) !== fact.object.livemode
        )
          return;
        const fetched = readObject(fact.object, JSON.parse(JSON.stringify(data.object)), NOW);
        expect(fetched.said).toEqual(fact.said);
      }),
      { numRuns: 1_000, seed: SEED },
    );
  });

  it("do not let a hostile name through", () => {
    for (const key of ["__proto__", "constructor", "toString"]) {
      const body = JSON.stringify(
        event("payment_intent.succeeded", intent("new", { status: key })),
      );
      const hostile = body.replace('"userId"', `"${key}"`);
      const outcome = read(bytesOf(hostile));
      expect(outcome).toMatchObject([{ said: { state: "unknown" } }]);
      expect(JSON.stringify(outcome)).toContain(`"${key}":"u-51"`);
    }
  });
});
