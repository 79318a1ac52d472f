import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import type { Fact } from "../../../src/domain/facts.js";
import { readEvent } from "../../../src/sources/stripe/read-event.js";
import {
  FIXTURES,
  jsonBytes,
  jsonFilesUnder,
  NOW,
  outcomeOf,
  payload,
  RECEIVED_AT,
  readJson,
} from "../kit.js";
import { EVENT_TYPES } from "./event-types.js";
import * as make from "./shapes.js";
import { event, SHAPES, thinEvent } from "./shapes.js";

const facts = (body: unknown): Fact[] =>
  readEvent({}, jsonBytes(body), { ours: new Set(), receivedAt: RECEIVED_AT });

/** `payment succeeded`, `charge mentioned`. */
function gistOf(fact: Fact): string {
  if (fact.kind === "object.mentioned") return `${fact.object.kind} mentioned`;
  if ("said" in fact) return `${fact.object.kind} ${fact.said.state}`;
  return fact.kind;
}
const gistsOf = (body: unknown) => facts(body).map(gistOf);

describe("stripe events: every type is read, in both shapes", () => {
  for (const shape of SHAPES) {
    for (const [type, build, over, expected] of EVENT_TYPES) {
      it(`${type} (${shape}) is ${expected}`, () => {
        const body = event(type, build(shape, over), { api_version: make.API_VERSIONS[shape] });
        expect(facts(body)[0]).toMatchObject({ occurredAt: NOW, authority: "event" });
        expect(gistsOf(body)[0]).toBe(expected);
      });
    }
  }

  it("docs/reference/stripe-events.md has them all", () => {
    const page = readFileSync(new URL("../../../docs/reference/stripe-events.md", import.meta.url));
    const onPage = [...page.toString().matchAll(/\| `(\w+\.said)` \| (.+) \|/g)].flatMap(
      ([, fact, types]) =>
        [...(types ?? "").matchAll(/`([^`]+)`/g)].map(([, type]) => `${type} ${fact}`),
    );
    const read = EVENT_TYPES.filter(([type]) => !type.endsWith("not_made_up_yet")).map(
      ([type, , , expected]) => `${type} ${expected.split(" ")[0]}.said`,
    );
    expect(onPage.sort()).toEqual([...new Set(read)].sort());
  });

  it("the ledger keeps nothing of a preview, of other objects, of names that are no types", () => {
    const { id: _id, ...preview } = make.invoice("new");
    expect(facts(event("invoice.upcoming", preview))).toEqual([]);
    expect(facts(event("invoice.upcoming", { ...preview, id: "upcoming_in_1" }))).toEqual([]);
    for (const type of [
      "payment_method.attached",
      "setup_intent.succeeded",
      "customer.source.created",
      "customer.discount.created",
      "subscription_schedule.created",
      "constructor.created",
      "charge",
      ".charge",
    ]) {
      expect(facts(event(type, { id: "x_1" })), type).toEqual([]);
    }
  });
});

describe("stripe events: the key of an object", () => {
  const keyOf = (body: unknown) => (facts(body)[0] as { object: object }).object;

  it("has the mode, the account and the id", () => {
    expect(keyOf(event("refund.created", make.refund("new")))).toEqual({
      kind: "refund",
      account: "",
      livemode: false,
      externalId: "re_1",
    });
    const more = { livemode: true, account: "acct_7" };
    expect(keyOf(event("customer.updated", make.customer("new"), more))).toEqual({
      kind: "customer",
      account: "acct_7",
      livemode: true,
      externalId: "cus_1",
    });
  });

  it("takes the object's mode where the event has none, and no nonsense for either", () => {
    const body = event("charge.updated", make.charge("new", { livemode: true }));
    expect(keyOf({ ...body, livemode: null })).toMatchObject({ livemode: true });
    expect(outcomeOf(() => facts({ ...body, livemode: "true" }))).toBe("unexpected_shape");
  });

  it("takes the door's time where the event has none", () => {
    const body = event("charge.updated", make.charge("new"), { created: "soon" });
    expect(facts(body)).toMatchObject([{ occurredAt: RECEIVED_AT }]);
  });
});

describe("stripe events: what stands within another object speaks for itself", () => {
  const refunds = {
    object: "list",
    data: [make.refund("old"), make.refund("old", { id: "re_2" })],
  };

  it("the refunds of a charge, as part of its payment", () => {
    const { payment_intent: _known, ...bare } = make.refund("old");
    const body = event(
      "charge.refunded",
      make.charge("old", { refunds: { object: "list", data: [bare] } }),
    );
    expect(facts(body)).toMatchObject([
      { kind: "charge.said" },
      { kind: "refund.said", said: { links: { paymentRef: "pi_1", chargeRef: "ch_1" } } },
    ]);
  });

  it("the charges of an intent, and their refunds", () => {
    const charges = { object: "list", data: [make.charge("old", { refunds })] };
    const body = event("payment_intent.succeeded", make.intent("old", { charges }));
    const found = facts(body);
    expect(found.map(gistOf)).toEqual([
      "payment succeeded",
      "charge succeeded",
      "refund succeeded",
      "refund succeeded",
    ]);
    expect(found).toMatchObject(found.map(() => ({ occurredAt: NOW, authority: "event" })));
    expect(found[1]).toMatchObject({ said: { links: { paymentRef: "pi_1" } } });
  });

  it("but not what is only a part of one", () => {
    const { body } = payload("stripe", "intent-before-2022-11-15");
    expect(facts(body)).toMatchObject([
      {
        kind: "payment.said",
        object: { account: "acct_vector", livemode: true, externalId: "pi_vector_old" },
        said: { details: { email: "hanako@example.com", name: "山田 花子" } },
      },
    ]);
  });
});

describe("stripe thin events", () => {
  const NAMES: readonly [string, string, string][] = [
    ["v1.payment_intent.succeeded", "payment_intent", "payment"],
    ["v1.charge.captured", "charge", "charge"],
    ["v1.refund.failed", "refund", "refund"],
    ["v1.charge.dispute.closed", "dispute", "dispute"],
    ["v1.radar.early_fraud_warning.created", "radar.early_fraud_warning", "fraud_warning"],
    ["v1.invoice.paid", "invoice", "invoice"],
    ["v1.invoice_payment.paid", "invoice_payment", "invoice_payment"],
    ["v1.customer.subscription.updated", "subscription", "subscription"],
    ["v1.customer.deleted", "customer", "customer"],
    ["v1.checkout.session.expired", "checkout.session", "checkout"],
  ];

  it("only mention the object that changed", () => {
    for (const [type, name, kind] of NAMES) {
      const body = thinEvent(type, name, "x_1", { livemode: true });
      expect(facts(body), type).toEqual([
        {
          kind: "object.mentioned",
          object: { kind, account: "", livemode: true, externalId: "x_1" },
          occurredAt: NOW,
        },
      ]);
    }
  });

  it("are of the account that their context ends in", () => {
    const accountOf = (context: unknown) =>
      facts(thinEvent("v1.customer.created", "customer", "cus_1", { context }));
    expect(accountOf("acct_5")).toMatchObject([{ object: { account: "acct_5" } }]);
    expect(accountOf("org_1/acct_6")).toMatchObject([{ object: { account: "acct_6" } }]);
    expect(accountOf("workspace_1")).toMatchObject([{ object: { account: "" } }]);
    expect(accountOf({})).toMatchObject([{ object: { account: "" } }]);
  });

  it("mention nothing where they are of another API, of no object or of none that we keep", () => {
    for (const body of [
      thinEvent("v2.core.account.updated", "v2.core.account", "acct_1"),
      thinEvent("v2.core.health.event_generation_failure.resolved", "charge", "ch_1"),
      thinEvent("v1.billing.meter.no_meter_found", "billing.meter", "mtr_1"),
      thinEvent("v1.invoice.upcoming", "invoice", "upcoming_in_1"),
      thinEvent("v1.invoice.paid", "invoice", "in_1", { related_object: null }),
    ]) {
      expect(facts(body), body.type).toEqual([]);
    }
    const nameless = thinEvent("v1.invoice.paid", "invoice", "");
    expect(() => facts(nameless)).toThrow("related_object.id");
  });
});

describe("stripe events: shapes that cannot be are dead letters that name the field", () => {
  const NEEDED: readonly [string, Record<string, unknown>, readonly string[]][] = [
    ["payment_intent.succeeded", make.intent("new"), ["id", "amount", "currency"]],
    ["charge.succeeded", make.charge("new"), ["id", "amount", "currency"]],
    ["refund.created", make.refund("new"), ["id", "amount", "currency"]],
    ["charge.dispute.created", make.dispute("new"), ["id", "amount", "currency"]],
    ["radar.early_fraud_warning.created", make.fraudWarning("new"), ["id"]],
    ["invoice.paid", make.invoice("new"), ["id", "total", "currency"]],
    ["invoice_payment.paid", make.invoicePayment("new"), ["id", "currency"]],
    ["customer.subscription.updated", make.subscription("new"), ["id"]],
    ["customer.updated", make.customer("new"), ["id"]],
    ["checkout.session.completed", make.session("new"), ["id", "currency"]],
  ];
  for (const [type, object, fields] of NEEDED) {
    it(`${type} needs ${fields.join(", ")}`, () => {
      for (const field of fields) {
        for (const put of [undefined, null, {}, "", 0.5]) {
          const body = event(type, { ...object, [field]: put });
          expect(() => facts(body), `${field}: ${put}`).toThrow(`${object.object}.${field} must`);
        }
      }
      expect(() => facts(event(type, null))).toThrow("data.object must");
    });
  }

  it("are told from an object of another kind, and a reference that is none", () => {
    const other = make.charge("new");
    expect(() => facts(event("refund.updated", other))).toThrow("must be a refund");
    const wrong = make.charge("new", { payment_intent: 5 });
    expect(() => facts(event("charge.updated", wrong))).toThrow("charge.payment_intent must");
    const late = make.subscription("new", { trial_end: "soon" });
    expect(() => facts(event("customer.subscription.updated", late))).toThrow("trial_end must");
  });
});

/** What each reference payload comes to; those that are not here, to nothing. */
const REFERENCE: Readonly<Record<string, string>> = {
  "charge.captured": "charge failed",
  "charge.dispute.created": "dispute warning_needs_response",
  "charge.dispute.funds_reinstated": "dispute warning_needs_response",
  "charge.dispute.funds_withdrawn": "dispute warning_needs_response",
  "charge.dispute.updated": "dispute warning_needs_response",
  "charge.expired": "charge failed",
  "charge.failed": "charge failed",
  "charge.refunded": "charge succeeded, refund succeeded",
  "charge.succeeded": "charge succeeded",
  "checkout.session.completed": "checkout complete",
  "customer.created.2022-11-15": "customer active",
  "customer.deleted": "customer deleted",
  "customer.subscription.created.2022-11-15": "subscription trialing",
  "customer.subscription.created": "subscription active",
  "customer.subscription.deleted": "subscription canceled",
  "customer.subscription.updated": "subscription active",
  "customer.updated.2022-11-15": "customer active",
  "customer.updated": "customer active",
  "invoice.created.2022-11-15": "invoice paid",
  "invoice.finalized.2022-11-15": "invoice paid",
  "invoice.finalized": "invoice open",
  "invoice.paid.2022-11-15": "invoice paid",
  "invoice.paid": "invoice paid",
  "invoice.payment_succeeded.2022-11-15": "invoice paid",
  "invoice.updated": "invoice draft",
  "invoice.voided": "invoice void",
  "invoice_payment.paid": "invoice_payment paid",
  "payment_intent.amount_capturable_updated": "payment pending",
  "payment_intent.canceled": "payment pending",
  "payment_intent.created": "payment pending",
  "payment_intent.payment_failed": "payment pending",
  "payment_intent.processing": "payment pending",
  "payment_intent.requires_action": "payment pending",
  "payment_intent.succeeded": "payment pending",
  "refund.created": "refund succeeded",
  "refund.updated": "refund succeeded",
  "charge.dispute.created.dahlia": "dispute needs_response",
  "charge.succeeded.dahlia": "charge succeeded",
  "checkout.session.async_payment_failed.dahlia": "checkout complete",
  "checkout.session.async_payment_succeeded.dahlia": "checkout complete",
  "checkout.session.completed.dahlia": "checkout complete",
  "checkout.session.expired.dahlia": "checkout expired",
  "customer.created.dahlia": "customer active",
  "customer.subscription.created.dahlia": "subscription active",
  "customer.subscription.deleted.dahlia": "subscription canceled",
  "customer.subscription.trial_will_end.dahlia": "subscription trialing",
  "invoice.finalized.no-parent.dahlia": "invoice open",
  "invoice.payment_failed.dahlia": "invoice open",
  "payment_intent.payment_failed.dahlia": "payment failed",
  "payment_intent.succeeded.dahlia": "payment succeeded",
  "refund.created.dahlia": "refund succeeded",
};
/** Of objects that the ledger does not keep. */
const IGNORED = /^(entitlements|payment_link|payment_method|review|setup_intent)\./;

describe("stripe events: reference payloads", () => {
  it("come to their facts, or deliberately to none, where they are at hand", () => {
    const files = jsonFilesUnder(resolve(FIXTURES, "stripe"));
    console.log(`${files.length} reference payloads of stripe`);
    const gists = files.map((file) => {
      const name = basename(file, ".json");
      return [name, gistsOf(readJson(resolve(FIXTURES, "stripe", file))).join(", ")];
    });
    const expected = gists.map(([name = ""]) => [name, IGNORED.test(name) ? "" : REFERENCE[name]]);
    expect(gists).toEqual(expected);
  });
});
