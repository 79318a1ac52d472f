import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Ran, run } from "../cli/run.js";
import { ADMIN_TOKEN, type House, openHouse, SECRETS } from "../support/house.js";

type Row = Record<string, unknown>;

let h: House;
const keys: Record<string, string> = {};
const startedAt = new Date(Date.now() - 60_000).toISOString();

beforeAll(async () => {
  h = await openHouse({
    SIGNALBOX_POLICY: "runbook",
    UNSUBSCRIBE_SECRET: "house-unsubscribe-secret-0001",
  });
  h.stripe.setWebhook({
    url: `${h.url}/api/webhooks/stripe`,
    secret: SECRETS.STRIPE_WEBHOOK_SECRET,
  });
  for (const [name, role] of [
    ["anna", "operator"],
    ["ben", "approver"],
    ["cleo", "approver"],
  ] as const) {
    const { data } = await h.admin<{ data: { key: string } }>("keys", {
      method: "POST",
      body: JSON.stringify({ name, role }),
    });
    keys[name] = data.key;
  }
}, 60_000);
afterAll(() => h.close());

const as = (who: string, ...args: string[]): Promise<Ran> =>
  run(args, {
    SIGNALBOX_URL: h.url,
    NO_COLOR: "1",
    ...(who === "admin" ? { ADMIN_TOKEN } : { SIGNALBOX_KEY: keys[who] ?? "" }),
  });
const dataOf = ({ out, err }: Ran): Row[] => {
  expect(out, err).not.toBe("");
  return (JSON.parse(out) as { data: Row[] }).data;
};

/** Pays as the shop's checkout does, and waits until it is worked on. */
async function pay(user: string, order = `order_${user}`, method = "pm_card_visa") {
  const intent = h.stripe.call("POST", "/v1/payment_intents", {
    amount: 199_900,
    currency: "thb",
    receipt_email: `${user}@example.com`,
    metadata: { userId: user, orderId: order, locale: "th" },
    ...(method === "" ? {} : { payment_method: method, confirm: true }),
    automatic_payment_methods: { enabled: true, allow_redirects: "never" },
  });
  await settled();
  return String(intent.id);
}

async function settled(): Promise<void> {
  await h.stripe.idle();
  await h.rest();
}

const entitlementOf = async (user: string): Promise<Row | undefined> =>
  (await h.list("entitlements")).find(({ userRef }) => userRef === user);
const affected = async (): Promise<Row[]> =>
  dataOf(await as("anna", "payments", "affected", "--from", startedAt, "--json"));
const planned: Record<string, string> = {};

describe("a bad release and its correction", () => {
  const ids: Record<string, string> = {};

  it("is put beside the source: what differs, how, and what would put it right", async () => {
    ids.nok = await pay("nok");
    ids.malee = await pay("malee");
    ids.again = await pay("malee", "order_malee");
    ids.open = await pay("anan", "order_anan", "");
    expect(await entitlementOf("nok")).toMatchObject({ packageRef: "standard", endsAt: null });
    await as("anna", "sources", "hold", "stripe", "--reason", "no ADVANCED", "--tell");
    ids.kept = await pay("kanya");
    await h.redeploy({ SIGNALBOX_POLICY: "tbat" });
    const lines = await affected();
    const of = (id = "") => lines.find(({ externalId }) => externalId === id);
    expect(of(ids.nok)).toMatchObject({
      ours: { state: "succeeded", amount: "1999.00" },
      theirs: { state: "succeeded", amount: "1999.00" },
      entitlement: { packageRef: "standard" },
      should: { packageRef: "ADVANCED", months: 6, revoked: null },
      mails: [{ template: "payment-received" }],
      differences: ["entitlement"],
      proposal: "adopt",
    });
    expect(of(ids.again)).toMatchObject({
      differences: ["entitlement", "charged_twice"],
      proposal: "refund",
    });
    expect(of(ids.open)).toMatchObject({ differences: [], proposal: null });
    expect(of(ids.kept)).toMatchObject({
      ours: null,
      differences: ["missing_here"],
      waits: true,
      proposal: null,
    });
  }, 120_000);

  it("is planned once, and not by ADMIN_TOKEN where money moves", async () => {
    const plan = ["corrections", "plan", "--from", startedAt, "--reason", "v42", "--json"];
    const nobody = await as("admin", ...plan);
    expect(nobody.code).toBe(1);
    expect(nobody.err).toContain("needs two people by their names");
    const made = dataOf(await as("anna", ...plan));
    expect(made.map(({ kind, plannedBy }) => `${kind} ${plannedBy}`).sort()).toEqual([
      "adopt operator:anna",
      "adopt operator:anna",
      "refund operator:anna",
    ]);
    expect(dataOf(await as("anna", ...plan))).toEqual([]);
    const byHand = ["corrections", "plan", "--payment", ids.open ?? "", "--kind", "cancel"];
    const [cancel] = dataOf(await as("anna", ...byHand, "--reason", "never sold", "--json"));
    for (const row of [...made, cancel ?? {}]) {
      const name = Object.entries(ids).find(([, id]) => id === row.externalId)?.[0] ?? "";
      planned[name] = String(row.id);
    }
    expect((await as("anna", ...byHand, "--reason", "again")).code).toBe(1);
  }, 120_000);

  it("refunds only with a second person, who is not the one who does it", async () => {
    const refund = planned.again ?? "";
    const apply = ["corrections", "apply", refund, "--reason", "paid twice"];
    expect((await as("anna", ...apply)).err).toContain("second person");
    expect((await as("anna", "corrections", "approve", refund)).err).toContain("role approver");
    expect((await as("admin", "corrections", "approve", refund)).err).toContain("named key");
    expect((await as("ben", "corrections", "approve", refund)).code).toBe(0);
    expect((await as("ben", ...apply)).err).toContain("other than who approved");
    expect((await as("admin", ...apply)).code).toBe(1);
    expect(h.stripe.objects("refunds")).toEqual([]);
    const [own] = dataOf(
      await as(
        "cleo",
        "corrections",
        "plan",
        "--payment",
        ids.nok ?? "",
        "--kind",
        "refund",
        "--reason",
        "goodwill",
        "--amount",
        "100.00",
        "--json",
      ),
    );
    const mine = await as("cleo", "corrections", "approve", String(own?.id));
    expect(mine.err).toContain("operator:cleo has planned it");
    expect((await as("anna", "corrections", "reject", String(own?.id))).code).toBe(0);
  }, 120_000);

  it("is applied under the hold, each once, and told to the payer", async () => {
    const all = [planned.nok, planned.malee, planned.again, planned.open].map(String);
    const apply = ["corrections", "apply", ...all, "--reason", "v43 is out", "--tell", "--json"];
    const first = dataOf(await as("anna", ...apply));
    expect(first.map(({ status, error }) => error ?? status)).toEqual(Array(4).fill("applied"));
    expect(dataOf(await as("anna", ...apply)).map(({ status }) => status)).toEqual(
      Array(4).fill("applied"),
    );
    await settled();
    expect(await entitlementOf("nok")).toMatchObject({ packageRef: "ADVANCED", months: 6 });
    const refunds = h.stripe.objects("refunds");
    expect(refunds).toHaveLength(1);
    expect(refunds[0]).toMatchObject({ payment_intent: ids.again, amount: 199_900 });
    expect(h.stripe.call("GET", `/v1/payment_intents/${ids.open}`)).toMatchObject({
      status: "canceled",
    });
    const states = (await h.list("payments")).map((row) => [row.externalId, row.state]);
    expect(Object.fromEntries(states)).toMatchObject({ [ids.open ?? ""]: "canceled" });
    const told = (await h.list("notifications"))
      .filter(({ template }) => template === "payment-corrected")
      .map(({ recipient, locale, status }) => `${recipient} ${locale} ${status}`);
    expect(told.sort()).toEqual([
      "anan@example.com th sent",
      "malee@example.com th sent",
      "malee@example.com th sent",
      "nok@example.com th sent",
    ]);
    const rest = (await affected()).filter(
      ({ differs, waits }) => differs === true && waits !== true,
    );
    expect(rest).toEqual([]);
  }, 120_000);

  it("ends with the release, which tells whom the hold was told, once", async () => {
    const paused = async (template: string) =>
      (await h.list("notifications")).filter((row) => row.template === template);
    expect((await paused("payments-paused")).map(({ recipient }) => recipient)).toEqual([
      "anan@example.com",
    ]);
    const released = await as(
      "anna",
      "sources",
      "release",
      "stripe",
      "--reason",
      "right",
      "--tell",
    );
    expect(released.out, released.err).toContain("1 customer is told: payments-resumed");
    expect((await as("anna", "sources", "tell", "stripe")).out).toContain("0 customers are told");
    await settled();
    expect(await entitlementOf("kanya")).toMatchObject({ packageRef: "ADVANCED" });
    expect(await paused("payments-resumed")).toHaveLength(1);
    expect(await h.list("dead-letters")).toEqual([]);
    expect((await affected()).filter(({ differs }) => differs === true)).toEqual([]);
  }, 120_000);

  it("leaves who planned, approved and did what in the audit trail", async () => {
    const { data } = await h.admin<{ data: Row & { audit: Row[] } }>(
      `corrections/${planned.again}`,
    );
    expect(data).toMatchObject({
      plannedBy: "operator:anna",
      approvedBy: "operator:ben",
      appliedBy: "operator:anna",
      vendorRef: expect.stringMatching(/^re_/),
    });
    expect(data.audit.map(({ action, actor }) => `${action} ${actor}`).reverse()).toEqual([
      "correction.planned operator:anna",
      "correction.approved operator:ben",
      "correction.begun operator:anna",
      "correction.done_at_source operator:anna",
      "correction.applied operator:anna",
    ]);
  });

  it("decides by hand what a payment gives, and no later word of it undoes that", async () => {
    const hand = async (kind: string, ...more: string[]) => {
      const of = ["--payment", ids.kept ?? "", "--kind", kind, "--reason", "by hand", "--json"];
      const [row] = dataOf(await as("anna", "corrections", "plan", ...of, ...more));
      const apply = ["corrections", "apply", String(row?.id), "--reason", "by hand", "--json"];
      expect(dataOf(await as("anna", ...apply))).toMatchObject([{ status: "applied" }]);
    };
    await hand("revoke");
    expect(await entitlementOf("kanya")).toMatchObject({
      status: "revoked",
      revokedBecause: "corrected",
    });
    // By the policy a partial refund takes nothing away, and the payment would give ADVANCED again.
    h.stripe.call("POST", "/v1/refunds", { payment_intent: ids.kept ?? "", amount: 100 });
    await settled();
    expect(await entitlementOf("kanya")).toMatchObject({ status: "revoked" });
    const reasons = JSON.stringify((await h.list("events")).map(({ trace }) => trace));
    const [refunded] = (await h.list("payments")).filter(
      ({ externalId }) => externalId === ids.kept,
    );
    expect(refunded).toMatchObject({ refundedMinor: 100 });
    expect(reasons).toMatch(/what pay_\w+ gives was decided by cor_\w+: revoke/);
    await hand("grant", "--package", "PREMIUM", "--user", "kanya");
    expect(await entitlementOf("kanya")).toMatchObject({ status: "active", packageRef: "PREMIUM" });
    // Whom a person gives it to need be named by no object of the payment.
    await hand("grant", "--package", "PREMIUM", "--user", "malee");
    h.stripe.call("POST", "/v1/refunds", { payment_intent: ids.kept ?? "" });
    await settled();
    expect(await entitlementOf("malee")).toMatchObject({ status: "active", packageRef: "PREMIUM" });
    expect(await entitlementOf("kanya")).toBeUndefined();
    const kept = (await h.list("payments")).find(({ externalId }) => externalId === ids.kept);
    expect(kept?.refundedMinor).toBe(kept?.amountMinor);
    expect(await h.list("dead-letters")).toEqual([]);
  }, 120_000);

  it("fails in words when the source refuses, and may be planned anew", async () => {
    const of = ["--payment", ids.nok ?? "", "--kind", "cancel", "--reason", "wrong", "--json"];
    const [row] = dataOf(await as("anna", "corrections", "plan", ...of));
    const done = await as("anna", "corrections", "apply", String(row?.id), "--reason", "try");
    expect(done.code).toBe(1);
    expect(done.out).toContain("failed");
    expect(done.err).toMatch(
      /cor_\w+: Stripe answered 400 payment_intent_unexpected_state: the payment is in a state in which that can't be done/,
    );
    const shown = await as("anna", "corrections", "show", String(row?.id));
    const again = `npx --no signalbox corrections plan --payment ${ids.nok} --kind cancel`;
    for (const said of [done.err, shown.out]) {
      expect(said).toContain(
        `Nothing was done by it. Look at payment ${ids.nok}, here and at stripe`,
      );
      expect(said).toContain(again);
    }
    expect(shown.out).toMatch(/^appliedBy +–$/m);
    expect(dataOf(await as("anna", "corrections", "plan", ...of))).toHaveLength(1);
  }, 60_000);

  it("says that subscriptions were touched, which are not in its list", async () => {
    const said = async () => (await as("anna", "payments", "affected", "--from", startedAt)).out;
    expect(await said()).not.toContain("subscription");
    const customer = h.stripe.call("POST", "/v1/customers", { email: "somchai@example.com" }).id;
    const price = h.stripe.call("POST", "/v1/prices", {
      currency: "thb",
      unit_amount: 29_900,
      recurring: { interval: "month" },
      product_data: { name: "Pro" },
    }).id;
    h.stripe.call("POST", "/v1/subscriptions", {
      customer,
      items: [{ price }],
      metadata: { userId: "somchai" },
      default_payment_method: "pm_card_visa",
    });
    await settled();
    expect(await said()).toContain("Touched too, and not in this list: what 1 subscription gives.");
  }, 60_000);
});
