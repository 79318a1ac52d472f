import type { EventRow } from "../domain/event.js";
import type { PlanTable, PlanTables } from "../domain/plan.js";
import { Batches } from "./batches.js";
import { toStorableJson } from "./clean.js";
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

/** A load as it is sent: its text, and its parameters by the names that the text has for them. */
interface Asked {
  text: string;
  parameters: Readonly<Record<string, unknown>>;
}
type Row = Record<string, unknown>;

const waiting = new WeakMap<Database, Batches<Asked, Row>>();

function batchesOf(database: Database): Batches<Asked, Row> {
  const known = waiting.get(database);
  if (known !== undefined) return known;
  const made = new Batches<Asked, Row>({
    async run(asked) {
      const rows = asked.map(({ parameters }, n) => ({ ...parameters, n }));
      const found = await database.query<Row>(asked[0]?.text ?? "", [toStorableJson(rows)]);
      return found.sort((a, b) => Number(a.n) - Number(b.n));
    },
    companions: (first) => (next) => next.text === first.text,
  });
  waiting.set(database, made);
  return made;
}

/** Null is taken for a text, as every column is that a decision looks for without knowing it. */
function typeOf(value: unknown): "text" | "boolean" | "bigint" {
  if (value === null || typeof value === "string") return "text";
  if (typeof value === "boolean") return "boolean";
  if (Number.isSafeInteger(value)) return "bigint";
  throw new Error(`a read cannot look for a ${typeof value}`);
}

/**
 * All reads in one round trip: one row whose columns are the answers. Loads of the same text that come
 * while others are under way share a statement: a row of parameters, and one of answers, for each.
 */
export async function load<R extends Reads>(database: Database, reads: R): Promise<RowsOf<R>> {
  const parameters: Record<string, unknown> = {};
  const types = ["n integer"];
  const columns = Object.entries(reads).map(([key, { sql, params }]) => {
    let next = 0;
    const named = sql.replace(/\?/g, () => {
      const name = `p${types.length}`;
      const value = params[next];
      parameters[name] = value;
      types.push(`${name} ${typeOf(value)}`);
      next += 1;
      return `r.${name}`;
    });
    if (next !== params.length) throw new Error(`read ${key} has ${params.length} parameters`);
    return `(${named}) AS "${key}"`;
  });
  const text = `SELECT r.n, ${columns.join(", ")} FROM jsonb_to_recordset($1::jsonb) AS r(${types.join(", ")})`;
  return (await batchesOf(database).add({ text, parameters })) as RowsOf<R>;
}
