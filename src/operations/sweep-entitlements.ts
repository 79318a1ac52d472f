import { describeError } from "../domain/describe-error.js";
import type { Entitlement } from "../domain/entitlement.js";
import { decideExpiry, type ExpiryDecision } from "../domain/entitlement-expiry.js";
import { Transient } from "../domain/errors.js";
import type { Ids } from "../domain/ids.js";
import type { LedgerObject } from "../domain/ledger.js";
import type { TemplateData } from "../domain/notice-templates.js";
import type { Payment } from "../domain/payment.js";
import { type DecideContext, type Plan, PlanBuilder } from "../domain/plan.js";
import type { Log } from "../domain/ports.js";
import type { Clock } from "../domain/time.js";
import { planEntitlements } from "../handlers/entitlement-plan.js";
import { readerIn } from "../handlers/record-ledger/buyer.js";
import type { PaymentPolicy } from "../policy/payments.js";
import type { Policy } from "../policy/schema.js";
import { apply } from "../store/apply.js";
import type { Database } from "../store/database.js";
import { dueEntitlements, type EntitlementKey } from "../store/entitlements.js";
import { load, read } from "../store/load.js";
import { untilStill } from "../store/until-still.js";
import type { Relay } from "./relay-outbox.js";

export interface EntitlementSweepDeps {
  database: Database;
  clock: Clock;
  ids: Ids;
  log: Log;
  relay: Relay;
  policy: Policy;
  tellsPlatform: boolean;
}

export interface EntitlementSweepReport {
  expired: number;
  reminded: number;
  /** Could not be worked on for a cause of their own; the next sweep tries again, and the log says why. */
  stuck: number;
}

const PAGE_ROWS = 200;
/** Of one sweep; the rest is the next minute's. Who is stuck does not count: they are the first of every sweep. */
const USERS_MAX = 2_000;
/** However many are stuck, the minute's other work has its turn. */
const SWEEP_MS = 45_000;
/** Users at once: loads and plans of one shape share statements. */
const AT_ONCE = 8;

/**
 * Ends what has come to its end, and reminds of what soon will, once per step. Whoever is a user of a package is
 * decided on as a whole and in one statement, so that sweeps at the same time do nothing twice, and one that breaks off
 * has left nothing half done. One user who cannot be worked on does not keep the others from their turn.
 *
 * @throws Transient when the database is not to be had.
 */
export async function sweepEntitlements(
  deps: EntitlementSweepDeps,
  usersMax = USERS_MAX,
): Promise<EntitlementSweepReport> {
  const { database, clock, policy } = deps;
  const report: EntitlementSweepReport = { expired: 0, reminded: 0, stuck: 0 };
  const requestId = deps.ids.next("request");
  let after: { endsAt: number; id: string } | null = null;
  const endBy = clock.now() + SWEEP_MS;
  for (let users = 0; users - report.stuck < usersMax && clock.now() < endBy; ) {
    const at = { now: clock.now(), warnDays: policy.payments.warnDays, after, limit: PAGE_ROWS };
    const due: Awaited<ReturnType<typeof dueEntitlements>> = await dueEntitlements(database, at);
    const keys = [...new Map(due.map((row) => [textOf(row), row])).values()];
    for (let from = 0; from < keys.length; from += AT_ONCE) {
      const work = keys
        .slice(from, from + AT_ONCE)
        .map((key) => settle(key, requestId, report, deps));
      // All of them have ended before the sweep does: what is still written when a job ends is cut off with it.
      const ended = await Promise.allSettled(work);
      for (const one of ended) if (one.status === "rejected") throw one.reason;
    }
    users += keys.length;
    after = due.at(-1) ?? null;
    if (due.length < PAGE_ROWS) break;
  }
  return report;
}

const textOf = ({ account, livemode, userRef, packageRef }: EntitlementKey): string =>
  JSON.stringify([account, livemode, userRef, packageRef]);

async function settle(
  key: EntitlementKey,
  requestId: string,
  report: EntitlementSweepReport,
  deps: EntitlementSweepDeps,
): Promise<void> {
  try {
    const { expired, reminded } = await settleUser(key, requestId, deps);
    report.expired += expired;
    report.reminded += reminded;
  } catch (error) {
    if (error instanceof Transient) throw error; // it is not this user: the next minute begins again
    report.stuck += 1;
    deps.log.error("entitlement.stuck", { requestId, detail: describeError(error) });
  }
}

function settleUser(
  key: EntitlementKey,
  requestId: string,
  deps: EntitlementSweepDeps,
): Promise<{ expired: number; reminded: number }> {
  const { database, clock, ids, policy } = deps;
  return untilStill("a user's entitlements", async () => {
    const rows = await loadUser(key, database);
    const now = clock.now();
    const decision = decideExpiry(rows.entitlements, { now, warnDays: policy.payments.warnDays });
    if (decision.updates.length === 0) return { expired: 0, reminded: 0 };
    const ctx = { now, ids, actor: "system:sweep", eventId: null, requestId };
    const plan = planOf(decision, rows, ctx, deps);
    await apply(database, plan);
    await deps.relay(plan.inserts.outbox ?? []);
    return { expired: decision.changes.length, reminded: decision.reminder === null ? 0 : 1 };
  });
}

interface UserRows {
  entitlements: Entitlement[];
  payments: Payment[];
  objects: LedgerObject[];
}

const OF_USER = "account = ? AND livemode = ? AND user_ref = ? AND package_ref = ?";
/** The customer and the bills of the subscriptions that these entitlements come from: they know who is written to. */
const BESIDE_SUBSCRIPTION = `JOIN (SELECT s.* FROM entitlement e JOIN ledger_object s ON s.id = e.subscription_id
  WHERE ${OF_USER.replaceAll(/(\w+) =/g, "e.$1 =")}) s ON s.account = t.account AND s.livemode = t.livemode AND
  ((t.kind = 'customer' AND t.external_id = s.customer_ref) OR (t.kind IN ('checkout','invoice') AND t.subscription_ref = s.external_id))`;

async function loadUser(key: EntitlementKey, database: Database): Promise<UserRows> {
  const of = [key.account, key.livemode, key.userRef, key.packageRef];
  return load(database, {
    entitlements: read("entitlement", OF_USER.replaceAll(/(\w+) =/g, "t.$1 ="), of),
    payments: read("payment", OF_USER.replaceAll(/(\w+) =/g, "e.$1 ="), of, {
      join: "JOIN entitlement e ON e.payment_id = t.id",
    }),
    objects: read("ledgerObject", "true", of, {
      join: BESIDE_SUBSCRIPTION,
      orderBy: "t.kind = 'customer' DESC, t.born_at DESC NULLS LAST, t.id",
      limit: 50,
    }),
  });
}

function planOf(
  decision: ExpiryDecision,
  rows: UserRows,
  ctx: DecideContext,
  deps: EntitlementSweepDeps,
): Plan {
  const plan = new PlanBuilder(ctx);
  const { lost, reminder, updates, expects, changes } = decision;
  planEntitlements(plan, { inserts: [], updates, expects, changes }, deps);
  if (reminder !== null) {
    const { entitlement, days } = reminder;
    plan.audit("entitlement.reminded", entitlement.id, { days, endsAt: entitlement.endsAt });
    tell(plan, "entitlement-expiring", entitlement, `expiring ${days}`, rows, deps.policy.payments);
  }
  if (lost !== null) tell(plan, "entitlement-expired", lost, "expired", rows, deps.policy.payments);
  return plan.build();
}

/** Tells the user, if anybody knows where to; once for this version of the row, and so for this end of it. */
function tell(
  plan: PlanBuilder,
  template: "entitlement-expiring" | "entitlement-expired",
  { id, version, packageRef, endsAt, paymentId }: Entitlement,
  transition: string,
  { payments, objects }: UserRows,
  policy: PaymentPolicy,
): void {
  const payment = payments.find((one) => one.id === paymentId);
  const reader =
    payment ??
    readerIn(
      objects.map(({ details }) => details),
      policy,
    );
  if (reader.email === null) return;
  const about = { packageRef, userName: reader.name };
  const data =
    template === "entitlement-expiring"
      ? ({ ...about, endsAt } satisfies TemplateData["entitlement-expiring"])
      : ({ ...about, endedAt: endsAt } satisfies TemplateData["entitlement-expired"]);
  plan.notify({
    channel: "email",
    template,
    cause: `entitlement:${id} v${version} ${transition}`,
    recipient: reader.email,
    locale: reader.locale ?? policy.defaultLocale,
    data,
  });
}
