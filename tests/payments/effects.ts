import type { LedgerObject } from "../../src/domain/ledger.js";
import type { Database } from "../../src/store/database.js";

type Row = Record<string, unknown>;
const detail = (object: LedgerObject, name: string): unknown =>
  (object.details as unknown as Row)[name];

/**
 * What must have followed from the ledger, found out from the gateway's objects in another way than the handler does:
 * each payment's entitlement and windows, each notice once, each audit entry once. A line for each that is not so.
 */
export async function effectsMissing(
  database: Database,
  truth: readonly LedgerObject[],
  /** How many have ended; null where that is not known. */
  events: number | null,
): Promise<string[]> {
  const rows = (sql: string) => database.query<Row>(sql, []);
  return [
    ...entitlementsWrong(truth, await rows(ENTITLEMENTS)),
    ...noticesWrong(
      truth,
      await rows("SELECT cause, template, count(*)::int n FROM notice GROUP BY 1, 2"),
    ),
    ...(await rows(TWICE)).map(({ what, n }) => `${what} is written ${n} times`),
    ...(await rows("SELECT count(*)::int AS n FROM audit_entry WHERE action LIKE 'event.%'"))
      .filter(({ n }) => events !== null && n !== events)
      .map(({ n }) => `${events} events left ${n} audit entries of their end`),
  ];
}

const ENTITLEMENTS = `SELECT e.user_ref, e.package_ref, e.status, p.external_id AS ref,
  extract(epoch FROM e.starts_at) AS starts, extract(epoch FROM e.ends_at) AS ends
  FROM entitlement e JOIN payment p ON p.id = e.payment_id ORDER BY e.starts_at, p.external_id`;

/** One event writes each line of the audit trail once, and ends once. */
const TWICE = `SELECT coalesce(event_id, '') || ' ' || action || ' ' || subject AS what, count(*)::int AS n
  FROM audit_entry GROUP BY event_id, action, subject HAVING count(*) > 1
  UNION ALL SELECT 'the end of ' || event_id, count(*)::int FROM audit_entry
  WHERE action IN ('event.processed', 'event.ignored') GROUP BY event_id HAVING count(*) > 1
  UNION ALL SELECT 'the grant of ' || subject, count(*)::int FROM audit_entry
  WHERE action IN ('entitlement.granted', 'entitlement.withheld') GROUP BY subject HAVING count(*) > 1`;

function entitlementsWrong(truth: readonly LedgerObject[], rows: readonly Row[]): string[] {
  const wrong: string[] = [];
  const live = new Map<string, number>();
  for (const payment of truth) {
    const metadata = detail(payment, "metadata") as Record<string, string> | undefined;
    const user = metadata?.userId;
    if (payment.kind !== "payment" || payment.state !== "succeeded" || user === undefined) continue;
    const of = truth.filter((one) => one.paymentRef === payment.externalId);
    const back = of.filter(
      ({ kind, state }) => kind === "refund" && state !== "failed" && state !== "canceled",
    );
    const refunded = back.reduce((sum, { amountMinor }) => sum + (amountMinor ?? 0), 0);
    const isLost = of.some(({ kind, state }) => kind === "dispute" && state === "lost");
    const isGone = isLost || (refunded > 0 && refunded >= Number(detail(payment, "receivedMinor")));
    const own = rows.filter(({ ref }) => ref === payment.externalId);
    const wanted = isGone ? "revoked" : "active";
    if (own.length !== 1) wrong.push(`${payment.externalId} has ${own.length} entitlements`);
    if (own[0] !== undefined && (own[0].status === "revoked") !== isGone) {
      wrong.push(`entitlement of ${payment.externalId} is ${own[0].status}, not ${wanted}`);
    }
    if (!isGone) live.set(user, (live.get(user) ?? 0) + 1);
  }
  for (const [user, count] of live) {
    const windows = rows.filter(
      ({ user_ref, status }) => user_ref === user && status !== "revoked",
    );
    if (windows.length !== count)
      wrong.push(`${user} has ${windows.length} windows for ${count} payments`);
    for (const [n, window] of windows.entries()) {
      const before = windows[n - 1];
      if (before !== undefined && Number(window.starts) < Number(before.ends)) {
        wrong.push(`two windows of ${user} lie over each other`);
      }
    }
  }
  return wrong;
}

function noticesWrong(truth: readonly LedgerObject[], rows: readonly Row[]): string[] {
  const told = (externalId: string, template: string): number =>
    rows
      .filter((row) => row.template === template && String(row.cause).includes(`:${externalId} `))
      .reduce((sum, { n }) => sum + Number(n), 0);
  const wrong: string[] = [];
  const once = (object: LedgerObject, template: string): void => {
    const n = told(object.externalId, template);
    if (n !== 1) wrong.push(`${template} of ${object.externalId} was told ${n} times`);
  };
  for (const object of truth) {
    const { kind, state, externalId, paymentRef } = object;
    const isTold = truth.some(
      (one) => one.paymentRef === (paymentRef ?? "-") && typeof detail(one, "email") === "string",
    );
    if (kind === "payment" && state === "succeeded" && isTold && object.customerRef === null) {
      once(object, "payment-received");
      if (told(externalId, "payment-failed") > 1) wrong.push(`${externalId} failed more than once`);
    }
    if (kind === "refund" && isTold && (state === "succeeded" || state === "failed")) {
      once(object, state === "succeeded" ? "refund-issued" : "refund-failed");
    }
  }
  return wrong;
}
