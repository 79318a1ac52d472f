import type { Entitlement } from "../domain/entitlement.js";
import type { ApiKey } from "../domain/operator.js";
import type { Instant } from "../domain/time.js";
import { acceptKey, KEY, keyHashOf } from "./api-keys.js";
import type { Database } from "./database.js";
import { TABLE_SQL } from "./tables.js";

export interface EntitlementsOf {
  userRef: string;
  livemode: boolean;
  /** Null: of all accounts. */
  account: string | null;
}

/** Far more than a user buys; what never ends or ends last comes first. */
const ROWS_MAX = 1_000;

const READ = `SELECT
  (SELECT ${TABLE_SQL.apiKey.json} FROM api_key t WHERE t.key_hash = $1) AS key,
  (SELECT coalesce(json_agg(${TABLE_SQL.entitlement.json}), '[]') FROM (
    SELECT e.* FROM entitlement e WHERE e.user_ref = $2 AND e.livemode = $3 AND ($4::text IS NULL OR e.account = $4)
    ORDER BY e.ends_at DESC NULLS FIRST, e.id LIMIT ${ROWS_MAX}) t) AS rows`;

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
