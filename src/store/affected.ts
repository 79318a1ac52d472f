import type { Entitlement } from "../domain/entitlement.js";
import { Transient } from "../domain/errors.js";
import type { LedgerObject } from "../domain/ledger.js";
import type { Payment } from "../domain/payment.js";
import { type Instant, isoOf } from "../domain/time.js";
import type { Database } from "./database.js";
import { TABLE_SQL } from "./tables.js";

export interface Span {
  from: Instant;
  to: Instant;
}

/** A mail that was planned in the time. */
export interface AffectedMail {
  id: string;
  paymentId: string;
  template: string;
  status: string;
  createdAt: Instant;
}

export interface TouchedPayment {
  payment: Payment;
  /** Everything of the ledger that makes it. */
  objects: LedgerObject[];
  entitlement: Entitlement | null;
  mails: AffectedMail[];
  /** Its order was paid by another payment before, and both are kept. */
  isSecond: boolean;
}

/** Where a list of a time is: the entry of the trail that comes next, and the last one that there was as it began. */
export interface TouchedCursor {
  next: string;
  last: string;
}

/** How far the entries of a time reach, which the time's own index finds once: the pages go by their ids. */
const SPAN_OF =
  "SELECT min(id) AS next, max(id) AS last FROM audit_entry WHERE at >= $1 AND at < $2";
const SUBSCRIPTIONS = `SELECT count(DISTINCT (o.account, o.livemode, coalesce(o.subscription_ref, o.external_id)))::int AS n
  FROM audit_entry a LEFT JOIN entitlement e ON e.id = a.subject
  JOIN ledger_object o ON o.id = coalesce(e.subscription_id, a.subject)
  WHERE a.at >= $1 AND a.at < $2
    AND (o.kind = 'subscription' OR (o.kind = 'invoice' AND o.subscription_ref IS NOT NULL))`;

/** Each payment by the first entry of the time that is about it, or about what it gives. */
const TOUCHED = `SELECT t.entry, ${TABLE_SQL.payment.json} AS row FROM (
  SELECT a.id AS entry, p.* FROM audit_entry a LEFT JOIN entitlement e ON e.id = a.subject
  JOIN payment p ON p.id = coalesce(e.payment_id, a.subject)
  WHERE a.id >= $3 AND a.id <= $4 AND a.at >= $1 AND a.at < $2
    AND (a.action LIKE 'payment.%' OR a.action LIKE 'entitlement.%')
    AND NOT EXISTS (SELECT FROM audit_entry b
      WHERE b.subject = ANY (ARRAY[p.id, (SELECT o.id FROM entitlement o WHERE o.payment_id = p.id)])
        AND b.id < a.id AND b.at >= $1 AND b.at < $2
        AND (b.action LIKE 'payment.%' OR b.action LIKE 'entitlement.%'))
  ORDER BY a.id LIMIT $5) t`;

const OF_PAYMENTS = `FROM payment p JOIN ledger_object t
  ON t.payment_ref = p.external_id AND t.account = p.account AND t.livemode = p.livemode
WHERE p.id = ANY($1::text[])`;

const MAILS = `SELECT n.id, n.data->>'paymentId' AS "paymentId", n.template, n.status,
  (extract(epoch FROM n.created_at) * 1000)::bigint::text AS "createdAt"
FROM notice n WHERE n.channel = 'email' AND n.data->>'paymentId' = ANY($1::text[])
  AND n.created_at >= $2 AND n.created_at < $3 ORDER BY n.id`;

const isKept = (alias: string): string =>
  `${alias}.state = 'succeeded' AND ${alias}.refunded_minor < ${alias}.received_minor`;
const SECONDS = `SELECT p.id FROM payment p WHERE p.id = ANY($1::text[]) AND ${isKept("p")}
  AND EXISTS (SELECT 1 FROM payment q WHERE q.order_ref = p.order_ref AND q.account = p.account
    AND q.livemode = p.livemode AND ${isKept("q")}
    AND (coalesce(q.paid_at, q.created_at), q.id) < (coalesce(p.paid_at, p.created_at), p.id))`;

/** Where the list of a time begins; null where nothing was written. */
export async function touchedIn(
  database: Database,
  { from, to }: Span,
): Promise<TouchedCursor | null> {
  const [found] = await database.query<{ next: string | null; last: string | null }>(SPAN_OF, [
    isoOf(from),
    isoOf(to),
  ]);
  const { next = null, last = null } = found ?? {};
  return next === null || last === null ? null : { next, last };
}

/**
 * How many subscriptions were touched in a time, which the list does not hold; null when that is too many entries to
 * look at: nobody is to miss the list for it.
 */
export async function touchedSubscriptions(
  database: Database,
  { from, to }: Span,
): Promise<number | null> {
  try {
    const [found] = await database.query<{ n: number }>(SUBSCRIPTIONS, [isoOf(from), isoOf(to)]);
    return found?.n ?? 0;
  } catch (error) {
    if (error instanceof Transient && error.code === "database_busy") return null;
    throw error;
  }
}

/**
 * A page of the payments that something was written about in a time, or about what they give, in the order of the first
 * time that it was, and all that hangs on them. A payment that was only confirmed counts.
 */
export async function touchedPayments(
  database: Database,
  { from, to }: Span,
  { at: { next, last }, limit }: { at: TouchedCursor; limit: number },
): Promise<{ touched: TouchedPayment[]; nextAt: TouchedCursor | null }> {
  const [fromIso, toIso] = [isoOf(from), isoOf(to)];
  const asked = [fromIso, toIso, next, last, limit + 1];
  const found = await database.query<{ entry: string; row: Payment }>(TOUCHED, asked);
  const after = found[limit]?.entry;
  const nextAt = after === undefined ? null : { next: after, last };
  const payments = found.slice(0, limit).map(({ row }) => row);
  if (payments.length === 0) return { touched: [], nextAt };
  const ids = payments.map(({ id }) => id);
  const [objects, entitlements, mails, seconds] = await Promise.all([
    database.query<{ paymentId: string; row: LedgerObject }>(
      `SELECT p.id AS "paymentId", ${TABLE_SQL.ledgerObject.json} AS row ${OF_PAYMENTS}`,
      [ids],
    ),
    database.query<{ row: Entitlement }>(
      `SELECT ${TABLE_SQL.entitlement.json} AS row FROM entitlement t WHERE t.payment_id = ANY($1::text[])`,
      [ids],
    ),
    database.query<Omit<AffectedMail, "createdAt"> & { createdAt: string }>(MAILS, [
      ids,
      fromIso,
      toIso,
    ]),
    database.query<{ id: string }>(SECONDS, [ids]),
  ]);
  const touched = payments.map((payment) => ({
    payment,
    objects: objects.filter((one) => one.paymentId === payment.id).map(({ row }) => row),
    entitlement: entitlements.find(({ row }) => row.paymentId === payment.id)?.row ?? null,
    mails: mails
      .filter(({ paymentId }) => paymentId === payment.id)
      .map((mail) => ({ ...mail, createdAt: Number(mail.createdAt) })),
    isSecond: seconds.some(({ id }) => id === payment.id),
  }));
  return { touched, nextAt };
}

/** Of these payments of our own account those that are here. */
export async function knownPayments(
  database: Database,
  externalIds: readonly string[],
  livemode: boolean,
): Promise<Set<string>> {
  const rows = await database.query<{ ref: string }>(
    `SELECT external_id AS ref FROM payment
     WHERE external_id = ANY($1::text[]) AND account = '' AND livemode = $2`,
    [[...externalIds], livemode],
  );
  return new Set(rows.map(({ ref }) => ref));
}

/** What a reconciliation proposes for payments and is still open. */
export interface OpenProposal {
  id: string;
  externalId: string;
  account: string;
  livemode: boolean;
  kind: string;
}

export async function openProposals(
  database: Database,
  externalIds: readonly string[],
): Promise<OpenProposal[]> {
  return database.query(
    `SELECT id, external_id AS "externalId", account, livemode, proposal->>'kind' AS kind
     FROM discrepancy WHERE status = 'open' AND object_kind = 'payment' AND external_id = ANY($1::text[])
     ORDER BY id`,
    [[...externalIds]],
  );
}
