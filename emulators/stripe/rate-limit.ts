import { z } from "zod";

export const RateLimitSchema = z.strictObject({
  /** Requests a second, and as many at once after a pause; null lifts the limit. */
  perSecond: z.number().positive().nullable(),
});

export type RateLimit = z.infer<typeof RateLimitSchema>;

export interface Limiter {
  set(limit: RateLimit): void;
  /** False when this request is one too many. */
  take(): boolean;
  /** How many have been refused so far. */
  refused(): number;
}

/** By the machine's own time: the emulator's clock may stand still, and then nothing would ever get through again. */
export function createLimiter(limit: RateLimit): Limiter {
  let perSecond = limit.perSecond;
  let tokens = perSecond ?? 0;
  let lookedAt = performance.now();
  let refused = 0;
  return {
    set(next) {
      perSecond = next.perSecond;
      tokens = perSecond ?? 0;
      lookedAt = performance.now();
    },
    take() {
      if (perSecond === null) return true;
      const now = performance.now();
      const burst = Math.max(1, perSecond);
      tokens = Math.min(burst, tokens + ((now - lookedAt) / 1000) * perSecond);
      lookedAt = now;
      if (tokens < 1) {
        refused += 1;
        return false;
      }
      tokens -= 1;
      return true;
    },
    refused: () => refused,
  };
}
