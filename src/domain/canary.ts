import type { Instant } from "./time.js";

/** The type of an event that only proves that a source's path is open: it is kept, and counts nowhere. */
export const CANARY_TYPE = "signalbox.canary";

/** What a canary is known by: the same again is the same event. */
export interface Canary {
  id: string;
  at: Instant;
}

/** A delivery as the provider would post it. */
export interface CanaryRequest {
  headers: Record<string, string>;
  body: Uint8Array<ArrayBuffer>;
}
