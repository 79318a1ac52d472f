import { randomBytes } from "node:crypto";
import type { Store } from "./store.js";

export interface Clock {
  /** Milliseconds since 1970, UTC. */
  now(): number;
}

export interface AdvanceableClock extends Clock {
  advance(ms: number): void;
}

/** A clock that can be moved forward; how far is kept in the store, so that a restart does not turn time back. */
export function advanceableClock(base: Clock, store: Store): AdvanceableClock {
  const table = store.table<{ offsetMs: number }>("clock");
  const offset = () => table.get("clock")?.offsetMs ?? 0;
  return {
    now: () => base.now() + offset(),
    advance: (ms) => {
      table.put("clock", { offsetMs: offset() + ms });
    },
  };
}

/** Makes the part of an id behind its prefix; a test hands in a counting one. */
export type Ids = (prefix: string) => string;

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Prefix and 24 letters or digits, as most vendors' ids look. */
export const randomIds: Ids = (prefix) =>
  prefix + [...randomBytes(24)].map((byte) => ALPHABET[byte % ALPHABET.length]).join("");
