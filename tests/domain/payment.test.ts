import { describe, expect, it } from "vitest";
import { LEDGER_STATES, type LedgerKind, type LedgerObject } from "../../src/domain/ledger.js";
import { derivePayment } from "../../src/domain/payment.js";

const AT = Date.UTC(2026, 10, 21, 8);
const nobody = () => ({ userRef: null, packageRef: null, orderRef: null, locale: null });
const payer = { email: null, name: null, locale: null, clientRef: null, metadata: {} };

function object(
  kind: LedgerKind,
  externalId: string,
  state: string,
  amountMinor: number,
  details: object = {},
): LedgerObject {
  return {
    id: `obj_${externalId}`,
    kind,
    account: "",
    livemode: false,
    externalId,
    state,
    stateAsOf: AT,
    amountMinor,
    currency: "THB",
    customerRef: null,
    paymentRef: "pi_1",
    chargeRef: null,
    invoiceRef: null,
    subscriptionRef: null,
    details: details as LedgerObject["details"],
    bornAt: AT,
    asOf: AT,
    authority: "event",
    userRef: null,
    told: [],
    createdAt: AT,
    updatedAt: AT,
    version: 0,
  };
}

const paid = object("payment", "pi_1", "succeeded", 900, {
  ...payer,
  receivedMinor: 900,
  failure: null,
});
const charge = (refundedMinor: number) =>
  object("charge", "ch_1", "succeeded", 900, {
    ...payer,
    capturedMinor: 900,
    refundedMinor,
    failure: null,
  });
const refunded = (...objects: LedgerObject[]) =>
  derivePayment([paid, ...objects], nobody).refundedMinor;

describe("what was refunded of a payment", () => {
  it("is the refunds that stand", () => {
    const [one, two] = [
      object("refund", "re_1", "succeeded", 300),
      object("refund", "re_2", "pending", 200),
    ];
    expect(refunded(charge(500), one, two)).toBe(500);
    expect(refunded(charge(300), one, two)).toBe(500); // the charge's word is the older
  });

  it("is the charge's figure while refunds that it counts are still to come", () => {
    expect(refunded(charge(500))).toBe(500);
    expect(refunded(charge(500), object("refund", "re_1", "succeeded", 300))).toBe(500);
  });

  it("comes back off when a refund fails, though the charge still counts it", () => {
    const failed = object("refund", "re_2", "failed", 200);
    expect(refunded(charge(500), object("refund", "re_1", "succeeded", 300), failed)).toBe(300);
  });
});

describe("a payment of which only parts are known", () => {
  it("was paid when a charge has brought the money, whatever its own older word says", () => {
    const pending = { ...paid, state: "pending" };
    expect(derivePayment([pending, charge(0)], nobody)).toMatchObject({
      state: "succeeded",
      receivedMinor: 900,
      paidAt: AT,
    });
  });

  it("was paid when it is refunded, but nobody knows when", () => {
    const refund = object("refund", "re_1", "succeeded", 300);
    expect(derivePayment([refund], nobody)).toMatchObject({ state: "succeeded", paidAt: null });
  });

  it("is the same in whatever order its objects are given", () => {
    const all = [paid, charge(300), object("refund", "re_1", "succeeded", 300)];
    const orders = [all, [...all].reverse(), [all[1], all[0], all[2]]] as LedgerObject[][];
    const derived = orders.map((objects) => derivePayment(objects, nobody));
    expect(derived[1]).toEqual(derived[0]);
    expect(derived[2]).toEqual(derived[0]);
  });
});

describe("what a payment's disputes say of it", () => {
  it.each([...Object.keys(LEDGER_STATES.dispute), "unknown"])(
    "is never better than lost, however the other one stands: %s",
    (state) => {
      const disputes = [
        object("dispute", "du_1", state, 900),
        object("dispute", "du_2", "lost", 300),
      ];
      expect(derivePayment([paid, ...disputes], nobody).disputeState).toBe("lost");
    },
  );

  it("takes no money while it is an inquiry, though that waits for an answer", () => {
    const inquiry = object("dispute", "du_1", "warning_needs_response", 900);
    const { disputedMinor, disputeState } = derivePayment([paid, inquiry], nobody);
    expect([disputedMinor, disputeState]).toEqual([0, "warning_needs_response"]);
  });
});
