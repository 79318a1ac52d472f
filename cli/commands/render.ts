import type { Row } from "../api.js";
import {
  clean,
  durationOf,
  moneyOf,
  pairsOf,
  type Screen,
  shortened,
  tableOf,
  timeIn,
  toned,
} from "../output.js";
import type { Column } from "./resources.js";
import { SECTIONS } from "./sections.js";

/** Rows under the columns' heads; the zone of times is named in their head. */
export function renderTable(
  rows: readonly Row[],
  columns: readonly Column[],
  screen: Screen,
): string {
  const heads = columns.map(({ head, kind }) =>
    kind === "time" ? `${head} (${screen.zone})` : head,
  );
  const cells = rows.map((row) => columns.map((column) => cellOf(row, column, screen)));
  const widths = columns.map(({ wrapAt }) => wrapAt ?? null);
  return tableOf(heads, cells, screen, widths);
}

function cellOf(row: Row, { of, kind, charsMax, none = "" }: Column, screen: Screen): string {
  const value = typeof of === "string" ? row[of] : of(row, screen);
  if (value === null || value === undefined) return none;
  if (kind === "time") return timeIn(String(value), screen.zone);
  const text = shortened(clean(String(value)), charsMax);
  return kind === "status" ? toned(text, screen) : text;
}

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const AMOUNT_FIELDS = new Set(["amount", "received", "refunded", "disputed"]);
const STATUS_FIELDS = new Set(["status", "state", "severity"]);

/** What a notice was made of, and what an entry says, is kept as it is: times and lengths in milliseconds. */
const KEPT_TIME = /^(data|details)\..*At$/;
const KEPT_LENGTH = /^(data|details)\..*Ms$/;

/** Everything about one row: its fields line by line, then the tables that hang on it. */
export function renderRecord(record: Row, screen: Screen): string {
  const pairs: [string, string][] = [];
  const tables: string[] = [];
  for (const [field, value] of Object.entries(record)) {
    const section = SECTIONS[field];
    if (section === undefined) pairs.push(...pairsOfField(field, value, record, screen));
    else if (Array.isArray(value) && value.length > 0) {
      const table = renderTable(value as Row[], section.columns, screen);
      tables.push(`${screen.colors.bold(section.title)}\n${table}`);
    }
  }
  return [pairsOf(pairs, screen), ...tables].join("\n\n");
}

function pairsOfField(
  field: string,
  value: unknown,
  record: Row,
  screen: Screen,
): [string, string][] {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return Object.entries(value).flatMap(([inner, deeper]) =>
      pairsOfField(`${field}.${inner}`, deeper, value as Row, screen),
    );
  }
  if (Array.isArray(value)) {
    return value.length === 0
      ? [[field, "–"]]
      : value.map((item): [string, string] => [field, textOf(item, screen)]);
  }
  if (AMOUNT_FIELDS.has(field) && typeof record.currency === "string") {
    return [[field, moneyOf(String(value), record.currency)]];
  }
  if (field === "payload.html" && typeof value === "string") {
    return [[field, screen.colors.dim(`${value.length} characters, with --json`)]];
  }
  if (field === "payload.text" && typeof value === "string") {
    const lines = value.trimEnd().split(/\r?\n/);
    return lines.map((line, index) => [index === 0 ? field : "", clean(line)]);
  }
  if (typeof value === "number" && KEPT_TIME.test(field)) {
    return [[field, textOf(new Date(value).toISOString(), screen)]];
  }
  if (typeof value === "number" && KEPT_LENGTH.test(field)) {
    return [[field.slice(0, -"Ms".length), durationOf(value)]];
  }
  const text = textOf(value, screen);
  return [[field, STATUS_FIELDS.has(field) ? toned(text, screen) : text]];
}

function textOf(value: unknown, screen: Screen): string {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "object") return clean(JSON.stringify(value));
  const text = String(value);
  return ISO.test(text) ? `${timeIn(text, screen.zone)} ${screen.zone}` : clean(text);
}
