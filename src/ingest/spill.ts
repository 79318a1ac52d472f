import { DAY_MS } from "../domain/time.js";

/** A delivery that the queue would not take, kept in KV until a sweep publishes it. */
export interface Spilled {
  sealed: string;
  deduplicationId: string;
  /** Base64 of the message's body. */
  body: string;
}

export const SPILL_INDEX = "spill";
/** Far longer than any outage of the queue; a sweep empties it in minutes. */
export const SPILL_TTL_MS = 30 * DAY_MS;

/** One key per event: a redelivery during the outage takes the place of the first. */
export const spillKey = (deduplicationId: string): string => `spill:${deduplicationId}`;
