import { HOUR_MS, type Instant, MINUTE_MS } from "../domain/time.js";

/**
 * A minute of the door is looked at when it has been over for so long. The queue's last retry is over after six minutes
 * (four runs of a minute each, and 10, 30 and 90 s between them), counters get to KV within seconds, a canary is given
 * five minutes.
 */
export const SETTLED_MS = 15 * MINUTE_MS;
/** So much is looked at again and again, so that what is found missing is found so twice before it is told. */
const WINDOW_MS = HOUR_MS;
/** While something waits, the window stays open at its beginning, for so long: reading a day of a million events takes seconds. */
export const REACH_MS = 6 * HOUR_MS;
/** Found missing at one look only, it may be on its way out of the queue's dead letters: told at the next. */
const CONFIRM_MS = 4 * MINUTE_MS;
/** What has been missing for so long stays lost: the window goes on, and later ones say whether all is well. */
const KEPT_MS = HOUR_MS;
/**
 * Nothing was missing for so long: it is over. Longer than `SETTLED_MS`, because a redelivery that comes in after the
 * window makes up for one that is lost in it, until it is in the window itself.
 */
const CALM_MS = SETTLED_MS + 5 * MINUTE_MS;

/** What is remembered of a source from one look to the next. */
export interface BalanceState {
  /** Every delivery before it has come to a worker, or has been told as lost. */
  from: Instant;
  /** Since when more is missing than waits. */
  lostSince: Instant | null;
  /** Since when nothing is missing. */
  evenSince: Instant | null;
}

/** What is counted of the deliveries that the door acknowledged in a window. */
export interface Look {
  at: Instant;
  from: Instant;
  to: Instant;
  acknowledged: number;
  arrived: number;
  /** Of those that have not arrived so many at most are known to wait; null: more than can be counted. */
  waiting: number | null;
}

export interface Judged {
  state: BalanceState;
  missing: number;
  /** Missing, and not waiting anywhere. */
  lost: number;
  /** Null: neither can be said yet, and what was told stands. */
  finding: "there" | "over" | null;
}

/** Where the next look begins: an hour before `to`, or where the first delivery may be that still waits. */
export function beginOf(before: BalanceState | undefined, to: Instant): Instant {
  const usual = to - WINDOW_MS;
  return Math.max(to - REACH_MS, Math.min(before?.from ?? usual, usual));
}

export const missingIn = ({ acknowledged, arrived }: Omit<Look, "waiting">): number =>
  Math.max(0, acknowledged - arrived);

/** Holds what the door has acknowledged against what came to a worker, with what the looks before have found. */
export function judgeBalance(before: BalanceState | undefined, look: Look): Judged {
  const { at, from, to, waiting } = look;
  const missing = missingIn(look);
  if (missing === 0) {
    const evenSince = before?.evenSince ?? at;
    const finding = at - evenSince >= CALM_MS ? "over" : null;
    return { state: { from: to, lostSince: null, evenSince }, missing, lost: 0, finding };
  }
  const lost = waiting === null ? 0 : Math.max(0, missing - waiting);
  if (lost === 0) {
    const lostSince = before?.lostSince ?? null;
    return { state: { from, lostSince, evenSince: null }, missing, lost, finding: null };
  }
  const lostSince = before?.lostSince ?? at;
  const lostForMs = at - lostSince;
  return {
    state: { from: lostForMs >= KEPT_MS ? to : from, lostSince, evenSince: null },
    missing,
    lost,
    finding: lostForMs >= CONFIRM_MS ? "there" : null,
  };
}
