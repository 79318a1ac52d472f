import type { LedgerKey, LedgerKind, LedgerObject } from "../domain/ledger.js";
import type { Payment } from "../domain/payment.js";
import {
  type Discrepancy,
  type DiscrepancyKind,
  type Finding,
  OBJECT_DIFFERENCES,
  type Reconciliation,
} from "../domain/reconciliation.js";
import { type Instant, isoOf } from "../domain/time.js";
import { toStorableJson } from "./clean.js";
import type { Database } from "./database.js";
import { TABLE_SQL } from "./tables.js";

const ms = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::bigint`;

const RUN = `json_build_object('id', r.id, 'source', r.source, 'actor', r.actor, 'status', r.status,
  'dryRun', r.dry_run, 'livemode', r.livemode, 'rangeFrom', ${ms("r.range_from")}, 'rangeTo', ${ms("r.range_to")},
  'onlyRef', r.only_ref, 'cursor', r.cursor, 'counts', r.counts, 'balance', r.balance, 'errors', r.errors,
  'startedAt', ${ms("r.started_at")}, 'updatedAt', ${ms("r.updated_at")}, 'endedAt', ${ms("r.ended_at")},
  'leaseUntil', ${ms("r.lease_until")}, 'version', r.version) AS row`;

const DISCREPANCY = `json_build_object('id', d.id, 'source', d.source, 'kind', d.kind, 'objectKind', d.object_kind,
  'account', d.account, 'livemode', d.livemode, 'externalId', d.external_id, 'status', d.status, 'ours', d.ours,
  'theirs', d.theirs, 'proposal', d.proposal, 'firstRunId', d.first_run_id, 'lastRunId', d.last_run_id,
  'foundAt', ${ms("d.found_at")}, 'updatedAt', ${ms("d.updated_at")}, 'closedAt', ${ms("d.closed_at")},
  'version', d.version) AS row`;

type Rowed<Row> = { row: Row };

/** @returns null when the same is running already. */
export async function insertRun(
  database: Database,
  run: Reconciliation,
): Promise<Reconciliation | null> {
  const rows = await database.query<Rowed<Reconciliation>>(
    `INSERT INTO reconciliation AS r (id, source, actor, status, dry_run, livemode, range_from, range_to, only_ref,
      cursor, counts, balance, errors, started_at, updated_at, lease_until, version)
    VALUES ($1, $2, $3, 'running', $4, $5, $6, $7, $8, $9, $10, '[]', '[]', $11, $11, $11, 0)
    ON CONFLICT DO NOTHING RETURNING ${RUN}`,
    [
      run.id,
      run.source,
      run.actor,
      run.dryRun,
      run.livemode,
      isoOf(run.rangeFrom),
      isoOf(run.rangeTo),
      run.onlyRef,
      toStorableJson(run.cursor),
      toStorableJson(run.counts),
      isoOf(run.startedAt),
    ],
  );
  return rows[0]?.row ?? null;
}

export async function findRunning(
  database: Database,
  asked: Pick<Reconciliation, "source" | "rangeFrom" | "rangeTo" | "onlyRef" | "dryRun">,
): Promise<Reconciliation | null> {
  const rows = await database.query<Rowed<Reconciliation>>(
    `SELECT ${RUN} FROM reconciliation r WHERE status = 'running' AND source = $1 AND range_from = $2
      AND range_to = $3 AND only_ref = $4 AND dry_run = $5`,
    [asked.source, isoOf(asked.rangeFrom), isoOf(asked.rangeTo), asked.onlyRef, asked.dryRun],
  );
  return rows[0]?.row ?? null;
}

export async function readRun(database: Database, id: string): Promise<Reconciliation | null> {
  const rows = await database.query<Rowed<Reconciliation>>(
    `SELECT ${RUN} FROM reconciliation r WHERE id = $1`,
    [id],
  );
  return rows[0]?.row ?? null;
}

/** The run, for whoever goes on with it until `until`; null when somebody else does, or it has ended. */
export async function leaseRun(
  database: Database,
  id: string,
  { now, until }: { now: Instant; until: Instant },
): Promise<Reconciliation | null> {
  const rows = await database.query<Rowed<Reconciliation>>(
    `UPDATE reconciliation r SET lease_until = $3, version = version + 1
    WHERE id = $1 AND status = 'running' AND lease_until <= $2 RETURNING ${RUN}`,
    [id, isoOf(now), isoOf(until)],
  );
  return rows[0]?.row ?? null;
}

export async function releaseRun(database: Database, run: Reconciliation): Promise<void> {
  await database.query(
    "UPDATE reconciliation SET lease_until = updated_at WHERE id = $1 AND version = $2",
    [run.id, run.version],
  );
}

/** Runs that nobody goes on with, the oldest first. */
export async function waitingRuns(database: Database, now: Instant): Promise<string[]> {
  const rows = await database.query<{ id: string }>(
    "SELECT id FROM reconciliation WHERE status = 'running' AND lease_until <= $1 ORDER BY id LIMIT 10",
    [isoOf(now)],
  );
  return rows.map(({ id }) => id);
}

/** When the last run of an actor began; null when there was none. */
export async function lastBeginning(
  database: Database,
  source: string,
  actor: string,
): Promise<Instant | null> {
  const rows = await database.query<{ at: string | null }>(
    `SELECT ${ms("max(started_at)")} AS at FROM reconciliation WHERE source = $1 AND actor = $2`,
    [source, actor],
  );
  const at = rows[0]?.at ?? null;
  return at === null ? null : Number(at);
}

/** What a page of a run has found and done. */
export interface RunPage {
  run: Reconciliation;
  findings: readonly Finding[];
  /** Objects that are as they should be: what was open about them is healed. */
  agreed: readonly LedgerKey[];
  /** Discrepancies that are healed. */
  closed: readonly string[];
  /** Keys of the events that were sent. */
  sent: readonly string[];
}

const COMMIT = `WITH run AS (
  UPDATE reconciliation r SET status = $3, cursor = $4, counts = $5, balance = $6, errors = $7, updated_at = $8,
    ended_at = $9, lease_until = $10, version = version + 1
  WHERE id = $1 AND version = $2 RETURNING r.*),
found AS (
  INSERT INTO discrepancy AS d (id, source, kind, object_kind, account, livemode, external_id, status, ours, theirs,
    proposal, first_run_id, last_run_id, found_at, updated_at, version)
  SELECT f.id, run.source, f.difference, f.kind, f.account, f.livemode, f."externalId", 'open', coalesce(f.ours, 'null'),
    coalesce(f.theirs, 'null'), f.proposal, run.id, run.id, $8, $8, 0
  FROM run, jsonb_to_recordset($11::jsonb) AS f(id text, difference text, kind text, account text, livemode boolean,
    "externalId" text, ours jsonb, theirs jsonb, proposal jsonb)
  ON CONFLICT ON CONSTRAINT discrepancy_key DO UPDATE SET ours = EXCLUDED.ours, theirs = EXCLUDED.theirs,
    proposal = EXCLUDED.proposal, last_run_id = EXCLUDED.last_run_id, updated_at = EXCLUDED.updated_at,
    status = CASE WHEN d.status = 'dismissed' THEN d.status ELSE 'open' END,
    closed_at = CASE WHEN d.status = 'dismissed' THEN d.closed_at END, version = d.version + 1),
agreed AS (
  UPDATE discrepancy d SET status = 'healed', closed_at = $8, updated_at = $8, version = d.version + 1
  FROM run, jsonb_to_recordset($12::jsonb) AS a(kind text, account text, livemode boolean, "externalId" text)
  WHERE d.status = 'open' AND d.external_id = a."externalId" AND d.object_kind = a.kind AND d.account = a.account
    AND d.livemode = a.livemode AND d.source = run.source AND d.kind = ANY($13::text[])),
closed AS (
  UPDATE discrepancy d SET status = 'healed', closed_at = $8, updated_at = $8, version = d.version + 1
  FROM run WHERE d.id = ANY($14::text[]) AND d.status = 'open'),
sent AS (
  INSERT INTO reconciliation_message (reconciliation_id, event_key)
  SELECT run.id, key FROM run, unnest($15::text[]) AS key ON CONFLICT DO NOTHING),
gone AS (
  DELETE FROM reconciliation_message m USING run WHERE m.reconciliation_id = run.id AND run.status <> 'running')
SELECT ${RUN} FROM run r`;

/**
 * Writes a page: where the run goes on and what was found, together or not at all.
 *
 * @returns the run as it is now; null when somebody else went on with it meanwhile, and nothing was written.
 */
export async function commitPage(
  database: Database,
  { run, findings, agreed, closed, sent }: RunPage,
): Promise<Reconciliation | null> {
  const rows = await database.query<Rowed<Reconciliation>>(COMMIT, [
    run.id,
    run.version,
    run.status,
    toStorableJson(run.cursor),
    toStorableJson(run.counts),
    toStorableJson(run.balance),
    toStorableJson(run.errors),
    isoOf(run.updatedAt),
    run.endedAt === null ? null : isoOf(run.endedAt),
    isoOf(run.leaseUntil),
    toStorableJson(findings),
    toStorableJson(agreed),
    [...OBJECT_DIFFERENCES],
    [...closed],
    [...sent],
  ]);
  return rows[0]?.row ?? null;
}

interface Scope {
  account: string;
  livemode: boolean;
}

/** Rows of ours by their ids. */
export async function objectsByIds(
  database: Database,
  kind: LedgerKind,
  { account, livemode }: Scope,
  ids: readonly string[],
): Promise<LedgerObject[]> {
  const rows = await database.query<Rowed<LedgerObject>>(
    `SELECT ${TABLE_SQL.ledgerObject.json} AS row FROM ledger_object t
    WHERE t.external_id = ANY($1::text[]) AND t.kind = $2 AND t.account = $3 AND t.livemode = $4`,
    [[...ids], kind, account, livemode],
  );
  return rows.map(({ row }) => row);
}

/** Rows of ours that came to be from `from` to `to` (both inclusive) and are none of these, in the order of their ids. */
export async function objectsBorn(
  database: Database,
  kind: LedgerKind,
  { account, livemode }: Scope,
  o: { from: Instant; to: Instant; without: readonly string[]; after: string; limit: number },
): Promise<LedgerObject[]> {
  const rows = await database.query<Rowed<LedgerObject>>(
    `SELECT ${TABLE_SQL.ledgerObject.json} AS row FROM (SELECT * FROM ledger_object
      WHERE born_at BETWEEN $1::timestamptz AND $2::timestamptz AND kind = $3 AND account = $4 AND livemode = $5
        AND external_id > $6 AND NOT external_id = ANY($7::text[])
      ORDER BY external_id LIMIT $8) t`,
    [isoOf(o.from), isoOf(o.to), kind, account, livemode, o.after, [...o.without], o.limit],
  );
  return rows.map(({ row }) => row);
}

/** Everything that makes these payments, and the payments as they are kept. */
export async function paymentsWhole(
  database: Database,
  { account, livemode }: Scope,
  refs: readonly string[],
): Promise<{ objects: LedgerObject[]; payments: Payment[] }> {
  const params = [[...refs], account, livemode];
  const [objects, payments] = await Promise.all([
    database.query<Rowed<LedgerObject>>(
      `SELECT ${TABLE_SQL.ledgerObject.json} AS row FROM ledger_object t
      WHERE t.payment_ref = ANY($1::text[]) AND t.account = $2 AND t.livemode = $3`,
      params,
    ),
    database.query<Rowed<Payment>>(
      `SELECT ${TABLE_SQL.payment.json} AS row FROM payment t
      WHERE t.external_id = ANY($1::text[]) AND t.account = $2 AND t.livemode = $3`,
      params,
    ),
  ]);
  return { objects: objects.map(({ row }) => row), payments: payments.map(({ row }) => row) };
}

/** What a run has found of single objects and is still open, in the order of the rows. */
export async function openFindings(
  database: Database,
  runId: string,
  { after, limit }: { after: string; limit: number },
): Promise<Discrepancy[]> {
  const rows = await database.query<Rowed<Discrepancy>>(
    `SELECT ${DISCREPANCY} FROM discrepancy d WHERE last_run_id = $1 AND id > $2 AND status = 'open'
      AND kind = ANY($3::text[]) ORDER BY id LIMIT $4`,
    [runId, after, [...OBJECT_DIFFERENCES], limit],
  );
  return rows.map(({ row }) => row);
}

/** Of these keys those whose event has ended here. */
export async function endedEvents(
  database: Database,
  source: string,
  keys: readonly string[],
): Promise<Set<string>> {
  const rows = await database.query<{ key: string }>(
    `SELECT event_key AS key FROM event WHERE source = $1 AND event_key = ANY($2::text[])
      AND status IN ('processed', 'ignored', 'discarded')`,
    [source, [...keys]],
  );
  return new Set(rows.map(({ key }) => key));
}

/** How many of the events that a run has sent are still to come to an end. */
export async function outstandingEvents(database: Database, run: Reconciliation): Promise<number> {
  const rows = await database.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM reconciliation_message m
      LEFT JOIN event e ON e.source = $2 AND e.event_key = m.event_key
      WHERE m.reconciliation_id = $1 AND (e.id IS NULL OR e.status = 'received')`,
    [run.id, run.source],
  );
  return rows[0]?.n ?? 0;
}

/** Connected accounts of which the ledger has something. */
export async function accountsKnown(database: Database, livemode: boolean): Promise<string[]> {
  // A loose scan: an account has many rows, and there are few accounts.
  const rows = await database.query<{ account: string }>(
    `WITH RECURSIVE a(account) AS (
      (SELECT min(account) FROM payment WHERE livemode = $1 AND account > '')
      UNION ALL
      SELECT (SELECT min(account) FROM payment WHERE livemode = $1 AND account > a.account) FROM a
      WHERE a.account IS NOT NULL)
    SELECT account FROM a WHERE account IS NOT NULL`,
    [livemode],
  );
  return rows.map(({ account }) => account);
}

const CHECKED = `p.livemode = $1 AND p.id > $2 AND ($3 = '' OR p.external_id = $3)
  AND ($3 <> '' OR (p.born_at >= $4::timestamptz AND p.born_at < $5::timestamptz))`;
/** Paid, and not wholly given back. */
const KEPT = (p: string): string =>
  `${p}.state = 'succeeded' AND ${p}.refunded_minor < ${p}.received_minor`;

const CHECKS: Readonly<Partial<Record<DiscrepancyKind, string>>> = {
  charged_twice: `${KEPT("p")} AND EXISTS (SELECT 1 FROM payment q WHERE q.order_ref = p.order_ref
    AND q.account = p.account AND q.livemode = p.livemode AND ${KEPT("q")}
    AND (coalesce(q.paid_at, q.created_at), q.id) < (coalesce(p.paid_at, p.created_at), p.id))`,
  paid_without_entitlement: `${KEPT("p")} AND p.user_ref IS NOT NULL AND p.invoice_ref IS NULL AND p.paid_at IS NOT NULL
    AND p.override IS NULL AND NOT EXISTS (SELECT 1 FROM entitlement e WHERE e.payment_id = p.id)`,
  entitlement_without_payment: `EXISTS (SELECT 1 FROM entitlement e WHERE e.payment_id = p.id AND e.status = 'active')
    AND p.state <> 'succeeded' AND p.override IS NULL`,
};

/** Payments of the run's range that do not fit with the rest of the ledger, in the order of their rows. */
export async function misfits(
  database: Database,
  run: Reconciliation,
  { kind, after, limit }: { kind: DiscrepancyKind; after: string; limit: number },
): Promise<Payment[]> {
  const rows = await database.query<Rowed<Payment>>(
    `SELECT ${TABLE_SQL.payment.json} AS row FROM (SELECT p.* FROM payment p
      WHERE ${CHECKED} AND ${CHECKS[kind] ?? "false"} ORDER BY p.id LIMIT $6) t`,
    [run.livemode, after, run.onlyRef, isoOf(run.rangeFrom), isoOf(run.rangeTo), limit],
  );
  return rows.map(({ row }) => row);
}

/** Closes what an earlier run found of this kind in the range, and this one did not. */
export async function closeUnfound(
  database: Database,
  run: Reconciliation,
  { kind, now }: { kind: DiscrepancyKind; now: Instant },
): Promise<void> {
  await database.query(
    `UPDATE discrepancy d SET status = 'healed', closed_at = $6, updated_at = $6, version = d.version + 1
    FROM payment p WHERE d.status = 'open' AND d.kind = $7 AND d.last_run_id <> $8 AND d.object_kind = 'payment'
      AND p.external_id = d.external_id AND p.account = d.account AND p.livemode = d.livemode AND ${CHECKED}`,
    [
      run.livemode,
      "",
      run.onlyRef,
      isoOf(run.rangeFrom),
      isoOf(run.rangeTo),
      isoOf(now),
      kind,
      run.id,
    ],
  );
}
