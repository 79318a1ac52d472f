import { randomBytes } from "node:crypto";
import type { Store } from "./store.js";

export interface Clock {
  /** Milliseconds since 1970, UTC. */
  now(): number;
}

export interface AdvanceableClock extends Clock {
  advance(ms: number): void;
  /** Goes on from (or, when it stands still, stands at) this moment; it may lie in the past. */
  set(nowMs: number): void;
  /** Stands still until `thaw`; `advance` and `set` still move it. */
  freeze(): void;
  thaw(): void;
}

interface ClockRow {
  offsetMs: number;
  /** Where it stands still; absent while it runs. */
  frozenAtMs?: number;
}

/** A clock that can be moved and stopped; how far is kept in the store, so that a restart does not turn time back. */
export function advanceableClock(base: Clock, store: Store): AdvanceableClock {
  const table = store.table<ClockRow>("clock");
  const read = (): ClockRow => table.get("clock") ?? { offsetMs: 0 };
  const now = () => {
    const { offsetMs, frozenAtMs } = read();
    return frozenAtMs ?? base.now() + offsetMs;
  };
  const set = (nowMs: number) => {
    const offsetMs = nowMs - base.now();
    const frozen = read().frozenAtMs !== undefined;
    table.put("clock", { offsetMs, ...(frozen ? { frozenAtMs: nowMs } : {}) });
  };
  return {
    now,
    set,
    advance: (ms) => {
      const { offsetMs, frozenAtMs } = read();
      const frozen = frozenAtMs === undefined ? {} : { frozenAtMs: frozenAtMs + ms };
      table.put("clock", { offsetMs: offsetMs + ms, ...frozen });
    },
    freeze: () => {
      table.put("clock", { ...read(), frozenAtMs: now() });
    },
    thaw: () => {
      table.put("clock", { offsetMs: now() - base.now() });
    },
  };
}

/** Makes the part of an id behind its prefix; a test hands in a counting one. */
export type Ids = (prefix: string) => string;

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const ID_LENGTH = 24;
/** Asked for in one go: a call for each id would cost more than all else that making an object takes. */
const POOL_BYTES = ID_LENGTH * 1024;
let pool = Buffer.alloc(0);
let poolAt = 0;

/** Prefix and 24 letters or digits, as most vendors' ids look. */
export const randomIds: Ids = (prefix) => {
  if (poolAt + ID_LENGTH > pool.length) {
    pool = randomBytes(POOL_BYTES);
    for (const [at, byte] of pool.entries()) pool[at] = ALPHABET.charCodeAt(byte % ALPHABET.length);
    poolAt = 0;
  }
  poolAt += ID_LENGTH;
  return prefix + pool.toString("latin1", poolAt - ID_LENGTH, poolAt);
};

/**
 * The same ids in the same order for the same seed; 24 letters or digits behind the prefix.
 * Not for two emulators that share a folder: the count begins anew at each start.
 */
export function seededIds(seed: number): Ids {
  let count = 0;
  return (prefix) => {
    count += 1;
    return `${prefix}${seed.toString(36).padStart(8, "0")}${count.toString(36).padStart(16, "0")}`;
  };
}
