import type { EventRow } from "../domain/event.js";
import type { PlanTable, PlanTables } from "../domain/plan.js";
import type { Database } from "./database.js";
import { EVENT_SQL, TABLE_SQL } from "./tables.js";

/** Rows of one kind that a decision wants to see. `?` stands for the parameters, in order. */
export interface Read<Row> {
  /** Only names the type of the rows. */
  readonly row?: Row;
  readonly sql: string;
  readonly params: readonly unknown[];
}
export type Reads = Record<string, Read<unknown>>;
export type RowsOf<R extends Reads> = {
  [K in keyof R]: R[K] extends Read<infer Row> ? Row[] : never;
};

/** More rows than a decision can want. */
const ROWS_MAX = 200;

/** @param where over the alias `t`; @param from joins, when the rows hang on another table. */
export function read<T extends PlanTable>(
  table: T,
  where: string,
  params: readonly unknown[],
  options: { join?: string; orderBy?: string; limit?: number } = {},
): Read<PlanTables[T]> {
  const { name, json } = TABLE_SQL[table];
  const order = options.orderBy === undefined ? "" : ` ORDER BY ${options.orderBy}`;
  const rows = `SELECT t.* FROM ${name} t ${options.join ?? ""} WHERE ${where}${order} LIMIT ${options.limit ?? ROWS_MAX}`;
  return { sql: `SELECT coalesce(json_agg(${json}), '[]') FROM (${rows}) t`, params };
}

export function readEvent(where: string, params: readonly unknown[]): Read<EventRow> {
  const rows = `SELECT t.* FROM event t WHERE ${where} LIMIT 1`;
  return { sql: `SELECT coalesce(json_agg(${EVENT_SQL.json}), '[]') FROM (${rows}) t`, params };
}

/** All reads in one round trip: one row whose columns are the answers. */
export async function load<R extends Reads>(database: Database, reads: R): Promise<RowsOf<R>> {
  const values: unknown[] = [];
  const columns = Object.entries(reads).map(([key, { sql, params }]) => {
    let next = 0;
    const numbered = sql.replace(/\?/g, () => {
      values.push(params[next]);
      next += 1;
      return `$${values.length}`;
    });
    if (next !== params.length) throw new Error(`read ${key} has ${params.length} parameters`);
    return `(${numbered}) AS "${key}"`;
  });
  const rows = await database.query<RowsOf<R>>(`SELECT ${columns.join(", ")}`, values);
  const row = rows[0];
  if (row === undefined) throw new Error("a load without FROM must give one row");
  return row;
}
