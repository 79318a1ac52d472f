/** A row's place among the others: by `created`, then by when it was first written. */
interface Entry {
  id: string;
  created: number;
  seq: number;
  /** What the row is filed under, one value for each indexed field. */
  values: (string | null)[];
}

export interface Span {
  /** Bounds of `created`, both included. */
  from?: number;
  to?: number;
  /** Only rows that are filed under this value of an indexed field. */
  where?: { field: string; value: string };
  /** Begins behind (or, newest last, before) the row with this id, wherever its own filters would put it. */
  beyond?: string;
}

export interface OrderedIndex {
  /** Adds a row or files it anew. */
  note(id: string, row: object): void;
  drop(id: string): void;
  clear(): void;
  newestFirst(span?: Span): Iterable<string>;
  oldestFirst(span?: Span): Iterable<string>;
}

const compare = (a: Entry, b: { created: number; seq: number }): number =>
  a.created - b.created || a.seq - b.seq;

/**
 * Ids in order of `created` and of arrival, filed by some of the rows' fields too, so that a page of a list costs what the
 * page holds. A row that comes in order is appended; one that does not is moved to its place.
 */
export function createOrderedIndex(fields: readonly string[]): OrderedIndex {
  const entries = new Map<string, Entry>();
  let whole: Entry[] = [];
  let filed = fields.map(() => new Map<string, Entry[]>());
  let seq = 0;

  const file = (entry: Entry) => {
    insert(whole, entry);
    for (const [at, value] of entry.values.entries())
      if (value !== null) fileUnder(at, value, entry);
  };
  const fileUnder = (at: number, value: string, entry: Entry) => {
    const lists = filed[at];
    const list = lists?.get(value);
    if (list === undefined) lists?.set(value, [entry]);
    else insert(list, entry);
  };
  const unfile = (at: number, value: string, entry: Entry) => {
    const list = filed[at]?.get(value) ?? [];
    take(list, entry);
    if (list.length === 0) filed[at]?.delete(value);
  };
  const drop = (id: string) => {
    const entry = entries.get(id);
    if (entry === undefined) return;
    entries.delete(id);
    take(whole, entry);
    for (const [at, value] of entry.values.entries()) if (value !== null) unfile(at, value, entry);
  };
  const listOf = ({ where }: Span): Entry[] =>
    where === undefined ? whole : (filed[fields.indexOf(where.field)]?.get(where.value) ?? []);

  const cursorOf = ({ beyond }: Span) => (beyond === undefined ? undefined : entries.get(beyond));

  return {
    note(id, row) {
      const values = fields.map((field) => filedUnder(row, field));
      const created = createdOf(row);
      const known = entries.get(id);
      if (known === undefined) {
        seq += 1;
        const entry = { id, created: created ?? 0, seq, values };
        entries.set(id, entry);
        file(entry);
        return;
      }
      if (created !== undefined && created !== known.created) {
        drop(id);
        const entry = { id, created, seq: known.seq, values };
        entries.set(id, entry);
        file(entry);
        return;
      }
      for (const [at, value] of values.entries()) {
        const before = known.values[at] ?? null;
        if (before === value) continue;
        if (before !== null) unfile(at, before, known);
        if (value !== null) fileUnder(at, value, known);
      }
      known.values = values;
    },
    drop,
    clear() {
      entries.clear();
      whole = [];
      filed = fields.map(() => new Map());
    },
    newestFirst: (span = {}) => downwards(listOf(span), span, cursorOf(span)),
    oldestFirst: (span = {}) => upwards(listOf(span), span, cursorOf(span)),
  };
}

function* downwards(
  list: Entry[],
  { from = -Infinity, to = Infinity }: Span,
  cursor: Entry | undefined,
): Iterable<string> {
  const upper = place(list, { created: to, seq: Infinity });
  const behind = cursor === undefined ? upper : place(list, cursor);
  for (let at = Math.min(upper, behind) - 1; at >= 0; at--) {
    const entry = list[at];
    if (entry === undefined || entry.created < from) return;
    yield entry.id;
  }
}

function* upwards(
  list: Entry[],
  { from = -Infinity, to = Infinity }: Span,
  cursor: Entry | undefined,
): Iterable<string> {
  const lower = place(list, { created: from, seq: -Infinity });
  const behind =
    cursor === undefined ? 0 : place(list, { created: cursor.created, seq: cursor.seq + 0.5 });
  for (let at = Math.max(lower, behind); at < list.length; at++) {
    const entry = list[at];
    if (entry === undefined || entry.created > to) return;
    yield entry.id;
  }
}

/** Where in `list` the first entry is that does not come before `mark`. */
function place(list: Entry[], mark: { created: number; seq: number }): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = list[middle];
    if (entry !== undefined && compare(entry, mark) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insert(list: Entry[], entry: Entry): void {
  const last = list.at(-1);
  if (last === undefined || compare(last, entry) < 0) list.push(entry);
  else list.splice(place(list, entry), 0, entry);
}

function take(list: Entry[], entry: Entry): void {
  const at = place(list, entry);
  if (list[at] === entry) list.splice(at, 1);
}

const createdOf = (row: object): number | undefined =>
  "created" in row && typeof row.created === "number" ? row.created : undefined;

/** What a row is filed under: the text of a field, or the id of the object in it; a dot leads into an object. */
export function filedUnder(row: object, field: string): string | null {
  let value: unknown = row;
  for (const part of field.split(".")) {
    value = typeof value === "object" && value !== null ? Reflect.get(value, part) : undefined;
  }
  if (typeof value === "object" && value !== null && "id" in value) value = value.id;
  return typeof value === "string" ? value : null;
}
