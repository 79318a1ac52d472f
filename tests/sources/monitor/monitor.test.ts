import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SIGNAL_KINDS, SIGNAL_LEVELS } from "../../../src/domain/facts.js";
import type { OwnSignal } from "../../../src/domain/own-signal.js";
import { raiseOwn } from "../../../src/operations/raise-own.js";
import { monitor } from "../../../src/sources/monitor/index.js";
import { sourceById } from "../../../src/sources/registry.js";
import { eventConformance } from "../conformance.js";
import { factsOf, identityOf, NOW, outcomeOf } from "../kit.js";
import { oddValue, pathsOf, withValueAt } from "../mutilate.js";

const RAISED: OwnSignal = {
  kind: "raised",
  at: NOW,
  groupKey: "monitor:threshold:payment-success",
  signalKind: "metric",
  level: "error",
  title: "Payment success 82 % for 5 min, wanted over 90 %; การชำระเงิน",
  service: "payments",
  environment: "production",
  url: null,
  tags: { threshold: "payment-success", metric: "payment_success_percent" },
};

eventConformance(monitor, {
  sign: () => ({}),
  proof: "",
  spoil: (proof) => proof,
  body: JSON.stringify(RAISED),
  headers: {},
  unknown: { headers: {}, body: { ...RAISED, kind: "rose" } },
});

/** What is sent into the queue for a signal. */
async function bodyOf(signal: OwnSignal): Promise<object> {
  const sent: object[] = [];
  await raiseOwn(signal, {
    sourceById,
    async sendEvent(source, body) {
      expect(source).toBe(monitor);
      sent.push(body);
      return { eventKey: "any" };
    },
  });
  expect(sent).toHaveLength(1);
  return sent[0] ?? {};
}

describe("monitor", () => {
  it("tells a beginning with all that a policy looks at, and an end of the same group", async () => {
    const { kind: _, at, ...said } = RAISED;
    expect(factsOf(monitor, { headers: {}, body: await bodyOf(RAISED) })).toEqual([
      { kind: "signal.raised", ...said, occurredAt: at, ours: false, aside: false },
    ]);
    const over = await bodyOf({ ...RAISED, kind: "resolved", at: NOW + 60_000 });
    expect(factsOf(monitor, { headers: {}, body: over })).toEqual([
      {
        kind: "signal.resolved",
        groupKey: RAISED.groupKey,
        signalKind: "metric",
        title: RAISED.title,
        by: null,
        occurredAt: NOW + 60_000,
      },
    ]);
  });

  it("says of a figure or a rule that it is aside; of what was queued before that could be said it is not", async () => {
    const asideOf = async (signal: OwnSignal) => {
      const [fact] = factsOf(monitor, { headers: {}, body: await bodyOf(signal) });
      return fact?.kind === "signal.raised" ? fact.aside : null;
    };
    expect(await asideOf({ ...RAISED, aside: true })).toBe(true);
    expect(await asideOf(RAISED)).toBe(false);
  });

  it("names a transition by its group, kind and time: told twice it is one event", async () => {
    const first = await identityOf(monitor, { headers: {}, body: await bodyOf(RAISED) });
    expect(first).toEqual({
      eventKey: `monitor:threshold:payment-success:raised:${NOW}`,
      type: "signal.raised",
      occurredAt: NOW,
    });
    const again = await bodyOf({ ...RAISED, title: "Payment success 81 % for 5 min" });
    expect(await identityOf(monitor, { headers: {}, body: again })).toEqual(first);
    for (const other of [
      { ...RAISED, at: NOW + 1 },
      { ...RAISED, kind: "resolved" as const },
      { ...RAISED, groupKey: `${RAISED.groupKey}:ร้าน` },
    ]) {
      const { eventKey } = await identityOf(monitor, { headers: {}, body: await bodyOf(other) });
      expect(eventKey).not.toBe(first.eventKey);
      expect(eventKey).toMatch(/^[!-~]{1,255}$/);
    }
  });

  it("refuses a kind or level that nobody knows, by the field's name", () => {
    for (const field of ["signalKind", "level", "service", "groupKey"]) {
      const body = { ...RAISED, [field]: 7 };
      expect(outcomeOf(() => factsOf(monitor, { headers: {}, body }))).toBe("unexpected_shape");
    }
    for (const signalKind of SIGNAL_KINDS) {
      for (const level of SIGNAL_LEVELS) {
        const body = { ...RAISED, signalKind, level };
        expect(factsOf(monitor, { headers: {}, body })).toHaveLength(1);
      }
    }
  });

  it("with one field out of shape comes to facts or to a dead letter, never to a defect", async () => {
    const broken = fc.tuple(fc.constantFrom(...pathsOf({ ...RAISED })), oddValue);
    await fc.assert(
      fc.asyncProperty(broken, async ([path, put]) => {
        const given = { headers: {}, body: withValueAt({ ...RAISED }, path, put) };
        const { eventKey } = await identityOf(monitor, given);
        expect(eventKey).toMatch(/^[!-~]{1,255}$/);
        const outcome = outcomeOf(() => factsOf(monitor, given));
        if (typeof outcome === "string") expect(outcome).toBe("unexpected_shape");
        else expect(outcome.length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 300 },
    );
  });
});
