import type { Entitlement } from "../domain/entitlement.js";
import type { ApiKey } from "../domain/operator.js";
import { type Instant, isoOf } from "../domain/time.js";
import { acceptKey, KEY, keyHashOf } from "./api-keys.js";
import type { Database } from "./database.js";
import { ENTITLEMENTS_MAX } from "./load.js";
import { TABLE_SQL } from "./tables.js";

export interface EntitlementsOf {
  userRef: string;
  livemode: boolean;
  /** Null: of all accounts. */
  account: string | null;
}

/** What never ends or ends last comes first. */
const READ = `SELECT
  (SELECT ${TABLE_SQL.apiKey.json} FROM api_key t WHERE t.key_hash = $1) AS key,
  (SELECT coalesce(json_agg(${TABLE_SQL.entitlement.json}), '[]') FROM (
    SELECT e.* FROM entitlement e WHERE e.user_ref = $2 AND e.livemode = $3 AND ($4::text IS NULL OR e.account = $4)
    ORDER BY e.ends_at DESC NULLS FIRST, e.id LIMIT ${ENTITLEMENTS_MAX}) t) AS rows`;

/**
 * What a user has, and the key of whoever asks, in one query.
 *
 * @param given the key's text; null when none is asked for.
 * @returns `key` null when the text is of no key that may be used.
 * @throws Transient when the database is not to be had.
 */
export async function readEntitlements(
  database: Database,
  given: string | null,
  { userRef, livemode, account }: EntitlementsOf,
  now: Instant,
): Promise<{ key: ApiKey | null; rows: Entitlement[] }> {
  const hash = given !== null && KEY.test(given) ? keyHashOf(given) : "";
  const values = [hash, userRef, livemode, account];
  const [found] = await database.query<{ key: ApiKey | null; rows: Entitlement[] }>(READ, values);
  if (found === undefined) throw new Error("a SELECT of two columns gives one row");
  return { key: await acceptKey(database, found.key, hash, now), rows: found.rows };
}

export type EntitlementKey = Pick<Entitlement, "account" | "livemode" | "userRef" | "packageRef">;

/** Nothing is told of an end that another one covers: what is paid for twice in a row ends at the end of the second. */
const DUE = `SELECT e.id, e.account, e.livemode, e.user_ref AS "userRef", e.package_ref AS "packageRef",
  (extract(epoch FROM e.ends_at) * 1000)::float8 AS "endsAt"
FROM entitlement e
WHERE e.status = 'active' AND e.ends_at IS NOT NULL
  AND e.ends_at <= $1::timestamptz + (SELECT coalesce(max(d), 0) FROM unnest($2::int[]) d) * interval '24 hours'
  AND ($3::timestamptz IS NULL OR (e.ends_at, e.id) > ($3::timestamptz, $4))
  AND (e.ends_at <= $1::timestamptz OR (e.payment_id IS NOT NULL
    AND EXISTS (SELECT 1 FROM unnest($2::int[]) d
      WHERE e.ends_at <= $1::timestamptz + d * interval '24 hours' AND (e.warned_days IS NULL OR e.warned_days > d))
    AND NOT EXISTS (SELECT 1 FROM entitlement o
      WHERE o.account = e.account AND o.livemode = e.livemode AND o.user_ref = e.user_ref AND o.package_ref = e.package_ref
        AND o.status = 'active' AND o.starts_at <= e.ends_at AND (o.ends_at IS NULL OR o.ends_at > e.ends_at))))
ORDER BY e.ends_at, e.id LIMIT $5`;

/**
 * Entitlements whose end has come, or of whose end their user is to be reminded; the ones that end first come first.
 *
 * @param after the last one of the page before.
 */
export async function dueEntitlements(
  database: Database,
  {
    now,
    warnDays,
    after,
    limit,
  }: {
    now: Instant;
    warnDays: readonly number[];
    after: { endsAt: Instant; id: string } | null;
    limit: number;
  },
): Promise<(EntitlementKey & { id: string; endsAt: Instant })[]> {
  const from = after === null ? [null, null] : [isoOf(after.endsAt), after.id];
  return database.query(DUE, [isoOf(now), warnDays, ...from, limit]);
}
