import type { SourceHold } from "../domain/hold.js";
import { type Instant, isoOf } from "../domain/time.js";
import type { Database } from "./database.js";
import { TABLE_SQL } from "./tables.js";

/** The hold of a source, or the last one that there was. */
export async function lastHold(database: Database, source: string): Promise<SourceHold | null> {
  const rows = await database.query<{ row: SourceHold }>(
    `SELECT ${TABLE_SQL.sourceHold.json} AS row FROM (SELECT * FROM source_hold WHERE source = $1
     ORDER BY held_at DESC, id DESC LIMIT 1) t`,
    [source],
  );
  return rows[0]?.row ?? null;
}

/** Who is to be told, each address once. */
export interface Told<Locale> {
  recipient: string;
  locale: Locale;
  userName: string | null;
}

const UNDER_WAY = `SELECT DISTINCT ON (p.email) p.email AS recipient, p.locale, p.name AS "userName"
FROM payment p
WHERE p.state IN ('pending', 'action_required', 'processing', 'authorized') AND p.email IS NOT NULL
  AND coalesce(p.born_at, p.created_at) >= $1
  AND NOT EXISTS (SELECT 1 FROM notice n
    WHERE n.cause = $2 AND n.template = 'payments-paused' AND n.recipient = p.email AND n.channel = 'email')
ORDER BY p.email, p.id DESC LIMIT $3`;

/** Payers whose payment was begun since `from` and has not ended, and who were not told of this cause. */
export async function underWay(
  database: Database,
  { from, cause, limit }: { from: Instant; cause: string; limit: number },
): Promise<Told<string | null>[]> {
  return database.query(UNDER_WAY, [isoOf(from), cause, limit]);
}

const TOLD_OF_PAUSE = `SELECT t.recipient, t.locale, t.data->>'userName' AS "userName" FROM notice t
WHERE t.cause = $1 AND t.template = 'payments-paused' AND t.channel = 'email'
  AND NOT EXISTS (SELECT 1 FROM notice n
    WHERE n.cause = t.cause AND n.template = 'payments-resumed' AND n.recipient = t.recipient AND n.channel = t.channel)
ORDER BY t.recipient LIMIT $2`;

/** Whom the pause was told, and not yet its end. */
export async function toldOfPause(
  database: Database,
  { cause, limit }: { cause: string; limit: number },
): Promise<Told<string>[]> {
  return database.query(TOLD_OF_PAUSE, [cause, limit]);
}
