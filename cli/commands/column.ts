import type { Row } from "../api.js";
import type { Screen } from "../output.js";

/** A column of a table. A time is given as ISO and shown in the screen's zone. */
export interface Column {
  head: string;
  kind?: "time" | "status";
  of: string | ((row: Row, screen: Screen) => string);
  /** Longer texts are cut here; 72 unless told. */
  charsMax?: number;
  /** How wide the column is, in characters; longer texts go on on a further line. As wide as its texts unless told. */
  wrapAt?: number;
  /** What stands there where there is nothing; nothing unless told. */
  none?: string;
}

export interface ListCommand {
  /** As it is typed, and as it stands in the address. */
  name: string;
  about: string;
  one: string;
  /** More than one; the name unless told. */
  several?: string;
  /** Options that narrow the list, by the query parameter that they become. */
  filters: Readonly<Record<string, string>>;
  columns: readonly Column[];
  /** What may be done about one, as commands to copy; they end what `show` prints. */
  next?: (row: Row, screen: Screen) => string[];
}

export const time = (head: string, of: string, none = ""): Column => ({
  head,
  of,
  kind: "time",
  none,
});
export const status = (head: string, of: string): Column => ({ head, of, kind: "status" });
/** As the policy calls it, and as commands and the API take it. */
export const SEVERITY: Column = {
  head: "Severity",
  kind: "status",
  of: ({ severity, severityName }) =>
    severityName === undefined || severityName === severity
      ? String(severity)
      : `${severityName} (${severity})`,
};
export const column = (head: string, of: Column["of"]): Column => ({ head, of });
