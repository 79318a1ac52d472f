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
      ["stripe", "invoice-paid", "invoice.paid"],
      ["stripe", "thin-payment-succeeded", "v1.payment_intent.succeeded"],
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

  it("of Stripe are of all that its ledger keeps, in both shapes of its API, and thin", () => {
    expect(sampleNames("stripe")).toEqual([
      "charge-refunded",
      "charge-refunded-2022-08-01",
      "checkout-completed",
      "checkout-expired",
      "customer-created",
      "dispute-created",
      "dispute-lost",
      "dispute-won",
      "fraud-warning-created",
      "invoice-paid",
      "invoice-paid-2022-11-15",
      "invoice-payment-failed",
      "invoice-payment-failed-2022-11-15",
      "invoice-payment-paid",
      "payment-canceled",
      "payment-failed",
      "payment-succeeded",
      "payment-succeeded-2022-08-01",
      "refund-created",
      "refund-failed",
      "subscription-created",
      "subscription-created-2022-11-15",
      "subscription-deleted",
      "subscription-deleted-2022-11-15",
      "subscription-updated",
      "subscription-updated-2022-11-15",
      "thin-payment-succeeded",
    ]);
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
  const saidOf = (set: Record<string, string>) =>
    factsOf(
      sources[0],
      freshen(loadSample("stripe", "payment-succeeded"), { uniqueId: "x", now: LATER, set }),
    );

  it("keeps samples of one unique id together: one purchase, one subscription, one incident", () => {
    const refsOf = (name: string) =>
      factsOf(sources[0], freshen(loadSample("stripe", name), { uniqueId: "one", now: LATER })).map(
        (fact) => {
          if (!("object" in fact)) throw new Error(`${name} is ${fact.kind}`);
          const links = "said" in fact ? fact.said.links : {};
          return [fact.object.externalId, ...Object.values(links).filter((ref) => ref !== null)];
        },
      );
    const purchase = "pi_sample_purchase_one";
    const charge = "ch_sample_purchase_one";
    expect(refsOf("payment-succeeded")).toEqual([[purchase]]);
    expect(refsOf("thin-payment-succeeded")).toEqual([[purchase]]);
    expect(refsOf("checkout-completed")).toEqual([["cs_test_sample_purchase_one", purchase]]);
    expect(refsOf("charge-refunded")).toEqual([[charge, purchase]]);
    for (const name of ["refund-created", "refund-failed"]) {
      expect(refsOf(name)).toEqual([["re_sample_purchase_one", purchase, charge]]);
    }
    for (const name of ["dispute-created", "dispute-lost", "dispute-won"]) {
      expect(refsOf(name)).toEqual([["du_sample_purchase_one", purchase, charge]]);
    }
    const customer = "cus_sample_one";
    expect(refsOf("customer-created")).toEqual([[customer]]);
    for (const name of ["subscription-created", "subscription-updated", "subscription-deleted"]) {
      expect(refsOf(name)).toEqual([["sub_sample_one", customer]]);
    }
    for (const name of ["invoice-payment-failed", "invoice-paid"]) {
      expect(refsOf(name)).toEqual([["in_sample_one", customer, "sub_sample_one"]]);
    }
    expect(refsOf("invoice-payment-paid")).toEqual([
      ["inpay_sample_one", "pi_sample_invoice_one", "in_sample_one"],
    ]);
    const old = "pi_sample_old_one";
    expect(refsOf("payment-succeeded-2022-08-01")).toEqual([[old], ["ch_sample_old_one", old]]);
    expect(refsOf("charge-refunded-2022-08-01")).toEqual([
      ["ch_sample_old_one", old],
      ["re_sample_old_one", old, "ch_sample_old_one"],
    ]);
  });

  it("tells a story in its order, and a subscription that has begun is not over yet", () => {
    const times = ["created", "updated", "deleted"].map((verb) => {
      const sample = loadSample("stripe", `subscription-${verb}`);
      return factsOf(sources[0], freshen(sample, { uniqueId: "x", now: LATER }))[0];
    });
    const at = times.map((fact) => (fact?.kind === "subscription.said" ? fact.occurredAt : null));
    expect(at).toEqual([LATER - 30_000, LATER - 10_000, LATER]);
    expect(times[0]).toMatchObject({
      said: { details: { periodStart: LATER - 30_000, periodEnd: LATER + 2_591_970_000 } },
    });
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
      saidOf({
        "data.object.amount_received": "500",
        "data.object.currency": "jpy",
        "data.object.metadata.userId": "17",
        "data.object.receipt_email": "null",
        livemode: "true",
      }),
    ).toMatchObject([
      {
        object: { livemode: true },
        said: {
          currency: "JPY",
          details: { receivedMinor: 500, email: null, metadata: { userId: "17" } },
        },
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
    expect(saidOf({ "data.object.id": "pi_mine" })).toMatchObject([
      { object: { externalId: "pi_mine" } },
    ]);
  });

  it("makes fields on its way, and refuses a path that leads nowhere", () => {
    expect(saidOf({ "data.object.metadata.deep.er": "1" })).toHaveLength(1);
    for (const path of ["", "a..b", "__proto__.x", "id.x"]) {
      expect(() => saidOf({ [path]: "1" })).toThrow(`"${path}"`);
    }
  });
});
