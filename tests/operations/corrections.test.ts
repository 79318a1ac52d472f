import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Correction } from "../../src/domain/correction.js";
import { Permanent } from "../../src/domain/errors.js";
import { HOUR_MS } from "../../src/domain/time.js";
import { listAffected } from "../../src/operations/corrections/affected.js";
import { applyCorrection } from "../../src/operations/corrections/apply.js";
import { planOne } from "../../src/operations/corrections/plan.js";
import { approveCorrection } from "../../src/operations/corrections/settle.js";
import type { DrainDeps } from "../../src/operations/drain-source.js";
import { API_KEY, type Bench, bench, START_MS } from "../emulators/stripe/receiver.js";
import { listeningLog, type StillClock, stillClock } from "../support/fakes.js";
import { type LedgerWorld, ledgerWorld } from "../support/ledger-world.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

let w: StoreWorld;
let b: Bench;
let ledger: LedgerWorld;
let clock: StillClock;
let deps: DrainDeps;
beforeEach(async () => {
  clock = stillClock(START_MS);
  [w, b] = await Promise.all([storeWorld(), bench({ webhook: undefined })]);
  const log = listeningLog();
  ledger = ledgerWorld({ database: w.database, emulator: b.emulator, apiKey: API_KEY, clock, log });
  deps = { ...ledger, ours: new Set(), relay: () => Promise.resolve() };
});
afterEach(() => Promise.all([w.close(), b.close()]));

const person = (name: string, role: "operator" | "approver") => ({
  actor: `operator:${name}`,
  role,
});
const ANNA = person("anna", "operator");
const BEN = person("ben", "approver");

/** Somebody has paid, and all of its events are worked on. */
async function paid(user = "u1"): Promise<string> {
  const { id } = b.emulator.call("POST", "/v1/payment_intents", {
    amount: 50_000,
    currency: "thb",
    receipt_email: `${user}@example.com`,
    metadata: { userId: user, seat: `${user}-seat` },
    payment_method: "pm_card_visa",
    confirm: true,
    automatic_payment_methods: { enabled: true, allow_redirects: "never" },
  });
  for (const event of b.emulator.events()) await ledger.work(b.emulator.payloadOf(event.id));
  return String(id);
}

async function refundOf(payment: string, amount?: string): Promise<Correction> {
  const by = { actor: ANNA.actor, reason: "paid twice" };
  const asked = { source: "stripe", account: "", kind: "refund" as const, payment, amount, ...by };
  const { id } = await planOne(asked, deps);
  return approveCorrection({ id, caller: BEN, reason: null }, deps);
}
const applied = ({ id }: Correction, given: DrainDeps = deps) =>
  applyCorrection({ id, caller: ANNA, reason: "now", tell: true }, given);
const refunds = () => b.emulator.objects("refunds");
const mails = () =>
  w.rows("SELECT template, recipient FROM notice WHERE template = 'payment-corrected'");

describe("a refund", () => {
  it("that breaks off after the gateway's answer is done once, by running it again", async () => {
    const correction = await refundOf(await paid(), "100.00");
    const relay = () => Promise.reject(new Error("the process is gone"));
    await expect(applied(correction, { ...deps, relay })).rejects.toThrow("the process is gone");
    expect(refunds()).toMatchObject([{ amount: 10_000 }]);
    expect(await w.rows("SELECT status, vendor_ref FROM correction")).toEqual([
      { status: "approved", vendor_ref: refunds()[0]?.id },
    ]);
    expect(await applied(correction)).toMatchObject({
      status: "applied",
      vendorRef: refunds()[0]?.id,
    });
    expect(refunds()).toHaveLength(1);
    expect(await w.rows("SELECT refunded_minor::int FROM payment")).toEqual([
      { refunded_minor: 10_000 },
    ]);
    expect(await mails()).toHaveLength(1);
  });

  it("is no failure once the gateway has done it, whatever comes after", async () => {
    const payment = await paid();
    const correction = await refundOf(payment);
    const refused = new Permanent("invalid_request", { detail: "a word that is not taken" });
    const relay = () => Promise.reject(refused);
    await expect(applied(correction, { ...deps, relay })).rejects.toMatchObject({
      code: "invalid_request",
      detail: expect.stringMatching(/^It is done at stripe, as re_.*: apply it again. a word that/),
    });
    clock.advance(30 * HOUR_MS); // past the gateway's memory of its key: it is not asked a second time
    expect(await applied(correction)).toMatchObject({ status: "applied", error: null });
    expect(refunds()).toHaveLength(1);
    expect(await w.rows("SELECT state, refunded_minor::int FROM payment")).toMatchObject([
      { refunded_minor: 50_000 },
    ]);
  });

  it("closes what a reconciliation has found by the statement that ends it, and not before", async () => {
    const payment = await paid();
    await w.rows(
      `INSERT INTO discrepancy (id, source, kind, object_kind, account, livemode, external_id, status, ours, theirs,
         proposal, first_run_id, last_run_id, found_at, updated_at, version)
       SELECT 'dis_1', 'stripe', 'charged_twice', 'payment', '', livemode, external_id, 'open', 'null', 'null',
         '{"kind":"refund"}', 'r', 'r', created_at, created_at, 0 FROM payment`,
    );
    const correction = await refundOf(payment);
    expect(correction.discrepancyId).toBe("dis_1");
    const found = () => w.rows("SELECT status, closed_at IS NULL AS open FROM discrepancy");
    await w.rows(
      `CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         IF NEW.status = 'applied' THEN RAISE EXCEPTION 'not now'; END IF; RETURN NEW; END $$`,
    );
    await w.rows(
      "CREATE TRIGGER late BEFORE UPDATE ON correction FOR EACH ROW EXECUTE FUNCTION late()",
    );
    await expect(applied(correction)).rejects.toThrow();
    expect(await found()).toEqual([{ status: "open", open: true }]);
    await w.rows("DROP TRIGGER late ON correction");
    expect(await applied(correction)).toMatchObject({ status: "applied" });
    expect(await found()).toEqual([{ status: "corrected", open: false }]);
  });

  it("ends the fraud warning of its payment, without waiting for the gateway's word of that", async () => {
    const payment = await paid();
    const charge = String(b.emulator.objects("charges").at(0)?.id);
    const warning = b.emulator.act({ do: "warn_of_fraud", id: charge });
    const told = b.emulator.events().find(({ type }) => type.startsWith("radar."));
    await ledger.work(b.emulator.payloadOf(String(told?.id)));
    const incidents = () => w.rows("SELECT status FROM incident WHERE title LIKE 'Fraud warning%'");
    expect(warning).toMatchObject({ actionable: true });
    expect(await incidents()).toEqual([{ status: "open" }]);
    await applied(await refundOf(payment));
    expect(await incidents()).toEqual([{ status: "resolved" }]);
  });

  it("that two apply at once is done once, and told once", async () => {
    const correction = await refundOf(await paid());
    const both = await Promise.allSettled([applied(correction), applied(correction)]);
    // One may hear that the gateway is at it, and runs it again.
    if (both.some(({ status }) => status === "rejected")) await applied(correction);
    expect(refunds()).toHaveLength(1);
    expect(await mails()).toHaveLength(1);
    const actions = await w.rows(
      "SELECT action FROM audit_entry WHERE action = 'correction.applied'",
    );
    expect(actions).toHaveLength(1);
    expect(await w.rows("SELECT status FROM entitlement")).toEqual([{ status: "revoked" }]);
  });

  it("that nobody answered for a day is not asked for again: the gateway may have forgotten its key", async () => {
    const correction = await refundOf(await paid());
    const gateway = deps.gatewayOf("stripe");
    if (gateway === undefined) throw new Error("no gateway");
    const gone: typeof gateway = {
      ...gateway,
      async refundPayment(...asked) {
        await gateway.refundPayment(...asked);
        throw new Error("the process is gone");
      },
    };
    await expect(applied(correction, { ...deps, gatewayOf: () => gone })).rejects.toThrow("gone");
    clock.advance(23 * HOUR_MS + 1);
    await expect(applied(correction)).rejects.toMatchObject({ code: "conflict" });
    expect(refunds()).toHaveLength(1);
  });
});

it("the same is planned once, however many others wait", async () => {
  const payment = await paid();
  await w.rows(
    `INSERT INTO correction (id, source, kind, account, livemode, external_id, status, reason, planned_by, created_at, updated_at, version)
     SELECT 'cor_' || i, 'stripe', 'adopt', '', false, 'pi_other_' || i, 'planned', 'r', 'operator:anna', now(), now(), 0
     FROM generate_series(1, 10000) i`,
  );
  await refundOf(payment);
  await expect(refundOf(payment)).rejects.toMatchObject({ code: "conflict" });
});

describe("an adoption", () => {
  const adopt = async (payment: string, given: DrainDeps) => {
    const by = { actor: ANNA.actor, reason: "the policy was wrong" };
    const asked = { source: "stripe", account: "", kind: "adopt" as const, payment, ...by };
    const { id } = await planOne(asked, given);
    return applyCorrection({ id, caller: ANNA, reason: "now", tell: false }, given);
  };
  const given = () => w.rows("SELECT user_ref, status FROM entitlement ORDER BY id");

  it("derives anew for whom it was bought, and later words of the payment find what it gave", async () => {
    const payment = await paid("u1");
    const { payments } = deps.policy;
    const metadataKeys = { ...payments.metadataKeys, user: ["seat"] };
    const wrong = { ...deps.policy, payments: { ...payments, metadataKeys } };
    expect(await adopt(payment, { ...deps, policy: wrong })).toMatchObject({ status: "applied" });
    expect(await given()).toEqual([{ user_ref: "u1-seat", status: "active" }]);
    expect(await adopt(payment, deps)).toMatchObject({ status: "applied" });
    expect(await given()).toEqual([{ user_ref: "u1", status: "active" }]);
    b.emulator.call("POST", "/v1/refunds", { payment_intent: payment });
    for (const event of b.emulator.events()) await ledger.work(b.emulator.payloadOf(event.id));
    expect(await given()).toEqual([{ user_ref: "u1", status: "revoked" }]);
  });

  it("of a payment that the gateway does not know fails in words", async () => {
    await paid();
    await w.rows("UPDATE payment SET external_id = 'pi_invented'");
    const done = await adopt("pi_invented", deps);
    expect(done).toMatchObject({ status: "failed", error: "stripe has no payment pi_invented" });
    // Who has tried it has not applied it.
    expect(await w.rows("SELECT approved_by, applied_by FROM correction")).toEqual([
      { approved_by: "operator:anna", applied_by: null },
    ]);
  });
});

describe("what is affected", () => {
  const page = (after = "", limit = 2) =>
    listAffected(
      { source: "stripe", from: START_MS - 1, to: START_MS + HOUR_MS, after, limit },
      deps,
    );

  it("comes in pages, our own first, then what only the gateway has", async () => {
    const here = [await paid("u1"), await paid("u2"), await paid("u3")].sort();
    const { id: there } = b.emulator.call("POST", "/v1/payment_intents", {
      amount: 700,
      currency: "thb",
    });
    const found: { externalId: string; differences: string[] }[] = [];
    const counted: (number | null)[] = [];
    for (let after: string | null = ""; after !== null; ) {
      const { lines, nextAfter, subscriptions } = await page(after);
      found.push(...lines);
      counted.push(subscriptions);
      after = nextAfter;
    }
    expect(
      found
        .map(({ externalId }) => externalId)
        .slice(0, 3)
        .sort(),
    ).toEqual(here);
    expect(found.slice(3)).toMatchObject([
      { externalId: there, ours: null, differences: ["missing_here"], proposal: "adopt" },
    ]);
    expect(found.slice(0, 3).every(({ differences }) => differences.length === 0)).toBe(true);
    expect(counted).toEqual([0, ...counted.slice(1).map(() => null)]); // with the first page, once
  });

  it("says how a payment differs, by what the gateway says of all its objects", async () => {
    const payment = await paid();
    b.emulator.call("POST", "/v1/refunds", { payment_intent: payment, amount: 20_000 });
    const { lines } = await page();
    expect(lines).toMatchObject([
      {
        externalId: payment,
        ours: { refundedMinor: 0 },
        theirs: { state: "succeeded", refundedMinor: 20_000 },
        differences: ["refunded"],
        proposal: "adopt",
      },
    ]);
    expect(await w.rows("SELECT refunded_minor::int FROM payment")).toEqual([
      { refunded_minor: 0 },
    ]);
  });

  it("proposes to take back what was given for a payment that the gateway does not know", async () => {
    await paid();
    await w.rows("UPDATE payment SET external_id = 'pi_invented'");
    await w.rows("UPDATE ledger_object SET payment_ref = 'pi_invented'");
    const { lines } = await page();
    expect(lines).toMatchObject([
      {
        externalId: "pi_invented",
        theirs: null,
        differences: ["missing_there"],
        proposal: "revoke",
      },
    ]);
  });
});
