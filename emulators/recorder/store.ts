import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { createOrderedIndex, type OrderedIndex, type Span } from "./ordered-index.js";

/** One named collection of JSON rows, in the order in which they were first written. */
export interface Table<Row extends object> {
  get(id: string): Row | undefined;
  /** In the order in which they were first written. */
  all(): Row[];
  put(id: string, row: Row): Row;
  remove(id: string): void;
}

export interface OrderedTable<Row extends object> extends Table<Row> {
  /** By `created`, then by when they were first written. */
  newestFirst(span?: Span): Iterable<Row>;
  oldestFirst(span?: Span): Iterable<Row>;
  size(): number;
}

export interface Store {
  /** Its rows are copied when they are put: nobody holds what the table holds. */
  table<Row extends object>(name: string): Table<Row>;
  /**
   * For many rows: kept in order, filed by the fields named (see `Span`), and kept as they are handed in, not copied. So
   * whoever puts or reads one must never change it in place.
   */
  orderedTable<Row extends object>(name: string, fields?: readonly string[]): OrderedTable<Row>;
  /** Everything written since the last commit reaches the file as one line, or nothing of it does. */
  commit(): void;
  /** Forgets every row, in the file too. */
  clear(): void;
  close(): void;
}

/** table, id, row as JSON text; a null row is a removal. */
type Change = [table: string, id: string, row: string | null];

/** What a commit will write; a row that is never changed in place need not be text before. */
type Note = [table: string, id: string, row: string | object | null];

const COMPACT_MIN_CHANGES = 20_000;

/**
 * Rows in memory, and beside them an append-only journal: one line per commit, written with write(2) before the
 * emulator answers. So every answered request survives SIGKILL; a power cut may cost the last ones (no fsync per line).
 * At opening a torn last line is dropped and the journal is rewritten to the live rows (temporary file, fsync, rename).
 *
 * @param file where the journal lives; null keeps nothing.
 * @throws when the journal holds an unreadable line that is not the last one.
 */
export function openStore(file: string | null): Store {
  const rows = new Map<string, Map<string, object>>();
  if (file !== null) for (const change of readJournal(file)) apply(rows, change);
  let journal = file === null ? null : rewrite(file, rows);
  let pending: Note[] = [];
  const ordered = new Map<string, { table: OrderedTable<object>; index: OrderedIndex }>();
  let changesSinceRewrite = 0;

  function commit(): void {
    if (pending.length === 0) return;
    const notes = pending;
    pending = [];
    if (file === null || journal === null) return;
    const changes = notes.map(toChange);
    writeAll(journal, `${JSON.stringify(changes)}\n`);
    changesSinceRewrite += changes.length;
    if (changesSinceRewrite < Math.max(COMPACT_MIN_CHANGES, 4 * liveRows(rows))) return;
    closeSync(journal);
    journal = rewrite(file, rows);
    changesSinceRewrite = 0;
  }

  const note = (change: Note): void => {
    if (file !== null) pending.push(change);
  };

  return {
    table: <Row extends object>(name: string) => tableOf<Row>(rows, name, note),
    orderedTable: <Row extends object>(name: string, fields: readonly string[] = []) => {
      const known = ordered.get(name) ?? orderedTableOf(rows, name, fields, note);
      ordered.set(name, known);
      return known.table as OrderedTable<Row>;
    },
    commit,
    clear() {
      for (const table of rows.values()) table.clear();
      for (const { index } of ordered.values()) index.clear();
      pending = [];
      if (file === null || journal === null) return;
      closeSync(journal);
      journal = rewrite(file, rows);
    },
    close() {
      commit();
      if (journal !== null) closeSync(journal);
      journal = null;
    },
  };
}

function tableOf<Row extends object>(
  rows: Map<string, Map<string, object>>,
  name: string,
  note: (change: Note) => void,
): Table<Row> {
  const table = rowsOf(rows, name);
  return {
    get: (id) => table.get(id) as Row | undefined,
    all: () => [...table.values()] as Row[],
    put(id, row) {
      // Through JSON, so that what is read now is what would be read after a restart.
      const json = JSON.stringify(row);
      const kept = JSON.parse(json) as Row;
      table.set(id, kept);
      note([name, id, json]);
      return kept;
    },
    remove(id) {
      if (table.delete(id)) note([name, id, null]);
    },
  };
}

function orderedTableOf(
  rows: Map<string, Map<string, object>>,
  name: string,
  fields: readonly string[],
  note: (change: Note) => void,
): { table: OrderedTable<object>; index: OrderedIndex } {
  const rowById = rowsOf(rows, name);
  const index = createOrderedIndex(fields);
  for (const [id, row] of rowById) index.note(id, row);
  const read = function* (ids: Iterable<string>): Iterable<object> {
    for (const id of ids) {
      const row = rowById.get(id);
      if (row !== undefined) yield row;
    }
  };
  const table: OrderedTable<object> = {
    get: (id) => rowById.get(id),
    all: () => [...rowById.values()],
    put(id, row) {
      rowById.set(id, row);
      index.note(id, row);
      note([name, id, row]);
      return row;
    },
    remove(id) {
      if (!rowById.delete(id)) return;
      index.drop(id);
      note([name, id, null]);
    },
    newestFirst: (span) => read(index.newestFirst(span)),
    oldestFirst: (span) => read(index.oldestFirst(span)),
    size: () => rowById.size,
  };
  return { table, index };
}

function rowsOf(rows: Map<string, Map<string, object>>, name: string): Map<string, object> {
  const table = rows.get(name) ?? new Map<string, object>();
  rows.set(name, table);
  return table;
}

const toChange = ([table, id, row]: Note): Change => [
  table,
  id,
  row === null || typeof row === "string" ? row : JSON.stringify(row),
];

function readJournal(file: string): Change[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  const lines = text.split("\n");
  lines.pop(); // "" after the last newline, or a line that a kill has torn
  return lines.flatMap((line, index) => {
    try {
      return JSON.parse(line) as Change[];
    } catch (cause) {
      throw new Error(`${file}: line ${index + 1} is damaged`, { cause });
    }
  });
}

function apply(rows: Map<string, Map<string, object>>, [name, id, json]: Change): void {
  const table = rowsOf(rows, name);
  if (json === null) table.delete(id);
  else table.set(id, JSON.parse(json) as object);
}

function rewrite(file: string, rows: Map<string, Map<string, object>>): number {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.tmp`;
  const fd = openSync(temporary, "w", 0o600);
  for (const [name, table] of rows) {
    for (const [id, row] of table) {
      writeAll(fd, `${JSON.stringify([[name, id, JSON.stringify(row)]] satisfies Change[])}\n`);
    }
  }
  fsyncSync(fd);
  closeSync(fd);
  renameSync(temporary, file);
  return openSync(file, "a", 0o600);
}

function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text, "utf8");
  let written = 0;
  while (written < bytes.length) written += writeSync(fd, bytes, written);
}

const liveRows = (rows: Map<string, Map<string, object>>): number =>
  [...rows.values()].reduce((sum, table) => sum + table.size, 0);
