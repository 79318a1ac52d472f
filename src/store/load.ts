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
  /** More rows than this are not cut but refused; absent where the read says itself how many it wants. */
  readonly rowsMax?: number;
}
export type Reads = Record<string, Read<unknown>>;
export type RowsOf<R extends Reads> = {
  [K in keyof R]: R[K] extends Read<infer Row> ? Row[] : never;
};

/** More rows than a decision can want: with some of them cut away it would decide wrongly, and nobody would know. */
const ROWS_MAX = 200;
/** An organisation buys for years under one name, and all that a user has is laid out together. */
export const ENTITLEMENTS_MAX = 1_000;
const MOST_OF: { [T in PlanTable]?: number } = { entitlement: ENTITLEMENTS_MAX };

/**
 * Rows for each row of another SELECT, which is `o` to them, looked up in this order and no other: a plan that is kept
 * from the day when tables were empty else begins with what seemed the smaller table, and reads all of it for good.
 */
export const forEach = (each: string, rows: string, alias: string): string =>
  `(${each} OFFSET 0) o CROSS JOIN LATERAL (${rows} OFFSET 0) ${alias}`;

/** Reads are made for every event, of few texts: each is put together once. */
const readTexts = new Map<string, string>();

/**
 * @param where over the alias `t`, and `o` of `each`.
 * @param options `join`: when the rows hang on another table; `each`: a SELECT whose rows, as `o`, each have rows of their
 * own; `limit`: the first ones are all that is wanted; `rowsMax`: all are wanted, and the load throws when there are more.
 */
export function read<T extends PlanTable>(
  table: T,
  where: string,
  params: readonly unknown[],
  options: {
    join?: string;
    each?: string;
    orderBy?: string;
    limit?: number;
    rowsMax?: number;
  } = {},
): Read<PlanTables[T]> {
  const { name, json } = TABLE_SQL[table];
  const { limit, rowsMax = MOST_OF[table] ?? ROWS_MAX, each } = options;
  const order = options.orderBy === undefined ? "" : ` ORDER BY ${options.orderBy}`;
  const found =
    each === undefined
      ? `SELECT t.* FROM ${name} t ${options.join ?? ""} WHERE ${where}`
      : `SELECT t.* FROM ${forEach(each, `SELECT t.* FROM ${name} t WHERE ${where}`, "t")}`;
  const rows = `${found}${order} LIMIT ${limit ?? rowsMax + 1}`;
  let sql = readTexts.get(rows);
  if (sql === undefined) {
    sql = `SELECT coalesce(json_agg(${json}), '[]') FROM (${rows}) t`;
    readTexts.set(rows, sql);
  }
  return { sql, params, ...(limit === undefined ? { rowsMax } : {}) };
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
    written(asked) {
      const parameter = toStorableJson(asked.map(({ parameters }, n) => ({ n, ...parameters })));
      return async () => {
        const found = await database.query<Row>(asked[0]?.text ?? "", [parameter]);
        return found.sort((a, b) => Number(a.n) - Number(b.n));
      };
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

/** One text for reads of the same names, SQL and types of parameters. */
const texts = new Map<string, string>();

/**
 * True of every row. Where the planner does not know `$1` (the plan that Postgres keeps) it expects one row; where it does (a
 * plan for a single load) the condition folds to true, and it expects a hundred. So the kept plan looks some hundred times
 * cheaper, and stays. Else, once it looks dearer than the first plans, which were made while tables were small, each load is
 * planned anew for as long as the session lasts.
 */
const ONE_ROW_WHEN_KEPT = "WHERE r.n % 1 = 0 OR jsonb_typeof($1) = 'array'";

/** Parameters are named by their number, over all reads. */
function textOf(reads: Reads, types: readonly string[]): string {
  let next = 0;
  const columns = Object.entries(reads).map(([key, { sql, params }]) => {
    const end = next + params.length;
    const named = sql.replace(/\?/g, () => {
      next += 1;
      return `r.p${next}`;
    });
    if (next !== end) throw new Error(`read ${key} has ${params.length} parameters`);
    return `(${named}) AS "${key}"`;
  });
  const named = ["n integer", ...types.map((type, i) => `p${i + 1} ${type}`)];
  return `SELECT r.n, ${columns.join(", ")} FROM jsonb_to_recordset($1::jsonb) AS r(${named.join(", ")}) ${ONE_ROW_WHEN_KEPT}`;
}

/**
 * All reads in one round trip: one row whose columns are the answers. Loads of the same text that come
 * while others are under way share a statement: a row of parameters, and one of answers, for each.
 *
 * @throws Error when a read finds more rows than it may; Transient.
 */
export async function load<R extends Reads>(database: Database, reads: R): Promise<RowsOf<R>> {
  const parameters: Record<string, unknown> = {};
  const types: string[] = [];
  let key = "";
  for (const [name, { sql, params }] of Object.entries(reads)) {
    key += `${name} ${numberOf(sql)} ${params.length} `;
    for (const value of params) {
      types.push(typeOf(value));
      parameters[`p${types.length}`] = value;
    }
  }
  key += types.join();
  let text = texts.get(key);
  if (text === undefined) {
    text = textOf(reads, types);
    texts.set(key, text);
  }
  const found = (await batchesOf(database).add({ text, parameters })) as RowsOf<R>;
  for (const [name, { rowsMax }] of Object.entries(reads)) {
    if (rowsMax !== undefined && (found[name]?.length ?? 0) > rowsMax) {
      throw new Error(`read ${name} found more than ${rowsMax} rows`);
    }
  }
  return found;
}

const numbers = new Map<string, number>();

/** Stands for a read's SQL in a key: a kilobyte is not to be hashed for every event. */
function numberOf(sql: string): number {
  const known = numbers.get(sql);
  if (known !== undefined) return known;
  numbers.set(sql, numbers.size);
  return numbers.size - 1;
}
