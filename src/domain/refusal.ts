/** A refused delivery, for a person who asks why; never its body, never its credential. */
export interface Refusal {
  at: string;
  requestId: string;
  code: string;
  detail: string;
}

/** How many are kept of each source, the newest. */
export const REFUSALS_MAX = 200;

/** The KV list of a source's refusals; "unknown" is what was sent to no source. */
export const refusalsKey = (source: string): string => `refusals:${source}`;
