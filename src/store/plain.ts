import type { Instant } from "../domain/time.js";

type Plain<T> = T extends Date ? Instant : T extends bigint ? number : T;
export type PlainRow<Row> = { [Field in keyof Row]: Plain<Row[Field]> };

/** Times as milliseconds and amounts as numbers, as everywhere outside the database. */
export function plain<Row extends object>(row: Row): PlainRow<Row> {
  const entries = Object.entries(row).map(([field, value]: [string, unknown]) => {
    if (value instanceof Date) return [field, value.getTime()];
    if (typeof value === "bigint") return [field, Number(value)];
    return [field, value];
  });
  return Object.fromEntries(entries) as PlainRow<Row>;
}
