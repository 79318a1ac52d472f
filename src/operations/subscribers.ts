import type { Ids } from "../domain/ids.js";
import type { Subscriber } from "../domain/incident.js";
import type { Suppression } from "../domain/notice.js";
import { PlanBuilder } from "../domain/plan.js";
import type { Clock } from "../domain/time.js";
import { canonicalService } from "../policy/route.js";
import type { Policy } from "../policy/schema.js";
import { apply } from "../store/apply.js";
import type { Database } from "../store/database.js";
import { load, read } from "../store/load.js";
import { recipientHash } from "../store/recipient-hash.js";
import { untilStill } from "../store/until-still.js";

export interface SubscriberDeps {
  database: Database;
  clock: Clock;
  ids: Ids;
  /** Knows services by all of their names. */
  policy: Policy;
}

export interface NewSubscriber {
  email: string;
  locale: string;
  /** Of which services; none: of all. */
  services: readonly string[];
}

export interface SubscriberOutcome {
  subscriber: Subscriber;
  result: "added" | "changed" | "unchanged";
  /** Its reader has said that they want no such mail: none is sent, until that is taken back. */
  unsubscribed: boolean;
}

export interface SubscriberOperations {
  addSubscribers(request: {
    subscribers: readonly NewSubscriber[];
    actor: string;
  }): Promise<SubscriberOutcome[]>;
  removeSubscriber(request: {
    email: string;
    because: string;
    actor: string;
  }): Promise<Subscriber | null>;
}

/** So many are looked for, and written, at once. */
const BATCH = 100;

const namesIn = (policy: Policy, services: readonly string[]): string[] => [
  ...new Set(services.map((name) => canonicalService(policy, name.trim()))),
];

/** One address is one subscriber, however it is written. */
const keyOf = (email: string): string => email.trim().toLowerCase();

/**
 * Puts addresses on the list of those who are told of trouble, or changes how they are told; of one that is given
 * twice the last holds. Services are kept by the policy's names, which incidents go by. Doing it again changes nothing. Each batch is written for itself: broken off, it is done anew.
 *
 * @returns one outcome for each address, in their order.
 * @throws Transient when the database is not to be had.
 */
async function addSubscribers(
  { subscribers, actor }: { subscribers: readonly NewSubscriber[]; actor: string },
  deps: SubscriberDeps,
): Promise<SubscriberOutcome[]> {
  const wanted = new Map(subscribers.map((one) => [keyOf(one.email), one]));
  const all = [...wanted].map(([email, one]) => ({
    ...one,
    email,
    services: namesIn(deps.policy, one.services),
  }));
  const outcomes: SubscriberOutcome[] = [];
  for (let at = 0; at < all.length; at += BATCH) {
    outcomes.push(...(await addBatch(all.slice(at, at + BATCH), actor, deps)));
  }
  return outcomes;
}

function addBatch(
  wanted: readonly NewSubscriber[],
  actor: string,
  deps: SubscriberDeps,
): Promise<SubscriberOutcome[]> {
  return untilStill("the subscribers", async () => {
    const { known, suppressed } = await kept(wanted, deps.database);
    const { plan, now } = planOf(actor, deps);
    const outcomes = wanted.map((one): SubscriberOutcome => {
      const before = known.find(({ email }) => email === one.email);
      const hash = recipientHash(one.email);
      const unsubscribed = suppressed.some(({ recipientHash: of }) => of === hash);
      if (before === undefined) {
        const id = deps.ids.next("subscriber");
        const subscriber = { ...one, id, createdAt: now, removedAt: null, version: 0 };
        plan.insert("subscriber", subscriber).audit("subscriber.added", id);
        return { subscriber, result: "added", unsubscribed };
      }
      if (isSame(before, one)) return { subscriber: before, result: "unchanged", unsubscribed };
      const { locale, services } = one;
      const change = { locale, services, removedAt: null };
      const wasRemoved = before.removedAt !== null;
      plan
        .update("subscriber", before, change)
        .audit(wasRemoved ? "subscriber.added" : "subscriber.changed", before.id);
      const subscriber = { ...before, ...change };
      return { subscriber, result: wasRemoved ? "added" : "changed", unsubscribed };
    });
    await apply(deps.database, plan.build());
    return outcomes;
  });
}

const isSame = (before: Subscriber, { locale, services }: NewSubscriber): boolean =>
  before.removedAt === null &&
  before.locale === locale &&
  [...before.services].sort().join("\n") === [...services].sort().join("\n");

/**
 * Takes an address off the list: it is told of no trouble any more. Mail that it is owed is sent as before.
 *
 * @returns null when it is not on the list.
 * @throws Transient when the database is not to be had.
 */
function removeSubscriber(
  { email, because, actor }: { email: string; because: string; actor: string },
  deps: SubscriberDeps,
): Promise<Subscriber | null> {
  return untilStill("the subscriber", async () => {
    const { rows } = await load(deps.database, {
      rows: read("subscriber", "t.email = ?", [keyOf(email)]),
    });
    const [before] = rows;
    if (before === undefined || before.removedAt !== null) return null;
    const { plan, now } = planOf(actor, deps);
    plan
      .update("subscriber", before, { removedAt: now })
      .audit("subscriber.removed", before.id, { because });
    await apply(deps.database, plan.build());
    return { ...before, removedAt: now };
  });
}

async function kept(
  wanted: readonly NewSubscriber[],
  database: Database,
): Promise<{ known: Subscriber[]; suppressed: Suppression[] }> {
  const among = (column: string): string =>
    `t.${column} IN (SELECT jsonb_array_elements_text(?::text::jsonb))`;
  return load(database, {
    known: read("subscriber", among("email"), [JSON.stringify(wanted.map(({ email }) => email))]),
    suppressed: read(
      "suppression",
      among("recipient_hash"),
      [JSON.stringify(wanted.map(({ email }) => recipientHash(email)))],
      { rowsMax: 4 * BATCH },
    ),
  });
}

function planOf(actor: string, { clock, ids }: SubscriberDeps) {
  const now = clock.now();
  const requestId = ids.next("request");
  return { now, plan: new PlanBuilder({ now, ids, actor, eventId: null, requestId }) };
}

export const subscriberOperations = (deps: SubscriberDeps): SubscriberOperations => ({
  addSubscribers: (request) => addSubscribers(request, deps),
  removeSubscriber: (request) => removeSubscriber(request, deps),
});
