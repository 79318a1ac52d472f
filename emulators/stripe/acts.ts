import { z } from "zod";
import type { Realms } from "./realms.js";
import { completeSession, settleSession } from "./resources/checkout-sessions.js";
import { closeDispute, escalateDispute, openDispute } from "./resources/disputes.js";
import { warnOfFraud } from "./resources/early-fraud-warnings.js";
import { fundIntent, settleIntent } from "./resources/intent-states.js";
import { expireIntent } from "./resources/payment-intents.js";
import { settleRefund } from "./resources/refunds.js";
import {
  endDunning,
  expireIncomplete,
  settlePendingUpdate,
} from "./resources/subscription-changes.js";
import { renewSubscription } from "./resources/subscription-states.js";
import { NOBODY } from "./rows.js";
import { kindOfId, tableOfKind } from "./tables.js";
import type { World } from "./world.js";

const id = z.string();
const order = <Name extends string, Shape extends z.ZodRawShape>(name: Name, shape: Shape) =>
  z.strictObject({ do: z.literal(name), id, ...shape });

/** What happens without an API request: a shopper, a bank, an issuer or time does it. `id` is the object it happens to. */
export const ActSchema = z.discriminatedUnion("do", [
  /** Of a payment intent, a completed checkout session, or a refund. */
  order("settle", { outcome: z.enum(["succeeded", "failed", "requires_action", "canceled"]) }),
  /** The shopper pays on the hosted page: `pm_card_visa` unless said. */
  order("complete_checkout", {
    email: z.string().optional(),
    name: z.string().optional(),
    paymentMethod: z.string().optional(),
  }),
  /** Part of a bank transfer arrives, for an intent that requires action. */
  order("fund", { amount: z.int().positive() }),
  /** Nobody captured an intent in time. */
  order("expire_authorization", {}),
  /** Of a charge; an inquiry moves no money at first. */
  order("dispute", {
    amount: z.int().positive().optional(),
    reason: z.string().optional(),
    inquiry: z.boolean().optional(),
  }),
  /** Of an inquiry: it becomes a dispute. */
  order("escalate", {}),
  order("close_dispute", { outcome: z.enum(["won", "lost", "warning_closed"]) }),
  /** An early fraud warning, of a charge. */
  order("warn_of_fraud", { fraudType: z.string().optional() }),
  /** The end of a subscription's period or trial. */
  order("renew", {}),
  /** The last try to charge a renewal has failed. */
  order("end_dunning", { outcome: z.enum(["canceled", "unpaid"]) }),
  /** A first invoice was not paid in time. */
  order("expire_incomplete", {}),
  order("settle_pending_update", { outcome: z.enum(["applied", "expired"]) }),
  /** Tells of an object as it is, by an event of any type: `invoice.overdue`, `customer.subscription.trial_will_end` … */
  order("tell", { type: z.string() }),
]);

export type Act = z.infer<typeof ActSchema>;

/** @throws StripeFailure when the object is not in a state in which this can happen. */
export function perform(world: World, act: Act): object {
  switch (act.do) {
    case "settle":
      return settleAny(world, act.id, act.outcome);
    case "complete_checkout":
      return completeSession(world, act.id, act);
    case "fund":
      return fundIntent(world, act.id, act.amount);
    case "expire_authorization":
      return expireIntent(world, act.id);
    case "dispute":
      return openDispute(world, act.id, act);
    case "escalate":
      return escalateDispute(world, act.id);
    case "close_dispute":
      return closeDispute(world, NOBODY, act.id, act.outcome);
    case "warn_of_fraud":
      return warnOfFraud(world, act.id, act.fraudType);
    case "renew":
      return renewSubscription(world, act.id);
    case "end_dunning":
      return endDunning(world, act.id, act.outcome);
    case "expire_incomplete":
      return expireIncomplete(world, act.id);
    case "settle_pending_update":
      return settlePendingUpdate(world, act.id, act.outcome);
    case "tell":
      return tell(world, act.id, act.type);
  }
}

type Outcome = Extract<Act, { do: "settle" }>["outcome"];

function settleAny(world: World, objectId: string, outcome: Outcome): object {
  if (objectId.startsWith("re_")) return settleRefund(world, objectId, outcome);
  if (outcome !== "succeeded" && outcome !== "failed") {
    throw new Error(`${objectId} cannot become ${outcome} by itself`);
  }
  if (objectId.startsWith("cs_")) return settleSession(world, objectId, outcome);
  return settleIntent(world, objectId, outcome);
}

function tell(world: World, objectId: string, type: string): object {
  const kind = kindOfId(objectId);
  const object = kind && tableOfKind(world.tables, kind).get(objectId);
  if (object === undefined) throw new Error(`No such object: ${objectId}`);
  world.emit(NOBODY, type, object);
  return object;
}

/** The world that holds an object; the primary one when none does. */
export function holderOf(realms: Realms, objectId: string): World {
  const kind = kindOfId(objectId);
  const holder = realms
    .all()
    .find(
      ({ tables }) => kind !== undefined && tableOfKind(tables, kind).get(objectId) !== undefined,
    );
  return holder ?? realms.primary;
}
