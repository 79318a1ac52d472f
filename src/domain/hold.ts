import type { Instant } from "./time.js";

/** While `releasedAt` is null, events of the source are kept as `held` and none of them is worked on. */
export interface SourceHold {
  id: string;
  source: string;
  reason: string;
  /** Who held it, as the audit trail says it. */
  heldBy: string;
  heldAt: Instant;
  /**
   * Ids of events that are worked on all the same, to see whether the source may be released. Those that are done go
   * from it with the next one that is let through; the audit trail keeps them.
   */
  letThrough: string[];
  releasedBy: string | null;
  releasedAt: Instant | null;
  releaseReason: string | null;
  version: number;
}
