import type { AttemptRow, EventRow } from "../domain/event.js";
import type { PlanTable, PlanTables } from "../domain/plan.js";
import { COMMON_TABLES } from "./common-tables.js";
import { INCIDENT_TABLES } from "./incident-tables.js";
import type { ColumnType, Table } from "./table.js";

export const columnOf = (field: string): string =>
  field.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);

export const PLAN_TABLES: { [T in PlanTable]: Table<PlanTables[T]> } = {
  ...COMMON_TABLES,
  ...INCIDENT_TABLES,
};

export const EVENT: Table<EventRow> = {
  name: "event",
  columns: {
    id: "text",
    source: "text",
    eventKey: "text",
    type: "text",
    status: "text",
    requestId: "text",
    occurredAt: "instant",
    receivedAt: "instant",
    processedAt: "instant",
    errorCode: "text",
    errorMessage: "text",
    trace: "jsonb",
  },
};

export const ATTEMPT: Table<AttemptRow> = {
  name: "attempt",
  columns: {
    id: "text",
    eventId: "text",
    outcome: "text",
    errorCode: "text",
    errorMessage: "text",
    startedAt: "instant",
    durationMs: "integer",
  },
};

/** What the statement builders need of a table, made once at start. */
export interface TableSql {
  name: string;
  columns: readonly string[];
  /** `x.paid_at` turned into what the column takes, in the order of `columns`. */
  values: readonly string[];
  /** `id text, paid_at float8, …`: the recordset of a jsonb array of rows. */
  recordset: string;
  /** The row as json with our own field names, from the alias `t`. */
  json: string;
}

function sqlOf(table: { name: string; columns: Record<string, ColumnType> }): TableSql {
  const fields = Object.entries(table.columns);
  const typed = ([field, type]: [string, ColumnType]): string =>
    `"${field}" ${type === "instant" ? "float8" : type}`;
  const valued = ([field, type]: [string, ColumnType]): string =>
    type === "instant" ? `to_timestamp(x."${field}" / 1000)` : `x."${field}"`;
  const shown = ([field, type]: [string, ColumnType]): string => {
    const column = `t.${columnOf(field)}`;
    const value = type === "instant" ? `(extract(epoch FROM ${column}) * 1000)::bigint` : column;
    return `'${field}', ${value}`;
  };
  return {
    name: table.name,
    columns: fields.map(([field]) => columnOf(field)),
    values: fields.map(valued),
    recordset: fields.map(typed).join(", "),
    json: `json_build_object(${fields.map(shown).join(", ")})`,
  };
}

export const EVENT_SQL = sqlOf(EVENT);
export const ATTEMPT_SQL = sqlOf(ATTEMPT);
export const TABLE_SQL = Object.freeze(
  Object.fromEntries(Object.entries(PLAN_TABLES).map(([key, table]) => [key, sqlOf(table)])),
) as Readonly<Record<PlanTable, TableSql>>;
