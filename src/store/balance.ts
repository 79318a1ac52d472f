import { OWN_VERIFIERS } from "../domain/event.js";
import { ID_PREFIX } from "../domain/ids.js";
import { OWN_LABELS } from "../domain/metric.js";
import { type Instant, isoOf } from "../domain/time.js";
import { toStorableJson } from "./clean.js";
import type { Database } from "./database.js";

/** How many deliveries the door acknowledged in a minute; by source, and of all under our own label. */
export const ACKNOWLEDGED = "deliveries_acknowledged";

/** The oldest and the newest minute since then whose counts are kept; null when there is none. */
export async function countedSince(
  database: Database,
  since: Instant,
): Promise<{ first: Instant; last: Instant } | null> {
  const ms = (one: string): string => `(extract(epoch FROM ${one}(minute)) * 1000)::float8`;
  const [row] = await database.query<{ first: number | null; last: number | null }>(
    `SELECT ${ms("min")} AS first, ${ms("max")} AS last FROM metric_minute
    WHERE metric = '${ACKNOWLEDGED}' AND label = '${OWN_LABELS.service}' AND minute >= $1::timestamptz`,
    [isoOf(since)],
  );
  if (row === undefined || row.first === null || row.last === null) return null;
  return { first: row.first, last: row.last };
}

/** The minutes of a source that are looked at: from `from` until before `to`. */
export interface BalanceWindow {
  source: string;
  from: Instant;
  to: Instant;
}

/** A drain's runs and a correction's are under ids of our own; every other is a message's, which has retries. */
const OURS = [ID_PREFIX.run, ID_PREFIX.attempt].map((prefix) => `'${prefix}\\_%'`).join(", ");
const MESSAGE = (id: string): string => `split_part(${id}, ':', 1)`;
/** A worker's clock may be behind the door's by so much. */
const SKEW = "interval '1 minute'";

/**
 * An event that the door has received in the window stands for the message that brought it, and every other message
 * that met it since for another delivery. Of an event that is older, or newer, or did not come to the door, the message
 * that brought it does not count: the first that ran. Of an old event that one may be kept no more; then whichever
 * runs now is another.
 */
const BALANCE = `WITH w AS MATERIALIZED (
  SELECT x.source, x."from", x."to" FROM jsonb_to_recordset($1::jsonb) AS x(source text, "from" timestamptz, "to" timestamptz)),
ran AS MATERIALIZED (
  SELECT e.id, e.source, w."from" - ${SKEW} AS since, e.received_at, array_agg(DISTINCT ${MESSAGE("a.id")}) AS messages,
    e.received_at >= w."from" AND e.received_at < w."to"
      AND coalesce(e.trace ->> 'verifiedBy', '') <> ALL ($3::text[]) AS is_counted
  FROM attempt a JOIN event e ON e.id = a.event_id JOIN w ON w.source = e.source
  WHERE a.started_at >= $2::timestamptz - ${SKEW} AND a.started_at >= w."from" - ${SKEW}
    AND a.id NOT LIKE ALL (ARRAY[${OURS}])
  GROUP BY e.id, w."from", w."to"),
arrived AS (
  SELECT source, sum(cardinality(messages) - CASE WHEN is_counted THEN 0 ELSE (
    SELECT (${MESSAGE("f.id")} = ANY (ran.messages) AND ran.received_at >= since - interval '1 day')::int
    FROM attempt f WHERE f.event_id = ran.id ORDER BY f.started_at, f.id LIMIT 1) END) AS n
  FROM ran GROUP BY source)
SELECT w.source, coalesce(arrived.n, 0)::int AS arrived, (
  SELECT coalesce(sum(m.value), 0)::int FROM metric_minute m WHERE m.metric = '${ACKNOWLEDGED}' AND m.label = w.source
    AND m.minute >= w."from" AND m.minute < w."to") AS acknowledged
FROM w LEFT JOIN arrived ON arrived.source = w.source ORDER BY w.source`;

/**
 * How many deliveries the door has acknowledged in each window, and how many messages came to a worker that may be
 * theirs: those of the window itself, and all that met an event that was there. Replays and re-drives are among the
 * latter, so these are rather too many than too few.
 */
export async function readBalance(
  database: Database,
  windows: readonly BalanceWindow[],
): Promise<{ source: string; acknowledged: number; arrived: number }[]> {
  if (windows.length === 0) return [];
  const given = windows.map(({ source, from, to }) => ({
    ...{ source, from: isoOf(from), to: isoOf(to) },
  }));
  const first = Math.min(...windows.map(({ from }) => from));
  const own = Object.values(OWN_VERIFIERS);
  return database.query(BALANCE, [toStorableJson(given), isoOf(first), own]) as Promise<never>;
}
