import type { Row } from "../api.js";
import type { Screen } from "../output.js";

/** A column of a table. A time is given as ISO and shown in the screen's zone. */
export interface Column {
  head: string;
  kind?: "time" | "status";
  of: string | ((row: Row, screen: Screen) => string);
  /** Longer texts are cut here; 72 unless told. */
  charsMax?: number;
}

export interface ListCommand {
  /** As it is typed, and as it stands in the address. */
  name: string;
  about: string;
  one: string;
  /** Options that narrow the list, by the query parameter that they become. */
  filters: Readonly<Record<string, string>>;
  columns: readonly Column[];
  /** What may be done about one, as commands to copy; they end what `show` prints. */
  next?: (row: Row) => string[];
}

export const time = (head: string, of: string): Column => ({ head, of, kind: "time" });
export const status = (head: string, of: string): Column => ({ head, of, kind: "status" });
export const column = (head: string, of: Column["of"]): Column => ({ head, of });
