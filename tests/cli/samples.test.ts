import { describe, expect, it } from "vitest";
import { freshen, loadSample, requestOf, sampleNames } from "../../cli/samples/index.js";
import { signedRequest } from "../../cli/sign.js";
import { sources } from "../../src/sources/registry.js";
import { factsOf, identityOf, RECEIVED_AT, rawRequest, secretsOf } from "../sources/kit.js";

const LATER = Date.UTC(2027, 0, 5, 12, 30);

describe("samples", () => {
  it("are found by their own name and by the provider's", () => {
    const pairs: [string, string, string][] = [
      ["stripe", "payment-succeeded", "payment_intent.succeeded"],
      ["stripe", "charge-refunded", "charge.refunded"],
      ["sentry", "issue-created", "issue.created"],
      ["sentry", "metric-alert-critical", "metric_alert.critical"],
      ["vercel", "deployment-error", "deployment.error"],
      ["better-stack", "incident-started", "incident.started"],
      ["better-stack", "status-page-incident", "status_page.incident"],
    ];
    for (const [source, own, theirs] of pairs) {
      expect(loadSample(source, theirs)).toEqual(loadSample(source, own));
    }
  });

  it("are listed when the name is none of them", () => {
    expect(() => loadSample("vercel", "nope")).toThrow(
      "deployment-created, deployment-error, deployment-ready, deployment-succeeded",
    );
    expect(() => loadSample("../sign", "nope")).toThrow("stripe, sentry, vercel, better-stack");
    expect(() => loadSample("stripe", "../../package")).toThrow("no sample");
    expect(sampleNames("nobody")).toEqual([]);
    expect(() => signedRequest("nobody", new Uint8Array(0), { secret: "s", now: 0 })).toThrow();
  });

  for (const source of sources) {
    for (const name of sampleNames(source.id)) {
      it(`${source.id} ${name} is a new event each time, signed, at its time`, async () => {
        const sample = loadSample(source.id, name);
        const keys = new Set<string>();
        for (const uniqueId of ["a1", "b2"]) {
          const fresh = freshen(sample, { uniqueId, now: LATER });
          const { headers, body } = requestOf(fresh, { secret: "s3cret", now: LATER });
          const verdict = await source.verify(
            rawRequest(headers, body),
            secretsOf("s3cret"),
            LATER,
          );
          expect(verdict.kind).toBe("verified");
          const { eventKey, occurredAt } = await identityOf(source, { headers, body });
          keys.add(eventKey);
          const at = occurredAt ?? RECEIVED_AT;
          expect(Math.abs(LATER - at)).toBeLessThan(3_600_000);
          factsOf(source, { headers, body });
        }
        expect(keys.size).toBe(2);
        expect(loadSample(source.id, name)).toEqual(sample);
      });
    }
  }
});

describe("freshening", () => {
  const moneyOf = (set: Record<string, string>) =>
    factsOf(
      sources[0],
      freshen(loadSample("stripe", "payment-succeeded"), { uniqueId: "x", now: LATER, set }),
    );

  it("keeps samples of one unique id together: one purchase, one incident", () => {
    const fresh = (name: string) =>
      freshen(loadSample("stripe", name), { uniqueId: "one", now: LATER });
    const paid = factsOf(sources[0], fresh("payment-succeeded"));
    const payment = { externalId: "pi_sample_purchase_one" };
    expect(paid).toMatchObject([{ payment }]);
    expect(factsOf(sources[0], fresh("checkout-completed"))).toMatchObject([{ payment }]);
    expect(factsOf(sources[0], fresh("charge-refunded"))).toMatchObject([{ payment }]);
  });

  it("dates a failed deployment now: sent after a good one it is the newer word", async () => {
    const at = async (name: string) => {
      const sample = freshen(loadSample("vercel", name), { uniqueId: "x", now: LATER });
      const vercel = sources.find(({ id }) => id === "vercel") ?? sources[0];
      return (await identityOf(vercel, requestOf(sample, { secret: "s", now: LATER }))).occurredAt;
    };
    expect(await at("deployment-error")).toBe(LATER);
    expect(await at("deployment-ready")).toBeLessThan(LATER);
  });

  it("sets what it is told, as JSON where it is JSON and as text where text was", () => {
    expect(
      moneyOf({
        "data.object.amount_received": "500",
        "data.object.currency": "jpy",
        "data.object.metadata.userId": "17",
        "data.object.receipt_email": "null",
        livemode: "true",
      }),
    ).toMatchObject([
      {
        money: { amountMinor: 500, currency: "JPY" },
        payment: { livemode: true },
        buyer: { userRef: "17", email: null },
      },
    ]);
  });

  it("keeps an id when told to, and sets one over the fresh one", () => {
    const sample = loadSample("stripe", "payment-succeeded");
    const kept = freshen(sample, { uniqueId: "x", now: LATER, keep: ["data.object.id"] });
    expect(kept.body).toMatchObject({
      id: "evt_sample_payment_succeeded_x",
      data: { object: { id: "pi_sample_purchase" } },
    });
    expect(moneyOf({ "data.object.id": "pi_mine" })).toMatchObject([
      { payment: { externalId: "pi_mine" } },
    ]);
  });

  it("makes fields on its way, and refuses a path that leads nowhere", () => {
    expect(moneyOf({ "data.object.metadata.deep.er": "1" })).toHaveLength(1);
    for (const path of ["", "a..b", "__proto__.x", "id.x"]) {
      expect(() => moneyOf({ [path]: "1" })).toThrow(`"${path}"`);
    }
  });
});
