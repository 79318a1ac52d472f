import type { PlanTable } from "../domain/plan.js";
import { ATTEMPT_SQL, EVENT_SQL, TABLE_SQL } from "./tables.js";

/**
 * Rows travel in a statement's parameter as lists of their values: as objects, a third of it would be the names of
 * their fields, and reading it a quarter of the statement.
 */
interface Layout {
  /** The field and its type of each value, behind the first, which is the number of the row's plan. */
  columns: readonly (readonly [field: string, type: string])[];
}

/** @param recordset `"id" text, "paidAt" float8` */
const layoutOf = (recordset: string): Layout => ({
  columns: recordset.split(", ").map((column) => {
    const [field = "", type = ""] = column.split(" ");
    return [field.replaceAll('"', ""), type] as const;
  }),
});

const LAYOUTS = {
  plans: layoutOf("locked integer, eventId text, headers jsonb, from integer, bytes integer"),
  locks: layoutOf("id text, version integer"),
  ids: layoutOf("id text"),
  events: layoutOf(EVENT_SQL.recordset),
  attempts: layoutOf(ATTEMPT_SQL.recordset),
} as const;
const TABLES = new Map<PlanTable, Layout>();

export type Listed = PlanTable | keyof typeof LAYOUTS;

function layout(of: Listed): Layout {
  if (Object.hasOwn(LAYOUTS, of)) return LAYOUTS[of as keyof typeof LAYOUTS];
  const table = of as PlanTable;
  const known = TABLES.get(table) ?? layoutOf(TABLE_SQL[table].recordset);
  TABLES.set(table, known);
  return known;
}

/** The row's values, in the order in which `rowsIn` reads them. */
export function listed(of: Listed, row: object, p: number): unknown[] {
  const values: unknown[] = [p];
  for (const [field] of layout(of).columns) values.push((row as Record<string, unknown>)[field]);
  return values;
}

function valueSql(type: string, place: number): string {
  if (type === "text") return `e ->> ${place}`;
  // JSON's null is no value of a column.
  return type === "jsonb" ? `nullif(e -> ${place}, 'null')` : `(e ->> ${place})::${type}`;
}

/** The rows of all plans under a path of the parameter, by the names of their fields; each says by `p` whose it is. */
export function rowsIn(path: string, of: Listed, limit: number): string {
  const columns = layout(of).columns.map(
    ([field, type], i) => `${valueSql(type, i + 1)} AS "${field}"`,
  );
  return `(SELECT (e ->> 0)::integer AS p, ${columns.join(", ")}
    FROM jsonb_array_elements($1::jsonb #> '{${path}}') AS e LIMIT ${limit})`;
}
