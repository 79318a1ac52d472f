import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  addMonths,
  decideEntitlements,
  type Entitlement,
  type Grant,
} from "../../src/domain/entitlement.js";
import { Transient } from "../../src/domain/errors.js";
import type { LedgerObject } from "../../src/domain/ledger.js";
import type { OutboxRow } from "../../src/domain/outbox.js";
import type { Payment } from "../../src/domain/payment.js";
import { type Plan, PlanBuilder } from "../../src/domain/plan.js";
import { DAY_MS, HOUR_MS } from "../../src/domain/time.js";
import { planEntitlements } from "../../src/handlers/entitlement-plan.js";
import type { Relay } from "../../src/operations/relay-outbox.js";
import { sweepEntitlements } from "../../src/operations/sweep-entitlements.js";
import { presetOf } from "../../src/policy/presets/index.js";
import { apply } from "../../src/store/apply.js";
import { Moved } from "../../src/store/database.js";
import { load, read } from "../../src/store/load.js";
import { listeningLog, type StillClock, stillClock } from "../support/fakes.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

let w: StoreWorld;
let clock: StillClock;
let relayed: OutboxRow[];
const log = listeningLog();
beforeEach(async () => {
  w = await storeWorld();
  clock = stillClock(w.ctx.now);
  relayed = [];
  log.lines.length = 0;
});
afterEach(() => w.close());

const grant = (ref: string, given: Partial<Grant> = {}): Grant => ({
  origin: { paymentId: `pay_${ref}` },
  originRef: `pi_${ref}`,
  account: "",
  livemode: true,
  userRef: "u1",
  packageRef: "ADVANCED",
  paidAt: w.ctx.now,
  months: 6,
  endsAt: null,
  revoked: null,
  ...given,
});

/** What a worker would write that loads now. */
async function planOf(given: Grant, tellsPlatform = false): Promise<Plan> {
  const origin = "paymentId" in given.origin ? given.origin.paymentId : null;
  const { rows } = await load(w.database, {
    rows: read(
      "entitlement",
      "t.user_ref = ? OR t.user_ref IN (SELECT o.user_ref FROM entitlement o WHERE o.payment_id = ?)",
      [given.userRef, origin],
    ),
  });
  const ctx = { ...w.ctx, now: clock.now() };
  const decision = decideEntitlements({ grants: [given], rows }, ctx);
  const plan = new PlanBuilder(ctx);
  planEntitlements(plan, decision, { tellsPlatform });
  return plan.build();
}

/** As a worker does it: load, decide, apply, again while rows move. */
async function give(given: Grant, tellsPlatform = false): Promise<void> {
  for (let round = 0; round < 60; round += 1) {
    const plan = await planOf(given, tellsPlatform);
    try {
      await apply(w.database, plan);
      return;
    } catch (error) {
      if (!(error instanceof Moved)) throw error;
    }
  }
  throw new Error("moved sixty times");
}

const kept = async (): Promise<Entitlement[]> =>
  (await load(w.database, { rows: read("entitlement", "true", [], { orderBy: "t.origin_ref" }) }))
    .rows;

const note: Relay = async (rows) => void relayed.push(...rows);
const sweep = (usersMax?: number, relay = note) => {
  const parts = { database: w.database, clock, ids: w.ctx.ids, log, relay };
  const deps = { ...parts, policy: presetOf("tbat"), tellsPlatform: true };
  return sweepEntitlements(deps, usersMax);
};
const NOTHING = { expired: 0, reminded: 0, stuck: 0 };

describe("grants on a real database", () => {
  it("two payments at once extend and never double, and neither is lost", async () => {
    for (let n = 0; n < 10; n += 1) {
      const userRef = `user_${n}`;
      await Promise.all(["a", "b"].map((ref) => give(grant(`${ref}${n}`, { userRef }), true)));
      const rows = (await kept()).filter((row) => row.userRef === userRef);
      expect(rows.map(({ ordinal }) => ordinal).sort()).toEqual([1, 2]);
      expect(rows[0]).toMatchObject({ startsAt: w.ctx.now, endsAt: addMonths(w.ctx.now, 6) });
      expect(rows[1]).toMatchObject({
        startsAt: rows[0]?.endsAt,
        endsAt: addMonths(w.ctx.now, 12),
      });
    }
    expect(await w.rows("SELECT count(DISTINCT cause)::int AS n FROM notice")).toEqual([
      { n: await w.count("notice") },
    ]);
  });

  it("who has bought several hundred times can still buy, and be refunded", async () => {
    await w.rows(
      `INSERT INTO entitlement (id, account, livemode, user_ref, package_ref, ordinal, payment_id, origin_ref, status,
         granted_at, paid_at, starts_at, ends_at, months, updated_at, version)
       SELECT 'ent_' || n, '', true, 'u1', 'ADVANCED', n, 'pay_' || n, 'pi_' || n, 'expired',
         now(), now() - interval '9 years', now() - interval '9 years', now() - interval '8 years', NULL, now(), 0
       FROM generate_series(1, 400) n`,
    );
    await give(grant("new"));
    await give(grant("new", { revoked: "refunded" }));
    expect((await kept()).filter(({ status }) => status === "revoked")).toMatchObject([
      { originRef: "pi_new", ordinal: 401 },
    ]);
  });

  it("a refund that has not seen the payment after it looks again, and so the later window begins anew", async () => {
    const refunded = grant("a", { revoked: "refunded" });
    const later = grant("b", { paidAt: w.ctx.now + DAY_MS });
    await give(grant("a"));
    const [refund, payment] = [await planOf(refunded), await planOf(later)];
    await apply(w.database, payment);
    await expect(apply(w.database, refund)).rejects.toThrow(Moved);
    await give(refunded);
    expect(await kept()).toMatchObject([
      { status: "revoked", revokedBecause: "refunded" },
      { status: "active", startsAt: later.paidAt, endsAt: addMonths(later.paidAt, 6) },
    ]);
  });

  it("a refund that has not seen what moves in from another user looks again too", async () => {
    const refunded = grant("a", { revoked: "refunded" });
    const elsewhere = grant("b", { paidAt: w.ctx.now + DAY_MS, userRef: "u2" });
    await give(grant("a"));
    await give(elsewhere);
    const moved = { ...elsewhere, userRef: "u1" };
    const [refund, move] = [await planOf(refunded), await planOf(moved)];
    await apply(w.database, move);
    await expect(apply(w.database, refund)).rejects.toThrow(Moved);
    await give(refunded);
    expect(await kept()).toMatchObject([
      { status: "revoked" },
      { status: "active", userRef: "u1", startsAt: moved.paidAt },
    ]);
  });

  it("any payments, refunds and moves of any users at once end as if they had come one by one", async () => {
    const lives = fc.record({
      days: fc.integer({ min: 0, max: 300 }),
      months: fc.constantFrom(1, 6, null),
      users: fc.array(fc.constantFrom("u1", "u2"), { minLength: 1, maxLength: 2 }),
      ends: fc.constantFrom(null, "refunded"),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(lives, { minLength: 2, maxLength: 5 }), async (given) => {
        await w.rows("TRUNCATE entitlement");
        const states = given.map(({ days, months, users, ends }, n) => {
          const paidAt = w.ctx.now - days * DAY_MS;
          const made = users.map((userRef) => grant(String(n), { paidAt, months, userRef }));
          return [...made, ...made.slice(-1).map((last) => ({ ...last, revoked: ends }))];
        });
        await Promise.all(
          states.map(async (own) => {
            for (const state of own) await give(state);
          }),
        );
        const last = states.flatMap((own) => own.slice(-1));
        const alone = decideEntitlements({ grants: last, rows: [] }, w.ctx).inserts;
        const told = (row: Entitlement | undefined) =>
          [row?.originRef, row?.userRef, row?.status, row?.startsAt, row?.endsAt].join(" ");
        expect((await kept()).map(told)).toEqual(alone.map(told).sort());
      }),
      { numRuns: 25 },
    );
  });
});

const nobody = {
  refundedMinor: 0,
  disputedMinor: 0,
  disputeState: null,
  override: null,
  customerRef: null,
  invoiceRef: null,
};

async function payment(ref: string, given: Partial<Payment> = {}): Promise<void> {
  const { now } = w.ctx;
  const row: Payment = {
    ...nobody,
    id: `pay_${ref}`,
    account: "",
    livemode: true,
    externalId: `pi_${ref}`,
    state: "succeeded",
    stateAsOf: now,
    amountMinor: 1_000,
    receivedMinor: 1_000,
    currency: "THB",
    userRef: "u1",
    packageRef: "ADVANCED",
    orderRef: null,
    email: "somchai@example.com",
    name: "Somchai",
    locale: null,
    paidAt: now,
    failureCode: null,
    failureMessage: null,
    bornAt: now,
    told: [],
    createdAt: now,
    updatedAt: now,
    version: 0,
    ...given,
  };
  await apply(w.database, new PlanBuilder(w.ctx).insert("payment", row).build());
}

const notices = () =>
  w.rows("SELECT channel, template, recipient, locale, data FROM notice ORDER BY created_at, id");
const mails = async () => (await notices()).filter(({ channel }) => channel === "email");

describe("the sweep of entitlements", () => {
  it("reminds at each step once, then ends it, tells user and platform, and finds nothing more", async () => {
    await payment("a");
    await give(grant("a"));
    const end = addMonths(w.ctx.now, 6);
    expect(await sweep()).toEqual(NOTHING);
    for (const days of [14, 3]) {
      clock.advance(end - days * DAY_MS - clock.now() - 1);
      expect(await sweep()).toEqual(NOTHING);
      clock.advance(1);
      expect(await sweep()).toEqual({ expired: 0, reminded: 1, stuck: 0 });
      expect(await sweep()).toEqual(NOTHING);
    }
    clock.advance(end - clock.now());
    expect(await sweep()).toEqual({ expired: 1, reminded: 0, stuck: 0 });
    expect(await sweep()).toEqual(NOTHING);
    const told = { channel: "email", recipient: "somchai@example.com", locale: "th" };
    const about = { packageRef: "ADVANCED", userName: "Somchai" };
    expect(await notices()).toEqual([
      { ...told, template: "entitlement-expiring", data: { ...about, endsAt: end } },
      { ...told, template: "entitlement-expiring", data: { ...about, endsAt: end } },
      expect.objectContaining({ channel: "platform", template: "entitlement-changed" }),
      { ...told, template: "entitlement-expired", data: { ...about, endedAt: end } },
    ]);
    const [word] = (await notices()).filter(({ channel }) => channel === "platform");
    expect(word?.data).toMatchObject({
      type: "entitlement.expired",
      accessActive: false,
      version: 3,
    });
    expect(relayed).toHaveLength(4);
    const audit = await w.rows(
      "SELECT action, actor FROM audit_entry WHERE action LIKE 'entitlement.%' ORDER BY id",
    );
    expect(audit.map(({ action }) => action)).toEqual([
      "entitlement.granted",
      "entitlement.reminded",
      "entitlement.reminded",
      "entitlement.expired",
    ]);
    expect(audit.at(-1)?.actor).toBe("system:sweep");
  });

  it("does not make up for steps that nobody swept at", async () => {
    await payment("a");
    await give(grant("a"));
    clock.advance(addMonths(w.ctx.now, 6) - DAY_MS - clock.now());
    expect(await sweep()).toEqual({ expired: 0, reminded: 1, stuck: 0 });
    expect(await sweep()).toEqual(NOTHING);
  });

  it("says nothing of an end that another payment covers, and tells of the end that counts", async () => {
    await payment("a");
    await payment("b", { email: "other@example.com", locale: "en" });
    await give(grant("a"));
    await give(grant("b", { paidAt: w.ctx.now + HOUR_MS }));
    clock.advance(addMonths(w.ctx.now, 6) - clock.now());
    expect(await sweep()).toEqual({ expired: 1, reminded: 0, stuck: 0 });
    expect(await mails()).toEqual([]);
    const [word] = await notices();
    expect(word?.data).toMatchObject({
      accessActive: true,
      accessEndsAt: addMonths(w.ctx.now, 12),
    });
    clock.advance(addMonths(w.ctx.now, 12) - clock.now());
    expect(await sweep()).toEqual({ expired: 1, reminded: 0, stuck: 0 });
    expect(await mails()).toMatchObject([
      { template: "entitlement-expired", recipient: "other@example.com", locale: "en" },
    ]);
  });

  it("ends a subscription without a reminder, and writes to its customer, however many its bills", async () => {
    const { now } = w.ctx;
    const links = { paymentRef: null, chargeRef: null, invoiceRef: null };
    const base = {
      ...{ ...links, account: "", livemode: true, amountMinor: null, currency: null, bornAt: now },
      ...{ stateAsOf: now, asOf: now, authority: "event" as const, told: [], userRef: null },
      ...{ createdAt: now, updatedAt: now, version: 0, customerRef: "cus_1" },
    };
    const who = {
      email: "sub@example.com",
      name: "Sub",
      locale: "th",
      clientRef: null,
      metadata: {},
    };
    const items: LedgerObject[] = [
      {
        ...base,
        ...{
          id: "obj_s",
          kind: "subscription",
          externalId: "sub_1",
          state: "canceled",
          subscriptionRef: "sub_1",
        },
        details: {
          ...{ metadata: {}, periodStart: now, periodEnd: now, trialEnd: null, cancelAt: null },
          ...{ endedAt: null, items: [] },
        },
      },
      {
        ...base,
        ...{
          id: "obj_c",
          kind: "customer",
          externalId: "cus_1",
          state: "active",
          subscriptionRef: null,
        },
        details: who,
      },
    ];
    const bill = { email: null, name: null, locale: null, clientRef: null, metadata: {} };
    const bills: LedgerObject[] = Array.from({ length: 60 }, (_, n) => ({
      ...base,
      ...{ kind: "checkout", state: "complete", subscriptionRef: "sub_1", details: bill },
      ...{ id: `obj_${n}`, externalId: `cs_${n}`, bornAt: now + n },
    }));
    const plan = new PlanBuilder(w.ctx);
    for (const item of [...bills, ...items]) plan.insert("ledgerObject", item);
    await apply(w.database, plan.build());
    const origin = { subscriptionId: "obj_s" };
    await give(grant("s", { origin, originRef: "sub_1", months: null, endsAt: now + DAY_MS }));
    expect(await sweep()).toEqual(NOTHING);
    clock.advance(DAY_MS);
    expect(await sweep()).toEqual({ expired: 1, reminded: 0, stuck: 0 });
    expect(await mails()).toMatchObject([
      { template: "entitlement-expired", recipient: "sub@example.com", locale: "th" },
    ]);
  });

  it("many sweeps at once, over more pages than one, do each thing once", async () => {
    const users = 230;
    const at = `to_timestamp(${w.ctx.now / 1000})`;
    await w.rows(
      `INSERT INTO entitlement (id, payment_id, origin_ref, account, livemode, user_ref, package_ref, ordinal, status, granted_at, paid_at, starts_at, ends_at, months, updated_at, version)
       SELECT 'ent_' || i, 'pay_' || i, 'pi_' || i, '', true, 'u' || i, 'p', 1, 'active', ${at}, ${at}, ${at}, ${at} + i % 7 * interval '1 minute', 1, ${at}, 0
       FROM generate_series(1, ${users}) i`,
    );
    clock.advance(HOUR_MS);
    const reports = await Promise.all([sweep(), sweep(), sweep()]);
    expect(reports.reduce((sum, { expired }) => sum + expired, 0)).toBe(users);
    expect(
      await w.rows("SELECT status, version, count(*)::int AS n FROM entitlement GROUP BY 1, 2"),
    ).toEqual([{ status: "expired", version: 1, n: users }]);
    expect(await w.count("notice")).toBe(users); // the platform's; nobody knows where to write to these users
    expect(await w.count("audit_entry")).toBe(2 * users); // expired, and the notice planned
    expect(await sweep()).toEqual(NOTHING);
  });

  it("ends for all at the first failure that is not one user's own, but not before the others' work has ended", async () => {
    for (const user of ["a", "b", "c", "d"]) await give(grant(user, { userRef: user }));
    clock.advance(addMonths(w.ctx.now, 6) - w.ctx.now);
    let begun = 0;
    let ended = 0;
    const failing: Relay = async () => {
      begun += 1;
      if (begun === 1) throw new Transient("database_unavailable");
      await w.rows("SELECT 1"); // work that takes its time
      ended += 1;
    };
    await expect(sweep(200, failing)).rejects.toThrow("database_unavailable");
    expect([begun, ended]).toEqual([4, 3]);
  });

  it("comes to the next one behind more who cannot be worked on than a sweep takes", async () => {
    const at = `to_timestamp(${w.ctx.now / 1000})`;
    await w.rows(
      `INSERT INTO entitlement (id, payment_id, origin_ref, account, livemode, user_ref, package_ref, ordinal, status, granted_at, paid_at, starts_at, ends_at, months, updated_at, version)
       SELECT 'ent_' || i, 'pay_' || i, 'pi_' || i, '', true, 'u' || i, 'p', 1, 'active', ${at}, ${at}, ${at}, ${at} + i * interval '1 millisecond', 1, ${at}, 0
       FROM generate_series(1, 401) i`,
    );
    await w.rows(
      `CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         IF NEW.id <> 'ent_401' THEN RAISE EXCEPTION 'a check of these rows'; END IF; RETURN NEW; END $$`,
    );
    await w.rows(
      "CREATE TRIGGER broken BEFORE UPDATE ON entitlement FOR EACH ROW EXECUTE FUNCTION broken()",
    );
    clock.advance(HOUR_MS);
    expect(await sweep(200)).toEqual({ expired: 1, reminded: 0, stuck: 400 });
    expect(await w.rows("SELECT id FROM entitlement WHERE status = 'expired'")).toEqual([
      { id: "ent_401" },
    ]);
  });

  it("one user who cannot be worked on keeps no other from their turn", async () => {
    await payment("a", { email: "a\u0000@example.com" });
    await give(grant("a", { months: 1 }));
    await give(grant("b", { months: 1, userRef: "u2" }));
    const [row] = await w.rows("SELECT id FROM entitlement WHERE user_ref = 'u1'");
    await w.rows(
      `CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         IF NEW.id = '${row?.id}' THEN RAISE EXCEPTION 'a check of this row'; END IF; RETURN NEW; END $$`,
    );
    await w.rows(
      "CREATE TRIGGER broken BEFORE UPDATE ON entitlement FOR EACH ROW EXECUTE FUNCTION broken()",
    );
    clock.advance(addMonths(w.ctx.now, 1) - clock.now());
    expect(await sweep()).toEqual({ expired: 1, reminded: 0, stuck: 1 });
    expect(log.lines).toMatchObject([{ level: "error", action: "entitlement.stuck" }]);
    expect(JSON.stringify(log.lines)).not.toContain("u1");
    await w.rows("DROP TRIGGER broken ON entitlement");
    expect(await sweep()).toEqual({ expired: 1, reminded: 0, stuck: 0 });
  });
});
