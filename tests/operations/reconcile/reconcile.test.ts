import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { GatewayPage, KeptEvent } from "../../../src/domain/gateway.js";
import type { Discrepancy, Reconciliation } from "../../../src/domain/reconciliation.js";
import { DAY_MS, HOUR_MS } from "../../../src/domain/time.js";
import { unexplained } from "../../../src/operations/reconcile/balance.js";
import {
  continueRun,
  type ReconcileDeps,
  type RunRequest,
  reconcileDue,
  startRun,
} from "../../../src/operations/reconcile/index.js";
import { API_KEY, type Bench, bench, START_MS } from "../../emulators/stripe/receiver.js";
import { listeningLog, stillClock } from "../../support/fakes.js";
import { type LedgerWorld, ledgerWorld } from "../../support/ledger-world.js";
import { type StoreWorld, storeWorld } from "../../support/store.js";

let w: StoreWorld;
let b: Bench;
let ledger: LedgerWorld;
const log = listeningLog();
const clock = stillClock(START_MS);
beforeEach(async () => {
  log.lines.length = 0;
  [w, b] = await Promise.all([storeWorld(), bench({ webhook: undefined })]);
  ledger = ledgerWorld({ database: w.database, emulator: b.emulator, apiKey: API_KEY, clock, log });
});
afterEach(async () => {
  await Promise.all([w.close(), b.close()]);
});

const TO = START_MS + HOUR_MS;
const REQUEST: RunRequest = {
  source: "stripe",
  actor: "operator:anna",
  from: START_MS - 35 * DAY_MS,
  to: TO,
  dryRun: false,
};

async function reconcile(
  o: Partial<RunRequest> = {},
  deps: ReconcileDeps = ledger,
): Promise<Reconciliation> {
  const { id } = await startRun({ ...REQUEST, ...o }, deps);
  const run = await continueRun(id, deps, { budgetMs: 60_000 });
  if (run === null) throw new Error("the run is gone");
  return run;
}

const found = async (): Promise<Pick<Discrepancy, "kind" | "status">[]> =>
  (await w.rows(
    "SELECT kind, object_kind, external_id, status, ours, theirs, proposal FROM discrepancy ORDER BY id",
  )) as unknown as Discrepancy[];
const kinds = async () => (await found()).map(({ kind, status }) => `${kind} ${status}`).sort();

/** Past payments at the source; all of their events, less those that were lost, are worked on here. */
async function seeded(payments: number, undelivered = 0) {
  const summary = b.emulator.seed({
    payments,
    seed: 7,
    undelivered,
    metadata: { order_id: "order_{n}", userId: "user_{n}" },
  });
  const lost = new Set<string>();
  const gateway = ledger.gatewayOf("stripe");
  for (let next: string | null = null; ; ) {
    const page: GatewayPage<KeptEvent> | undefined = await gateway?.listUndelivered(
      { account: "", from: REQUEST.from, to: TO },
      next,
    );
    for (const { externalId } of page?.items ?? []) lost.add(externalId);
    next = page?.next ?? null;
    if (next === null) break;
  }
  for (const event of b.emulator.events()) {
    if (!lost.has(event.id)) await ledger.work(b.emulator.payloadOf(event.id));
  }
  return { ...summary, lost };
}

const paymentIds = async (): Promise<string[]> =>
  (await w.rows("SELECT external_id FROM payment WHERE state = 'succeeded' ORDER BY id")).map(
    ({ external_id }) => String(external_id),
  );

describe("a run", () => {
  it("finds nothing where nothing is wrong, and balances to the last minor unit", async () => {
    await seeded(30);
    const run = await reconcile();
    expect(await found()).toEqual([]);
    expect(run).toMatchObject({ status: "succeeded", errors: [], counts: { found: 0 } });
    expect(run.counts.objects).toBeGreaterThanOrEqual(60);
    const lines = run.balance.filter(({ kind }) => kind === "payment");
    const ours = await w.rows(
      "SELECT currency, state, count(*)::int AS count, sum(amount_minor)::int AS sum FROM payment GROUP BY 1, 2 ORDER BY 1, 2",
    );
    expect(
      lines.map(({ currency, state, theirs: { count, sumMinor: sum } }) => ({
        currency,
        state,
        count,
        sum,
      })),
    ).toEqual(ours);
    for (const { ours: mine, theirs } of run.balance) expect(mine).toEqual(theirs);
  });

  it("sends what was never delivered under its own id, and heals what it was about", async () => {
    const { undelivered, lost } = await seeded(40, 0.1);
    expect(undelivered.length).toBeGreaterThan(0);
    const run = await reconcile();
    expect(run).toMatchObject({ status: "succeeded" });
    expect(run.counts).toMatchObject({ undelivered: lost.size, mentioned: 0 });
    expect(run.counts.healed).toBe(run.counts.found);
    expect(new Set((await kinds()).map(String))).toEqual(new Set(["missing_here healed"]));
    const missing = (
      await w.rows("SELECT external_id FROM discrepancy WHERE object_kind = 'payment' ORDER BY 1")
    ).map(({ external_id }) => external_id);
    expect(missing).toEqual([...undelivered].sort());
    for (const line of run.balance) expect(line.ours).toEqual(line.theirs);
    const again = await reconcile();
    expect(again.counts).toMatchObject({ found: 0, undeliveredHere: lost.size, healed: 0 });
  });

  it("heals what was altered here, in the ledger and in what is derived from it", async () => {
    await seeded(20);
    const [one, two, three] = await paymentIds();
    await w.rows("UPDATE ledger_object SET amount_minor = 1 WHERE external_id = $1", [one]);
    await w.rows(
      "UPDATE payment SET amount_minor = 2, user_ref = 'mallory' WHERE external_id = $1",
      [two],
    );
    await w.rows("UPDATE ledger_object SET state = 'canceled' WHERE external_id = $1", [three]);
    const run = await reconcile();
    expect(await kinds()).toEqual(["altered_here healed", "amount healed", "state healed"]);
    expect(run.counts).toMatchObject({ found: 3, mentioned: 3, healed: 3 });
    const rows = await w.rows(
      "SELECT count(*)::int AS n FROM payment WHERE amount_minor < 3 OR user_ref = 'mallory'",
    );
    expect(rows).toEqual([{ n: 0 }]);
    for (const line of run.balance) expect(line.ours).toEqual(line.theirs);
    expect((await reconcile()).counts.found).toBe(0);
  });

  it("heals what was altered at the source without a word", async () => {
    await seeded(10);
    const [one] = await paymentIds();
    b.emulator.alter(String(one), { metadata: { userId: "somebody-else" } });
    const run = await reconcile();
    expect(await kinds()).toEqual(["details healed"]);
    expect(run.status).toBe("succeeded");
    expect(await w.rows("SELECT user_ref FROM payment WHERE external_id = $1", [one])).toEqual([
      { user_ref: "somebody-else" },
    ]);
  });

  it("keeps what is only here open, with what may be done, however often it is found", async () => {
    await seeded(10);
    await w.rows(
      `INSERT INTO ledger_object SELECT (jsonb_populate_record(o, '{"id":"obj_x","external_id":"pi_invented","payment_ref":"pi_invented"}')).*
       FROM ledger_object o WHERE kind = 'payment' AND state = 'succeeded' LIMIT 1`,
    );
    for (let n = 0; n < 2; n += 1) {
      const run = await reconcile();
      expect(run).toMatchObject({ status: "succeeded", counts: { found: 1, healed: 0 } });
      expect(unexplained(run.balance)).toEqual([]);
      const [line] = run.balance.filter(({ ours, theirs }) => ours.count !== theirs.count);
      expect(line?.explained.count).toBe(-1);
    }
    expect(await found()).toMatchObject([
      {
        kind: "missing_there",
        status: "open",
        external_id: "pi_invented",
        proposal: { kind: "revoke" },
      },
    ]);
  });

  it("finds who paid an order twice, and what was paid or given alone", async () => {
    await seeded(12);
    const [one, two, three] = await paymentIds();
    const intent = { amount: 100, currency: "thb", payment_method: "pm_card_visa_chargeDeclined" };
    const declined = await b.stripe.paymentIntents
      .create({ ...intent, confirm: true, return_url: "https://example.com/" })
      .catch((error: { payment_intent?: { id: string } }) => error.payment_intent);
    const failed = declined?.id ?? "";
    for (const event of b.emulator.events().slice(-4)) {
      await ledger.work(b.emulator.payloadOf(event.id));
    }
    for (const id of [one, two]) {
      b.emulator.alter(String(id), { metadata: { order_id: "same", userId: "user_x" } });
    }
    await reconcile(); // takes over the altered metadata
    await w.rows(
      "DELETE FROM entitlement WHERE payment_id = (SELECT id FROM payment WHERE external_id = $1)",
      [three],
    );
    await w.rows(
      `INSERT INTO entitlement SELECT (jsonb_populate_record(e, jsonb_build_object('id', 'ent_x', 'user_ref', 'user_y',
         'payment_id', (SELECT id FROM payment WHERE external_id = $1)))).*
       FROM entitlement e WHERE status = 'active' LIMIT 1`,
      [failed],
    );
    const run = await reconcile();
    expect(run.status).toBe("succeeded");
    const open = (await found()).filter(({ status }) => status === "open");
    expect(open).toMatchObject([
      { kind: "charged_twice", proposal: { kind: "refund" } },
      { kind: "paid_without_entitlement", external_id: three, proposal: { kind: "grant" } },
      { kind: "entitlement_without_payment", external_id: failed, proposal: { kind: "revoke" } },
    ]);
  });

  it("only looks when it is told to: nothing is sent, and nothing is written", async () => {
    await seeded(20, 0.2);
    const before = await w.count("event");
    const run = await reconcile({ dryRun: true });
    expect(run).toMatchObject({ status: "succeeded", counts: { healed: 0, mentioned: 0 } });
    expect(run.counts.found).toBeGreaterThan(0);
    expect(await w.count("event")).toBe(before);
    expect(await found()).toEqual([]);
    expect(unexplained(run.balance)).toEqual([]);
    expect(run.cursor.findings).toHaveLength(run.counts.found);
  });

  it("that only looks keeps what it saw, faults without a difference in money too", async () => {
    await seeded(10);
    const [one, two, three] = await paymentIds();
    await w.rows("UPDATE ledger_object SET amount_minor = 1 WHERE external_id = $1", [one]);
    await w.rows("UPDATE payment SET user_ref = 'mallory' WHERE external_id = $1", [two]);
    await w.rows(
      "DELETE FROM entitlement WHERE payment_id = (SELECT id FROM payment WHERE external_id = $1)",
      [three],
    );
    const { counts, cursor } = await reconcile({ dryRun: true });
    expect(counts.found).toBe(3);
    const seen = (cursor.findings ?? []).toSorted((a, b) => (a.kind < b.kind ? -1 : 1));
    expect(seen).toMatchObject([
      {
        kind: "altered_here",
        objectKind: "payment",
        externalId: two,
        ours: { fields: ["userRef"] },
      },
      { kind: "amount", externalId: one, ours: { amountMinor: 1 }, theirs: { state: "succeeded" } },
      { kind: "paid_without_entitlement", externalId: three, theirs: null },
    ]);
    expect(await found()).toEqual([]);
  });

  it("that only looks keeps the first hundred of what it saw", async () => {
    await seeded(60, 1);
    const { counts, cursor } = await reconcile({ dryRun: true });
    expect(counts.found).toBeGreaterThan(100);
    expect(cursor.findings).toHaveLength(100);
  });

  it("looks at one object in place of a range", async () => {
    await seeded(10);
    const [one, two] = await paymentIds();
    await w.rows("UPDATE payment SET amount_minor = 2 WHERE external_id = ANY($1)", [[one, two]]);
    const run = await reconcile({ only: String(one) });
    expect(run.counts).toMatchObject({ objects: 1, found: 1, healed: 1 });
    expect(await w.rows("SELECT external_id FROM payment WHERE amount_minor = 2")).toEqual([
      { external_id: two },
    ]);
  });
});

describe("what goes wrong", () => {
  it("one object that cannot be read does not stop the rest, and the run is partial and told", async () => {
    await seeded(10, 0.3);
    const [bad] = await paymentIds();
    b.emulator.alter(String(bad), { currency: 17 });
    const run = await reconcile();
    expect(run).toMatchObject({
      status: "partial",
      errors: [{ at: bad, code: "unexpected_shape" }],
    });
    expect(run.counts.healed).toBe(run.counts.found);
    expect(log.lines).toContainEqual(
      expect.objectContaining({ level: "error", action: "reconciliation.ended" }),
    );
  });

  it("a key that is refused fails the run", async () => {
    const revoked = ledgerWorld({
      database: w.database,
      emulator: b.emulator,
      apiKey: "sk_test_revoked_000000",
      clock,
      log,
    });
    const run = await reconcile({}, revoked);
    expect(run.status).toBe("failed");
    expect(run.errors[0]).toMatchObject({ code: "gateway_refused" });
  });

  it("waits while the source limits us, and goes on", async () => {
    await seeded(5);
    b.emulator.fault({ kind: "status", status: 500, times: 2 });
    const ticking = {
      ...ledger,
      clock: { now: () => clock.now() + Math.floor(performance.now()) },
    };
    expect((await reconcile({}, ticking)).status).toBe("succeeded");
  });

  it("goes on where a slice ended, by whoever comes next, and is one run however often it is asked for", async () => {
    await seeded(30, 0.1);
    const { id } = await startRun(REQUEST, ledger);
    expect((await startRun(REQUEST, ledger)).id).toBe(id);
    let now = clock.now();
    const hurried = { ...ledger, clock: { now: () => (now += 1) } }; // the budget ends after a step or two
    const slice = () => continueRun(id, hurried, { budgetMs: 3 });
    let slices = 1;
    for (let run = await slice(); run?.status === "running"; slices += 1) run = await slice();
    expect(slices).toBeGreaterThan(10);
    const run = await slice();
    expect(run).toMatchObject({ status: "succeeded" });
    expect(run?.counts.found).toBe(run?.counts.healed);
    for (const line of run?.balance ?? []) expect(line.ours).toEqual(line.theirs);
  });

  it("is not touched by a second worker while the first is at it", async () => {
    const { id } = await startRun(REQUEST, ledger);
    await w.rows("UPDATE reconciliation SET lease_until = $2 WHERE id = $1", [
      id,
      new Date(clock.now() + 60_000).toISOString(),
    ]);
    const run = await continueRun(id, ledger, { budgetMs: 60_000 });
    expect(run).toMatchObject({ status: "running", counts: { pages: 0 } });
  });
});

describe("the timer", () => {
  it("begins the hourly and the nightly run once in their time, and goes on with them", async () => {
    const first = await reconcileDue(["stripe", "sentry"], ledger, { budgetMs: 60_000 });
    expect(first).toEqual({ begun: 2, wentOn: 2 });
    expect(await reconcileDue(["stripe"], ledger, { budgetMs: 60_000 })).toEqual({
      begun: 0,
      wentOn: 0,
    });
    const rows = await w.rows("SELECT actor, status FROM reconciliation ORDER BY actor");
    expect(rows).toEqual([
      { actor: "cron:hourly", status: "succeeded" },
      { actor: "cron:nightly", status: "succeeded" },
    ]);
  });
});
