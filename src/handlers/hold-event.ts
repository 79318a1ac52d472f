import type { SourceHold } from "../domain/hold.js";
import { emptyPlan, type Plan } from "../domain/plan.js";
import { type Read, read } from "../store/load.js";

/** The hold of a source, to be read with its event; there is one at most. */
export const readHold = (source: string): Read<SourceHold> =>
  read("sourceHold", "t.source = ? AND t.released_at IS NULL", [source], { limit: 1 });

/** The hold that keeps this event; null when there is none, or it lets the event through. */
export function heldBy(holds: readonly SourceHold[], eventId: string): SourceHold | null {
  const [hold] = holds;
  return hold === undefined || hold.letThrough.includes(eventId) ? null : hold;
}

/** The event is kept, with its bytes, and nothing else is written: the hold has the one audit entry for all. */
export function heldPlan({ id, source }: SourceHold): { status: "held"; plan: Plan } {
  const reasons = [`kept and not worked on: ${source} is held (${id})`];
  return { status: "held", plan: { ...emptyPlan(), reasons } };
}
