import { CommandError, WRONG_TYPE } from "./reply.js";
import { SortedSet } from "./sorted-set.js";

interface DataOf {
  string: string;
  hash: Map<string, string>;
  list: string[];
  set: Set<string>;
  zset: SortedSet;
}
type ValueType = keyof DataOf;

interface Entry<T extends ValueType = ValueType> {
  readonly type: T;
  data: DataOf[T];
  /** Grows with every new key; SCAN's cursor, so that a scan never skips a key that stays. */
  readonly seq: number;
  /** Milliseconds since 1970, or null for never. A key lives through this very millisecond. */
  expiresAt: number | null;
}

/** One key in a snapshot: name, place, expiry, type and plain JSON data. */
export type Dumped = [string, number, number | null, ValueType, unknown];

const SWEEP_AFTER_WRITES_MIN = 1_000;

/**
 * The keys and their values, in memory. It has no clock: `now` is set before each command, also on replay,
 * so that running the same commands at the same times always gives the same store.
 */
export class Store {
  now = 0;
  #entries = new Map<string, Entry>();
  #nextSeq = 1;
  #writesSinceSweep = 0;

  find(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || !this.#expired(entry)) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  /** @throws CommandError WRONGTYPE when the key holds another type. */
  findAs<T extends ValueType>(key: string, type: T): Entry<T> | undefined {
    const entry = this.find(key);
    if (entry === undefined) return undefined;
    if (entry.type !== type) throw new CommandError(WRONG_TYPE);
    return entry as Entry<T>;
  }

  dataAs<T extends ValueType>(key: string, type: T): DataOf[T] | undefined {
    return this.findAs(key, type)?.data;
  }

  /** The key's data, made empty first if there is no such key. Whoever opens a key must put something in it. */
  open<T extends ValueType>(key: string, type: T): DataOf[T] {
    return (this.findAs(key, type) ?? this.#add(key, type, emptyData(type), null)).data;
  }

  /** Replaces whatever the key held. */
  setString(key: string, text: string, expiresAt: number | null = null): void {
    const entry = this.find(key);
    if (entry?.type === "string") {
      entry.data = text;
      entry.expiresAt = expiresAt;
      return;
    }
    this.#entries.delete(key);
    this.#add(key, "string", text, expiresAt);
  }

  delete(key: string): boolean {
    return this.find(key) !== undefined && this.#entries.delete(key);
  }

  /** Redis keeps no empty collections. */
  deleteIfEmpty(key: string): void {
    const data = this.#entries.get(key)?.data;
    if (data === undefined || typeof data === "string") return;
    if ((Array.isArray(data) ? data.length : data.size) === 0) this.#entries.delete(key);
  }

  get size(): number {
    this.sweep();
    return this.#entries.size;
  }

  clear(): void {
    this.#entries.clear();
  }

  /** Living keys in the order in which they were added. */
  *living(): Generator<[string, Entry]> {
    for (const pair of this.#entries) if (!this.#expired(pair[1])) yield pair;
  }

  /** Called after each write: frees expired keys once as many writes passed as there are keys. */
  countWrite(): void {
    this.#writesSinceSweep += 1;
    if (this.#writesSinceSweep > Math.max(SWEEP_AFTER_WRITES_MIN, this.#entries.size)) this.sweep();
  }

  sweep(): void {
    this.#writesSinceSweep = 0;
    for (const [key, entry] of this.#entries) if (this.#expired(entry)) this.#entries.delete(key);
  }

  *dump(): Generator<Dumped> {
    for (const [key, entry] of this.living()) {
      yield [key, entry.seq, entry.expiresAt, entry.type, plain(entry.data)];
    }
  }

  restore([key, seq, expiresAt, type, data]: Dumped): void {
    this.#entries.set(key, { type, data: revive(type, data), seq, expiresAt });
    this.#nextSeq = Math.max(this.#nextSeq, seq + 1);
  }

  #add<T extends ValueType>(
    key: string,
    type: T,
    data: DataOf[T],
    expiresAt: number | null,
  ): Entry<T> {
    const entry: Entry<T> = { type, data, seq: this.#nextSeq++, expiresAt };
    this.#entries.set(key, entry);
    return entry;
  }

  #expired(entry: Entry): boolean {
    return entry.expiresAt !== null && this.now > entry.expiresAt;
  }
}

function emptyData<T extends ValueType>(type: T): DataOf[T] {
  const empty: { [K in ValueType]: () => DataOf[K] } = {
    string: () => "",
    hash: () => new Map(),
    list: () => [],
    set: () => new Set(),
    zset: () => new SortedSet(),
  };
  return empty[type]();
}

/** Scores travel as text, because JSON has no infinity. */
function plain(data: DataOf[ValueType]): unknown {
  if (typeof data === "string" || Array.isArray(data)) return data;
  if (data instanceof SortedSet) return data.ordered.map((s) => [s.member, String(s.score)]);
  return [...data];
}

function revive(type: ValueType, data: unknown): DataOf[ValueType] {
  switch (type) {
    case "string":
      return data as string;
    case "list":
      return data as string[];
    case "hash":
      return new Map(data as [string, string][]);
    case "set":
      return new Set(data as string[]);
    case "zset": {
      const set = new SortedSet();
      for (const [member, score] of data as [string, string][]) set.set(member, Number(score));
      return set;
    }
  }
}
