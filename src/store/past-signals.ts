import type { Alert } from "../domain/incident.js";
import type { Instant } from "../domain/time.js";
import type { Database } from "./database.js";
import { TABLE_SQL } from "./tables.js";

/** A signal that raised an alert once, with what is kept of its event. */
export interface PastSignal {
  id: string;
  eventId: string;
  at: Instant;
  receivedAt: Instant;
  title: string;
  alert: Alert;
  headers: Record<string, string> | null;
  /** Null when it is kept no more. */
  body: Uint8Array<ArrayBuffer> | null;
}

interface PastRow {
  id: string;
  eventId: string;
  at: string;
  receivedAt: string;
  title: string;
  alert: Alert;
  headers: Record<string, string> | null;
  body: Buffer | null;
}

const SQL = `SELECT s.id, s.event_id AS "eventId", s.title,
    (extract(epoch FROM s.occurred_at) * 1000)::bigint::text AS at,
    (extract(epoch FROM e.received_at) * 1000)::bigint::text AS "receivedAt",
    ${TABLE_SQL.alert.json} AS alert, b.headers, b.body
  FROM signal s JOIN alert t ON t.id = s.alert_id JOIN event e ON e.id = s.event_id
  LEFT JOIN LATERAL (SELECT headers, body FROM event_body WHERE event_id = s.event_id
    ORDER BY recorded_at LIMIT 1) b ON true
  WHERE s.kind = 'raised' AND s.occurred_at >= to_timestamp($1::float8 / 1000)
    AND (s.occurred_at, s.id) > (to_timestamp($2::float8 / 1000), $3)
  ORDER BY s.occurred_at, s.id LIMIT $4`;

/** Signals that raised something since then, oldest first. @throws Transient */
export async function pastSignals(
  database: Database,
  { since, after, limit }: { since: Instant; after: PastSignal | null; limit: number },
): Promise<PastSignal[]> {
  const params = [since, after?.at ?? 0, after?.id ?? "", limit];
  const rows = await database.query<PastRow>(SQL, params);
  return rows.map(({ at, receivedAt, body, ...row }) => ({
    ...row,
    at: Number(at),
    receivedAt: Number(receivedAt),
    body: body === null ? null : Uint8Array.from(body),
  }));
}
