import type { Ids } from "../../src/domain/ids.js";
import type { EventRun } from "../../src/handlers/run-event.js";
import type { Delivery } from "../../src/queues/delivery.js";
import { systemClock } from "../../src/runtime/clock.js";
import { stripe } from "../../src/sources/stripe/index.js";
import type { SignedEvent } from "../stripe-events.js";

/** What the door would have found out about the event. */
export async function deliveryOf({ headers, body }: SignedEvent, ids: Ids): Promise<Delivery> {
  const identity = await stripe.identify(new Headers(headers), body);
  const now = systemClock.now();
  return {
    v: 1,
    source: stripe.id,
    ...identity,
    occurredAt: identity.occurredAt ?? now,
    receivedAt: now,
    requestId: ids.next("request"),
    verifiedBy: stripe.secret,
    headers: {},
    encoding: "raw",
  };
}

/** The event as a worker takes it up. */
export async function runOf(event: SignedEvent, ids: Ids): Promise<EventRun> {
  const delivery = await deliveryOf(event, ids);
  const startedAt = systemClock.now();
  return { delivery, body: event.body, attemptId: ids.next("attempt"), startedAt };
}
