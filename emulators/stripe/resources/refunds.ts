import type Stripe from "stripe";
import { parameterInvalid, parameterMissing, resourceMissing, unexpectedState } from "../errors.js";
import type { Input } from "../form.js";
import { LIST_PARAMS, listOf } from "../lists.js";
import { type Actor, NOBODY } from "../rows.js";
import type { Route, World } from "../world.js";
import { chargeNamed } from "./charges.js";
import { refreshWarnings } from "./early-fraud-warnings.js";
import { behaviourOf } from "./payment-methods.js";

/** Who pays back what: the charge named, or the latest one of the intent named. */
function chargeOf(world: World, input: Input): Stripe.Charge {
  const charge = input.text("charge");
  if (charge) return chargeNamed(world, charge);
  const id = input.text("payment_intent");
  if (!id) throw parameterMissing("charge");
  const intent = world.tables.paymentIntents.get(id);
  if (intent === undefined) throw resourceMissing("payment_intent", id, "payment_intent", 400);
  const latest = typeof intent.latest_charge === "string" ? intent.latest_charge : null;
  if (latest === null || intent.status !== "succeeded") {
    throw parameterInvalid(
      "payment_intent",
      `This PaymentIntent (${id}) does not have a successful charge to refund.`,
    );
  }
  return chargeNamed(world, latest);
}

function create(world: World, actor: Actor, input: Input): Stripe.Refund {
  const charge = chargeOf(world, input);
  if (charge.status !== "succeeded") {
    throw parameterInvalid(
      "charge",
      `Charge ${charge.id} is ${charge.status} and cannot be refunded.`,
    );
  }
  if (charge.refunded) {
    throw unexpectedState(
      "charge_already_refunded",
      `Charge ${charge.id} has already been refunded.`,
    );
  }
  const left = charge.amount_captured - charge.amount_refunded;
  const amount = input.integer("amount") ?? left;
  if (amount < 1) {
    throw parameterInvalid("amount", "Invalid positive integer", "parameter_invalid_integer");
  }
  if (amount > left) {
    throw parameterInvalid(
      "amount",
      `Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`,
    );
  }
  return refundCharge(world, actor, charge.id, amount, {
    reason: input.oneOf("reason", ["duplicate", "fraudulent", "requested_by_customer"]) ?? null,
    metadata: input.metadata(),
  });
}

/** Pays back an amount that the caller knows to be left; how it goes is up to the payment method. */
export function refundCharge(
  world: World,
  actor: Actor,
  chargeId: string,
  amount: number,
  fields: Pick<Stripe.Refund, "reason" | "metadata"> = { reason: null, metadata: {} },
): Stripe.Refund {
  const charge = chargeNamed(world, chargeId);
  const behaviour = behaviourOf(world, charge.payment_method);
  const refund = newRefund(world, charge, amount, {
    ...fields,
    status: behaviour.refund === "succeeds" ? "succeeded" : "pending",
  });
  tell(world, actor, charge, refund);
  return refund;
}

function newRefund(
  world: World,
  charge: Stripe.Charge,
  amount: number,
  fields: Pick<Stripe.Refund, "status" | "reason" | "metadata">,
): Stripe.Refund {
  const card = charge.payment_method_details?.type === "card";
  const refund: Stripe.Refund = {
    id: world.kit.ids("re_"),
    object: "refund",
    amount,
    balance_transaction: charge.captured ? world.kit.ids("txn_") : null,
    charge: charge.id,
    created: world.now(),
    currency: charge.currency,
    customer: charge.customer,
    customer_account: null,
    ...(card
      ? {
          destination_details: {
            type: "card",
            card: {
              reference_status: "pending",
              reference_type: "acquirer_reference_number",
              type: "refund",
            },
          },
        }
      : {}),
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    receipt_number: null,
    source_transfer_reversal: null,
    transfer_reversal: null,
    ...fields,
  };
  return world.tables.refunds.put(refund.id, refund);
}

function tell(
  world: World,
  actor: Actor,
  charge: Stripe.Charge,
  refund: Stripe.Refund,
  type = "charge.refunded",
): void {
  const after = withRefunded(charge, charge.amount_refunded + refund.amount);
  world.tables.charges.put(charge.id, after);
  world.emit(actor, "refund.created", refund);
  world.emit(actor, type, after, charge);
  refreshWarnings(world, after);
}

const withRefunded = (charge: Stripe.Charge, amount: number): Stripe.Charge => ({
  ...charge,
  amount_refunded: amount,
  refunded: amount >= (charge.captured ? charge.amount_captured : charge.amount),
});

/**
 * An authorisation that will not be captured: given back in full.
 * @param type how its charge says so: `charge.refunded`, or `charge.expired` when nobody captured it in time.
 */
export function releaseCharge(
  world: World,
  actor: Actor,
  charge: Stripe.Charge,
  type: "charge.refunded" | "charge.expired" = "charge.refunded",
): void {
  const fields = { status: "succeeded", reason: null, metadata: {} };
  tell(world, actor, charge, newRefund(world, charge, charge.amount, fields), type);
}

export type RefundOutcome = "succeeded" | "failed" | "requires_action" | "canceled";

/** From which states a refund can come to an outcome. */
const BEFORE: Record<RefundOutcome, string[]> = {
  succeeded: ["pending", "requires_action"],
  requires_action: ["pending"],
  canceled: ["pending", "requires_action"],
  failed: ["pending", "requires_action", "succeeded"],
};

/**
 * What the bank decided of a refund. A refund that succeeded can still fail; of one that failed or was canceled the amount
 * comes back off `charge.amount_refunded`.
 */
export function settleRefund(
  world: World,
  id: string,
  outcome: RefundOutcome,
  actor: Actor = NOBODY,
): Stripe.Refund {
  const before = refundNamed(world, id);
  if (!BEFORE[outcome].includes(before.status ?? "")) {
    throw parameterInvalid("id", `${id} is ${before.status}: it cannot become ${outcome}`);
  }
  const failed = outcome === "failed";
  const after: Stripe.Refund = {
    ...before,
    status: outcome,
    ...(failed
      ? { failure_reason: "unknown", failure_balance_transaction: world.kit.ids("txn_") }
      : {}),
  };
  world.tables.refunds.put(id, after);
  const charge = chargeNamed(world, typeof before.charge === "string" ? before.charge : "");
  if (failed || outcome === "canceled") {
    const restored = withRefunded(charge, charge.amount_refunded - before.amount);
    world.tables.charges.put(charge.id, restored);
    world.emit(actor, "charge.updated", restored, charge);
  }
  world.emit(actor, "refund.updated", after, before);
  world.emit(actor, "charge.refund.updated", after, before);
  if (failed) world.emit(actor, "refund.failed", after);
  return after;
}

function refundNamed(world: World, id: string): Stripe.Refund {
  const refund = world.tables.refunds.get(id);
  if (refund === undefined) throw resourceMissing("refund", id, "id");
  return refund;
}

export const refundRoutes = (world: World): Route[] => [
  {
    method: "POST",
    path: "/v1/refunds",
    accepts: ["charge", "payment_intent", "amount", "reason", "metadata", "expand"],
    run: ({ input, actor }) => create(world, actor, input),
  },
  {
    method: "GET",
    path: "/v1/refunds",
    accepts: [...LIST_PARAMS, "charge", "payment_intent"],
    run: ({ input }) =>
      listOf("/v1/refunds", "refund", input, world.tables.refunds, {
        by: ["charge", "payment_intent"],
      }),
  },
  {
    method: "GET",
    path: "/v1/refunds/:id",
    accepts: ["expand"],
    run: ({ id }) => refundNamed(world, id),
  },
  {
    method: "POST",
    path: "/v1/refunds/:id",
    accepts: ["metadata", "expand"],
    run: ({ id, input, actor }) => {
      const before = refundNamed(world, id);
      const after = { ...before, metadata: input.metadata(before.metadata ?? {}) };
      world.tables.refunds.put(id, after);
      if (JSON.stringify(after) !== JSON.stringify(before)) {
        world.emit(actor, "refund.updated", after, before);
      }
      return after;
    },
  },
  {
    method: "POST",
    path: "/v1/refunds/:id/cancel",
    accepts: ["expand"],
    run: ({ id, actor }) => {
      if (refundNamed(world, id).status !== "requires_action") {
        throw parameterInvalid("id", "Only refunds that require action can be canceled.");
      }
      return settleRefund(world, id, "canceled", actor);
    },
  },
];
