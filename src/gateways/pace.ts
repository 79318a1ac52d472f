import type { Clock, Instant } from "../domain/time.js";
import { SECOND_MS } from "../domain/time.js";

export interface Pace {
  /**
   * Waits for its turn, in the order of asking. What would wait longer than `waitMsMax` is not queued at all.
   *
   * @returns milliseconds to wait when the turn would come too late; null when it has come.
   */
  turn(waitMsMax: number): Promise<number | null>;
  /** No turn before that many milliseconds from now: the vendor asked for it. */
  rest(ms: number): void;
}

/** Turns that may follow at once after a pause: a handful, so that a burst of ours stays below any limit of a second. */
const BURST = 5;

/** A token bucket: `perSecond` turns a second, of which a few may be taken at once. */
export function createPace(perSecond: number, clock: Clock): Pace {
  const everyMs = SECOND_MS / perSecond;
  const slackMs = everyMs * (Math.min(BURST, perSecond) - 1);
  /** When the bucket's next turn is due, were it full all the time (the "virtual schedule" form of a bucket). */
  let nextAt: Instant = 0;
  let restUntil: Instant = 0;
  return {
    async turn(waitMsMax) {
      const now = clock.now();
      const base = Math.max(nextAt, now);
      const dueAt = Math.max(base - slackMs, restUntil);
      const waitMs = dueAt - now;
      if (waitMs > waitMsMax) return Math.ceil(waitMs);
      nextAt = Math.max(base, restUntil) + everyMs;
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      return null;
    },
    rest(ms) {
      restUntil = Math.max(restUntil, clock.now() + ms);
    },
  };
}
