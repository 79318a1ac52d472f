import type { Plan, PlanTable } from "../domain/plan.js";
import { rowsIn } from "./row-lists.js";
import { ATTEMPT_SQL, columnOf, EVENT_SQL, TABLE_SQL, type TableSql } from "./tables.js";

/** More rows of one kind in one plan is a defect, not a workload: no decision reads more than 2,000 (see `load`). */
const ROWS_MAX = 2_500;
/** The planner takes a recordset for 100 rows and then scans; a LIMIT tells it better, in few texts. */
const ROWS_LIMITS = [8, 64, 20 * ROWS_MAX] as const;

/** `new`: they come with a new event. `missing`: kept unless some are. `none`: there are none to keep. */
export type BodyOf = "new" | "missing" | "none";

/** Which tables a plan touches and how: plans of one shape may share a statement. */
export interface Shape {
  claimsEvent: boolean;
  /** What to do with the event's bytes: see `BodyOf`. */
  body: BodyOf;
  inserts: readonly PlanTable[];
  updates: readonly PlanTable[];
  locks: readonly PlanTable[];
  /** What must not be there, and by which fields it would be known. */
  absences: readonly { table: PlanTable; fields: readonly string[] }[];
  completes: boolean;
  discards: boolean;
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

/** The most rows of one kind that a plan has. */
export function mostRowsOf(plan: Plan): number {
  const { inserts, updates, expects, absences } = plan;
  // Updated and expected rows of one table are locked together.
  const kinds = [inserts, updates, expects, absences, locksOf(plan)].flatMap((rows) =>
    Object.values(rows),
  );
  const counts = kinds.map((rows: readonly unknown[]) => rows.length);
  const most = Math.max(plan.completes.length, plan.discards.length, ...counts, 1);
  if (most > ROWS_MAX) throw new Error(`a plan of ${most} rows in one table; ${ROWS_MAX} at most`);
  return most;
}

/** @throws Error when they differ: the statement compares the same columns for all of a table. */
function fieldsOf(table: PlanTable, absent: readonly object[]): string[] {
  const [fields = "", ...others] = absent.map((row) => Object.keys(row).sort().join());
  if (others.some((other) => other !== fields)) {
    throw new Error(`a plan rests on the absence of ${table} by different fields`);
  }
  return fields.split(",");
}

/** @param body null for a plan without a claim. */
export function shapeOf(plan: Plan, body: BodyOf | null): Shape {
  return {
    claimsEvent: body !== null,
    body: body ?? "none",
    inserts: keysWithRows(plan.inserts),
    updates: keysWithRows(plan.updates),
    locks: keysWithRows(locksOf(plan)),
    absences: keysWithRows(plan.absences).map((table) => ({
      table,
      fields: fieldsOf(table, plan.absences[table] ?? []),
    })),
    completes: plan.completes.length > 0,
    discards: plan.discards.length > 0,
  };
}

/**
 * `ON CONFLICT DO UPDATE … WHERE runnable`: a failed or held event can be claimed again, a finished one
 * never. The row's lock, held until the commit, is what makes a second worker wait and then find nothing.
 * In the order of their keys: two statements with the same events wait for one another, never in a circle.
 *
 * Whether its source is held decides with it: a plan that makes effects is not claimed under a hold, and one that
 * only keeps the event is not claimed without. `FOR KEY SHARE` is what makes that true of the commit and not
 * only of the statement's beginning: it locks the table in ROW SHARE before the statement's snapshot is taken,
 * so a hold, which takes the table's EXCLUSIVE lock (see `changeHolds`), waits for the claims that are under way,
 * and those that come after it see it. On a day without a hold no row is there to lock, and none is written.
 */
function claimCtes(limit: number): string[] {
  return [
    `claim AS (
  INSERT INTO event AS e (${EVENT_SQL.columns.join(", ")})
  SELECT ${EVENT_SQL.values.join(", ")}
  FROM ${rowsIn("events", "events", limit)} x
  WHERE (x.status = 'held') = EXISTS (SELECT 1 FROM source_hold h
    WHERE h.source = x.source AND h.released_at IS NULL AND NOT jsonb_exists(h.let_through, x.id)
    FOR KEY SHARE)
  ORDER BY x.source, x."eventKey"
  ON CONFLICT ON CONSTRAINT event_source_event_key_key DO UPDATE SET
    status = excluded.status, processed_at = excluded.processed_at, type = excluded.type,
    error_code = excluded.error_code, error_message = excluded.error_message, trace = excluded.trace
  WHERE e.id = excluded.id AND e.status IN ('received', 'held', 'dead')
  RETURNING e.id, (xmax = 0) AS inserted)`,
    `claimed AS MATERIALIZED (SELECT q.p, claim.id, claim.inserted
  FROM claim JOIN ${rowsIn("plans", "plans", limit)} q ON q."eventId" = claim.id)`,
  ];
}

/** Locks in the order of table and id, whoever comes: the order in which CTEs run is not promised. */
function lockCtes(shape: Shape, limit: number): string[] {
  let before = shape.claimsEvent ? "(SELECT count(*) FROM claimed) >= 0" : "true";
  return shape.locks.map((table) => {
    const { name } = TABLE_SQL[table];
    const cte = `lock_${name} AS MATERIALIZED (
  SELECT x.p FROM ${name} t
  JOIN ${rowsIn(`locks,${table}`, "locks", limit)} x
    ON t.id = x.id AND t.version = x.version
  WHERE ${before}${shape.claimsEvent ? " AND x.p IN (SELECT p FROM claimed)" : ""}
  ORDER BY t.id FOR UPDATE OF t)`;
    before = `(SELECT count(*) FROM lock_${name}) >= 0`;
    return cte;
  });
}

const absence = ({ table, fields }: Shape["absences"][number], limit: number): string => {
  const { name } = TABLE_SQL[table];
  const same = fields.map((field) => `t.${columnOf(field)} = x."${field}"`);
  return `NOT EXISTS (SELECT 1 FROM ${rowsIn(`absences,${table}`, table, limit)} x
    JOIN ${name} t ON ${same.join(" AND ")} WHERE x.p = q.p)`;
};

/**
 * For each plan: true when its event was claimed, none of its rows has moved, and what it thought absent is;
 * false when it was not claimed. Raises when that is not so: what was claimed beside it is undone too.
 */
function guardCte(shape: Shape, limit: number): string {
  const locked = shape.locks.map(
    (table) => `(SELECT count(*) FROM lock_${TABLE_SQL[table].name} l WHERE l.p = q.p)`,
  );
  const unclaimed = shape.claimsEvent ? "WHEN claimed.id IS NULL THEN false" : "";
  const held = [
    ...(locked.length === 0 ? [] : [`${locked.join(" + ")} = q.locked`]),
    ...shape.absences.map((one) => absence(one, limit)),
  ];
  return `guard AS MATERIALIZED (
  SELECT q.p, CASE ${unclaimed} WHEN ${held.join(" AND ") || "true"} THEN true ELSE signalbox_moved() END AS ok
  FROM ${rowsIn("plans", "plans", limit)} q
  ${shape.claimsEvent ? "LEFT JOIN claimed ON claimed.p = q.p" : ""})`;
}

const KEEP_BODY: Readonly<Record<BodyOf, string>> = {
  new: "claimed.inserted",
  missing: "NOT EXISTS (SELECT 1 FROM event_body b WHERE b.event_id = claimed.id)",
  none: "false",
};

/** All plans' bytes are one parameter: an array of them would travel as text, twice as long. */
function eventCtes(body: BodyOf, limit: number): string[] {
  return [
    `body AS (INSERT INTO event_body (event_id, headers, body)
  SELECT claimed.id, q.headers, substr($2::bytea, q."from", q.bytes)
  FROM guard JOIN claimed ON claimed.p = guard.p
  JOIN ${rowsIn("plans", "plans", limit)} q ON q.p = guard.p
  WHERE guard.ok AND ${KEEP_BODY[body]})`,
    `attempted AS (INSERT INTO attempt (${ATTEMPT_SQL.columns.join(", ")})
  SELECT ${ATTEMPT_SQL.values.join(", ")}
  FROM guard JOIN ${rowsIn("attempts", "attempts", limit)} x ON x.p = guard.p WHERE guard.ok
  ON CONFLICT (id) DO NOTHING)`,
  ];
}

function insertCte(table: PlanTable, sql: TableSql, limit: number): string {
  return `insert_${sql.name} AS (INSERT INTO ${sql.name} (${sql.columns.join(", ")})
  SELECT ${sql.values.join(", ")}
  FROM guard JOIN ${rowsIn(`inserts,${table}`, table, limit)} x ON x.p = guard.p
  WHERE guard.ok)`;
}

function updateCte(table: PlanTable, sql: TableSql, limit: number): string {
  const set = sql.columns
    .map((column, i) => [column, sql.values[i]] as const)
    .filter(([column]) => column !== "id")
    .map(([column, value]) => `${column} = ${column === "version" ? "t.version + 1" : value}`);
  return `update_${sql.name} AS (UPDATE ${sql.name} t SET ${set.join(", ")}
  FROM guard JOIN ${rowsIn(`updates,${table}`, table, limit)} x ON x.p = guard.p
  WHERE guard.ok AND t.id = x.id)`;
}

/** The ids of a list of the plans that are written. */
const idsOf = (path: string, limit: number): string =>
  `(SELECT x.id FROM guard JOIN ${rowsIn(path, "ids", limit)} x ON x.p = guard.p WHERE guard.ok)`;

/**
 * Plans of one shape as one statement: claim, locks, guard, then one CTE per table and verb. Answers with a
 * row for each plan: `p`, and `ok` when it is written. Fails as a whole.
 *
 * @param rows so many of one kind at most, over all plans.
 */
export function statementOf(shape: Shape, rows: number): string {
  const limit = rowsLimitOf(rows);
  const ctes = [
    ...(shape.claimsEvent ? claimCtes(limit) : []),
    ...lockCtes(shape, limit),
    guardCte(shape, limit),
    ...(shape.claimsEvent ? eventCtes(shape.body, limit) : []),
    ...shape.inserts.map((table) => insertCte(table, TABLE_SQL[table], limit)),
    ...shape.updates.map((table) => updateCte(table, TABLE_SQL[table], limit)),
    ...(shape.completes
      ? [`completed AS (DELETE FROM outbox t WHERE t.id IN ${idsOf("completes", limit)})`]
      : []),
    ...(shape.discards
      ? [
          `discarded AS (UPDATE event t SET status = 'discarded'
  WHERE t.status IN ('received', 'dead', 'held') AND t.id IN ${idsOf("discards", limit)})`,
        ]
      : []),
  ];
  return `WITH ${ctes.join(",\n")}\nSELECT p, ok FROM guard`;
}

/** Statements of the same limit have the same text. */
export function rowsLimitOf(rows: number): number {
  const limit = ROWS_LIMITS.find((one) => rows <= one);
  if (limit === undefined) throw new Error(`a statement of ${rows} rows in one table`);
  return limit;
}
