/** How a field of a row is held in Postgres. `instant`: milliseconds here, timestamptz there. */
export type ColumnType = "text" | "integer" | "bigint" | "boolean" | "instant" | "jsonb";

/** Every field of the row has its column: a field that is added and forgotten here is a type error. */
export interface Table<Row> {
  name: string;
  columns: { [Field in keyof Row]-?: ColumnType };
}
