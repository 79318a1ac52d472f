import { beforeEach, describe, expect, it } from "vitest";
import { newWorld } from "./world.js";

let w: ReturnType<typeof newWorld>;
beforeEach(() => {
  w = newWorld();
});

/** A paid charge, with nothing left to hear of how it came about. */
const paidCharge = (): string => {
  const charge = w.charge();
  w.news();
  return charge;
};

describe("disputes", () => {
  it("take the money, and bring it back when they are won", () => {
    const charge = paidCharge();
    const { id } = w.world.act({ do: "dispute", id: charge, reason: "fraudulent" });
    expect(w.news()).toEqual(["charge.dispute.created", "charge.dispute.funds_withdrawn"]);
    expect(w.get(`/v1/charges/${charge}`)).toMatchObject({ disputed: true });
    w.post(`/v1/disputes/${id}`, { evidence: { uncategorized_text: "It was theirs." } });
    expect(w.get(`/v1/disputes/${id}`)).toMatchObject({
      status: "under_review",
      evidence_details: { has_evidence: true, submission_count: 1 },
    });
    w.world.act({ do: "close_dispute", id, outcome: "won" });
    expect(w.news()).toEqual([
      "charge.dispute.updated",
      "charge.dispute.closed",
      "charge.dispute.funds_reinstated",
    ]);
    expect(w.get(`/v1/disputes/${id}`)).toMatchObject({
      status: "won",
      amount: 2000,
      currency: "thb",
      balance_transactions: [{ amount: -2000 }, { amount: 2000 }],
    });
    expect(() => w.world.act({ do: "close_dispute", id, outcome: "lost" })).toThrow(/is won/);
  });

  it("lost keep the money; giving up loses", () => {
    const { id } = w.world.act({ do: "dispute", id: paidCharge() });
    w.news();
    w.post(`/v1/disputes/${id}/close`);
    expect(w.news()).toEqual(["charge.dispute.closed"]);
    expect(w.get(`/v1/disputes/${id}`)).toMatchObject({ status: "lost" });
  });

  it("inquiries move no money, unless they are escalated", () => {
    const first = w.world.act({ do: "dispute", id: paidCharge(), inquiry: true });
    w.world.act({ do: "close_dispute", id: first.id, outcome: "warning_closed" });
    expect(w.news()).toEqual(["charge.dispute.created", "charge.dispute.closed"]);
    expect(first).toMatchObject({ status: "warning_needs_response", is_charge_refundable: true });
    const second = w.world.act({ do: "dispute", id: paidCharge(), inquiry: true });
    w.news();
    w.world.act({ do: "escalate", id: second.id });
    expect(w.news()).toEqual(["charge.dispute.updated", "charge.dispute.funds_withdrawn"]);
    const listed = w.get("/v1/disputes", { charge: String(second.charge) });
    expect(listed.data).toMatchObject([{ id: second.id, status: "needs_response" }]);
  });
});

describe("early fraud warnings", () => {
  it("can be acted on until the charge is refunded in full", () => {
    const charge = paidCharge();
    const { id } = w.world.act({ do: "warn_of_fraud", id: charge });
    expect(w.news()).toEqual(["radar.early_fraud_warning.created"]);
    w.post("/v1/refunds", { charge, amount: 100 });
    expect(w.get(`/v1/radar/early_fraud_warnings/${id}`)).toMatchObject({ actionable: true });
    w.news();
    w.post("/v1/refunds", { charge });
    expect(w.news().at(-1)).toBe("radar.early_fraud_warning.updated");
    const list = w.get("/v1/radar/early_fraud_warnings", { charge });
    expect(list.data).toMatchObject([{ id, actionable: false, fraud_type: "misc" }]);
  });
});

describe("refunds", () => {
  it("that fail or are canceled come off the charge again", () => {
    const charge = w.charge("pm_card_pendingRefund");
    const refunded = () =>
      (w.get(`/v1/charges/${charge}`) as Record<string, unknown>).amount_refunded;
    const first = w.post("/v1/refunds", { charge, amount: 500 });
    const second = w.post("/v1/refunds", { charge, amount: 700 });
    expect([first.status, refunded()]).toEqual(["pending", 1200]);
    w.world.act({ do: "settle", id: first.id, outcome: "failed" });
    expect(refunded()).toBe(700);
    w.world.act({ do: "settle", id: second.id, outcome: "requires_action" });
    expect(refunded()).toBe(700);
    expect(w.post(`/v1/refunds/${second.id}/cancel`)).toMatchObject({ status: "canceled" });
    expect(refunded()).toBe(0);
    expect(() => w.world.act({ do: "settle", id: second.id, outcome: "succeeded" })).toThrow(
      /is canceled/,
    );
    expect(w.news().filter((type) => type === "refund.failed")).toHaveLength(1);
  });
});

describe("payment intents", () => {
  it("held and never captured expire; captured in part they keep that part", () => {
    const held = w.pay("pm_card_visa", { capture_method: "manual" });
    w.news();
    w.world.act({ do: "expire_authorization", id: held.id });
    expect(w.news()).toEqual(["refund.created", "charge.expired", "payment_intent.canceled"]);
    const other = w.pay("pm_card_visa", { capture_method: "manual" });
    const captured = w.post(`/v1/payment_intents/${other.id}/capture`, { amount_to_capture: 700 });
    expect(captured).toMatchObject({ status: "succeeded", amount_received: 700, amount: 2000 });
    expect(w.get(`/v1/charges/${other.latest_charge}`)).toMatchObject({ amount_captured: 700 });
  });

  it("funded in part wait for the rest", () => {
    const { id } = w.pay("pm_card_authenticationRequired");
    w.news();
    w.world.act({ do: "fund", id, amount: 500 });
    expect(() => w.world.act({ do: "fund", id, amount: 1501 })).toThrow(/no more than 1500/);
    expect(w.world.act({ do: "fund", id, amount: 1500 })).toMatchObject({ status: "succeeded" });
    expect(w.news()).toEqual([
      "payment_intent.partially_funded",
      "charge.succeeded",
      "payment_intent.succeeded",
    ]);
  });
});
