import type { Plan, PlanTable } from "../domain/plan.js";
import { ATTEMPT_SQL, EVENT_SQL, TABLE_SQL, type TableSql } from "./tables.js";

/** More rows of one kind in one plan is a defect, not a workload. */
const ROWS_MAX = 1_000;

/** `new`: they come with a new event. `missing`: kept unless some are. `none`: there are none to keep. */
export type BodyOf = "new" | "missing" | "none";

/** Which tables a plan touches and how: one prepared text per shape. */
export interface Shape {
  claimsEvent: boolean;
  /** What to do with the event's bytes: see `BodyOf`. */
  body: BodyOf;
  inserts: readonly PlanTable[];
  updates: readonly PlanTable[];
  locks: readonly PlanTable[];
  completes: boolean;
  discards: boolean;
  /** The planner takes a recordset for 100 rows and then scans; a LIMIT tells it better. */
  rowsLimit: number;
}

const keysWithRows = (rows: Record<string, readonly unknown[] | undefined>): PlanTable[] =>
  (Object.keys(rows) as PlanTable[]).filter((table) => (rows[table]?.length ?? 0) > 0).sort();

/** The rows to lock, by table: everything updated or expected, each with the version that was read. */
export function locksOf(plan: Plan): Record<string, { id: string; version: number }[]> {
  const locks: Record<string, { id: string; version: number }[]> = {};
  for (const rows of [plan.updates, plan.expects] as Record<
    string,
    { id: string; version: number }[]
  >[]) {
    for (const [table, list] of Object.entries(rows)) {
      const into = locks[table] ?? [];
      locks[table] = into;
      for (const { id, version } of list) {
        if (!into.some((row) => row.id === id)) into.push({ id, version });
      }
    }
  }
  return locks;
}

/** @param body null for a plan without a claim. */
export function shapeOf(plan: Plan, body: BodyOf | null): Shape {
  const counts = [...Object.values(plan.inserts), ...Object.values(plan.updates)].map(
    (rows) => rows?.length ?? 0,
  );
  const most = Math.max(plan.completes.length, ...counts, 0);
  if (most > ROWS_MAX) throw new Error(`a plan of ${most} rows in one table; ${ROWS_MAX} at most`);
  return {
    claimsEvent: body !== null,
    body: body ?? "none",
    inserts: keysWithRows(plan.inserts),
    updates: keysWithRows(plan.updates),
    locks: keysWithRows(locksOf(plan)),
    completes: plan.completes.length > 0,
    discards: plan.discards.length > 0,
    rowsLimit: most <= 8 ? 8 : ROWS_MAX,
  };
}

const recordset = (path: string, columns: string, limit: number): string =>
  `(SELECT * FROM jsonb_to_recordset($1::jsonb #> '{${path}}') AS r(${columns}) LIMIT ${limit}) x`;

/**
 * `ON CONFLICT DO UPDATE … WHERE runnable`: a failed or held event can be claimed again, a finished one
 * never. The row's lock, held until the commit, is what makes a second worker wait and then find nothing.
 */
function claimCte(): string {
  return `claim AS (
  INSERT INTO event AS e (${EVENT_SQL.columns.join(", ")})
  SELECT ${EVENT_SQL.values.join(", ")}
  FROM jsonb_to_record($1::jsonb -> 'event') AS x(${EVENT_SQL.recordset})
  ON CONFLICT ON CONSTRAINT event_source_event_key_key DO UPDATE SET
    status = excluded.status, processed_at = excluded.processed_at, type = excluded.type,
    error_code = excluded.error_code, error_message = excluded.error_message, trace = excluded.trace
  WHERE e.id = excluded.id AND e.status IN ('received', 'held', 'dead')
  RETURNING e.id, (xmax = 0) AS inserted)`;
}

/** Locks in the order of table and id, whoever comes: the order in which CTEs run is not promised. */
function lockCtes(shape: Shape): string[] {
  let before = shape.claimsEvent ? "(SELECT count(*) FROM claim) = 1" : "true";
  return shape.locks.map((table) => {
    const cte = `lock_${TABLE_SQL[table].name} AS MATERIALIZED (
  SELECT t.id FROM ${TABLE_SQL[table].name} t
  JOIN ${recordset(`locks,${table}`, "id text, version integer", shape.rowsLimit)}
    ON t.id = x.id AND t.version = x.version
  WHERE ${before}
  ORDER BY t.id FOR UPDATE OF t)`;
    before = `(SELECT count(*) FROM lock_${TABLE_SQL[table].name}) >= 0${shape.claimsEvent ? " AND (SELECT count(*) FROM claim) = 1" : ""}`;
    return cte;
  });
}

/** True when the event was claimed and no row has moved; raises when one has; false when not claimed. */
function guardCte(shape: Shape): string {
  const locked = shape.locks.map((t) => `(SELECT count(*) FROM lock_${TABLE_SQL[t].name})`);
  const unclaimed = shape.claimsEvent ? "WHEN (SELECT count(*) FROM claim) = 0 THEN false" : "";
  const held =
    locked.length === 0 ? "true" : `${locked.join(" + ")} = ($1::jsonb ->> 'locked')::int`;
  return `guard AS MATERIALIZED (
  SELECT CASE ${unclaimed} WHEN ${held} THEN true ELSE signalbox_moved() END AS ok)`;
}

const KEEP_BODY: Readonly<Record<BodyOf, string>> = {
  new: "claim.inserted",
  missing: "NOT EXISTS (SELECT 1 FROM event_body b WHERE b.event_id = claim.id)",
  none: "false",
};

function eventCtes(body: BodyOf): string[] {
  return [
    `body AS (INSERT INTO event_body (event_id, headers, body)
  SELECT claim.id, $1::jsonb -> 'headers', $2::bytea FROM claim, guard WHERE guard.ok AND ${KEEP_BODY[body]})`,
    `attempted AS (INSERT INTO attempt (${ATTEMPT_SQL.columns.join(", ")})
  SELECT ${ATTEMPT_SQL.values.join(", ")}
  FROM guard, jsonb_to_record($1::jsonb -> 'attempt') AS x(${ATTEMPT_SQL.recordset}) WHERE guard.ok
  ON CONFLICT (id) DO NOTHING)`,
  ];
}

function insertCte(table: PlanTable, sql: TableSql, limit: number): string {
  return `insert_${sql.name} AS (INSERT INTO ${sql.name} (${sql.columns.join(", ")})
  SELECT ${sql.values.join(", ")}
  FROM guard, ${recordset(`inserts,${table}`, sql.recordset, limit)} WHERE guard.ok)`;
}

function updateCte(table: PlanTable, sql: TableSql, limit: number): string {
  const set = sql.columns
    .map((column, i) => [column, sql.values[i]] as const)
    .filter(([column]) => column !== "id")
    .map(([column, value]) => `${column} = ${column === "version" ? "t.version + 1" : value}`);
  return `update_${sql.name} AS (UPDATE ${sql.name} t SET ${set.join(", ")}
  FROM guard, ${recordset(`updates,${table}`, sql.recordset, limit)} WHERE guard.ok AND t.id = x.id)`;
}

/** The whole plan as one statement: claim, locks, guard, then one CTE per table and verb. */
export function statementOf(shape: Shape): string {
  const ctes = [
    ...(shape.claimsEvent ? [claimCte()] : []),
    ...lockCtes(shape),
    guardCte(shape),
    ...(shape.claimsEvent ? eventCtes(shape.body) : []),
    ...shape.inserts.map((table) => insertCte(table, TABLE_SQL[table], shape.rowsLimit)),
    ...shape.updates.map((table) => updateCte(table, TABLE_SQL[table], shape.rowsLimit)),
    ...(shape.completes
      ? [
          `completed AS (DELETE FROM outbox t USING guard WHERE guard.ok
  AND t.id IN (SELECT jsonb_array_elements_text($1::jsonb -> 'completes')))`,
        ]
      : []),
    ...(shape.discards
      ? [
          `discarded AS (UPDATE event t SET status = 'discarded' FROM guard WHERE guard.ok
  AND t.status = 'dead' AND t.id IN (SELECT jsonb_array_elements_text($1::jsonb -> 'discards')))`,
        ]
      : []),
  ];
  return `WITH ${ctes.join(",\n")}\nSELECT ok FROM guard`;
}
