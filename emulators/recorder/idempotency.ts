import type { Table } from "./store.js";

/** An answer that can be kept and given again. */
export interface KeptAnswer {
  fingerprint: string;
  status: number;
  body: string;
  /** Milliseconds since 1970 by the emulator's clock. */
  at: number;
}

export type Claim =
  | { kind: "fresh"; keep(answer: Omit<KeptAnswer, "fingerprint" | "at">): void; release(): void }
  | { kind: "replay"; answer: KeptAnswer }
  | { kind: "mismatch" }
  | { kind: "busy" };

/**
 * Idempotency keys as vendors keep them: the first answer is replayed for `ttlMs`, another payload under the same key is
 * a mismatch, and a key whose first request is still running is busy. What runs is not persisted: a kill ends it.
 */
export function createIdempotency(table: Table<KeptAnswer>, ttlMs: number, now: () => number) {
  const running = new Map<string, string>();
  return {
    claim(key: string, fingerprint: string): Claim {
      const kept = table.get(key);
      if (kept !== undefined && now() - kept.at < ttlMs) {
        return kept.fingerprint === fingerprint
          ? { kind: "replay", answer: kept }
          : { kind: "mismatch" };
      }
      const begun = running.get(key);
      if (begun !== undefined) return { kind: begun === fingerprint ? "busy" : "mismatch" };
      running.set(key, fingerprint);
      return {
        kind: "fresh",
        keep: (answer) => {
          running.delete(key);
          table.put(key, { ...answer, fingerprint, at: now() });
        },
        release: () => {
          running.delete(key);
        },
      };
    },
  };
}
