import { z } from "zod";
import type { Deliveries } from "./deliveries.js";
import { pick, seededRandom, shuffled } from "./random.js";
import type { Realms } from "./realms.js";

const share = z.number().min(0).max(1);

/** Which stored events are sent (exactly one of `ids`, `all`, `undelivered`), and how badly. */
export const DeliverSchema = z.strictObject({
  /** In this order. */
  ids: z.array(z.string()).optional(),
  /** All events, oldest first. */
  all: z.boolean().optional(),
  /** The events that are not confirmed, oldest first. */
  undelivered: z.boolean().optional(),
  /** Puts them in another order, the same for the same number. */
  shuffle: z.int().optional(),
  /** This share of them is sent a second time, anywhere among the others. */
  duplicate: share.default(0),
  /** This share of them is never sent. */
  drop: share.default(0),
  /** Decides which are doubled and which are dropped. */
  seed: z.int().default(1),
});

export type DeliverOrder = z.input<typeof DeliverSchema>;

export interface DeliverSummary {
  /** Sendings that were put in line, duplicates included; `idle()` waits for them. */
  sent: number;
  duplicated: number;
  /** Ids of the events that were dropped. */
  dropped: string[];
}

/** Puts stored events in line for their endpoints. @throws for an unknown id, or when nothing says which events. */
export function deliverStored(
  realms: Realms,
  deliveries: Deliveries,
  order: DeliverOrder,
): DeliverSummary {
  const { shuffle, duplicate, drop, seed, ...which } = DeliverSchema.parse(order);
  const random = seededRandom(seed);
  const chosen = chooseIds(realms, deliveries, which);
  const dropped: string[] = [];
  const kept: string[] = [];
  for (const id of shuffle === undefined ? chosen : shuffled(seededRandom(shuffle), chosen)) {
    (random() < drop ? dropped : kept).push(id);
  }
  const twice = kept.filter(() => random() < duplicate);
  const line = twice.length === 0 ? kept : mixedIn(kept, twice, random);
  for (const id of dropped) {
    const { world, event } = named(realms, id);
    deliveries.lose(world, event);
  }
  for (const id of line) {
    const { world, event } = named(realms, id);
    deliveries.resend(world, event);
  }
  return { sent: line.length, duplicated: twice.length, dropped };
}

function chooseIds(
  realms: Realms,
  deliveries: Deliveries,
  which: {
    ids?: string[] | undefined;
    all?: boolean | undefined;
    undelivered?: boolean | undefined;
  },
): string[] {
  if (which.ids !== undefined) return which.ids;
  if (which.all !== true && which.undelivered !== true) {
    throw new Error("say which events: ids, all or undelivered");
  }
  const ids: string[] = [];
  for (const world of realms.all()) {
    for (const { id } of world.tables.events.oldestFirst()) {
      if (which.all === true || deliveries.openOf(id) > 0) ids.push(id);
    }
  }
  return ids;
}

function named(realms: Realms, id: string) {
  const found = realms.eventNamed(id);
  if (found === undefined) throw new Error(`No such event: ${id}`);
  return found;
}

/** Each of `more` somewhere among `list`. */
function mixedIn(list: string[], more: string[], random: () => number): string[] {
  const places = list.map((_, index) => index);
  const behind = new Map<number, string[]>();
  for (const id of more) {
    const at = pick(random, places);
    behind.set(at, [...(behind.get(at) ?? []), id]);
  }
  return list.flatMap((id, index) => [id, ...(behind.get(index) ?? [])]);
}
