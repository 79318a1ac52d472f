import type Stripe from "stripe";
import type { Behaviour } from "../behaviour.js";
import { resourceMissing } from "../errors.js";
import { LIST_PARAMS, listOf } from "../lists.js";
import type { Actor } from "../rows.js";
import type { Route, World } from "../world.js";

/** How a try to charge went; `authorized` is a success that still has to be captured. */
export type ChargeResult = "succeeded" | "authorized" | "pending" | "failed";

const EVENT_OF: Record<ChargeResult, string> = {
  succeeded: "charge.succeeded",
  authorized: "charge.succeeded",
  pending: "charge.pending",
  failed: "charge.failed",
};

/** A new charge of an intent, stored and told. */
export function createCharge(
  world: World,
  actor: Actor,
  intent: Stripe.PaymentIntent,
  method: Stripe.PaymentMethod,
  result: ChargeResult,
  behaviour: Behaviour,
): Stripe.Charge {
  const id = world.kit.ids("ch_");
  const charge: Stripe.Charge = {
    id,
    object: "charge",
    amount: intent.amount,
    amount_captured: result === "succeeded" ? intent.amount : 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: result === "succeeded" ? world.kit.ids("txn_") : null,
    billing_details: method.billing_details,
    calculated_statement_descriptor: null,
    captured: result === "succeeded" || result === "pending",
    created: world.now(),
    currency: intent.currency,
    customer: intent.customer,
    description: intent.description,
    disputed: false,
    failure_balance_transaction: null,
    ...outcomeOf(result, behaviour),
    fraud_details: {},
    livemode: world.livemode,
    metadata: intent.metadata,
    on_behalf_of: null,
    paid: result !== "failed" && result !== "pending",
    payment_intent: intent.id,
    payment_method: method.id,
    payment_method_details: detailsOf(intent, method),
    receipt_email: intent.receipt_email,
    receipt_number: null,
    receipt_url: result === "succeeded" ? `${world.kit.baseUrl}/receipts/${id}` : null,
    refunded: false,
    review: null,
    shipping: null,
    source: null,
    source_transfer: null,
    statement_descriptor: intent.statement_descriptor,
    statement_descriptor_suffix: null,
    status: result === "authorized" ? "succeeded" : result,
    transfer_data: null,
    transfer_group: null,
  };
  world.tables.charges.put(id, charge);
  world.emit(actor, EVENT_OF[result], charge);
  return charge;
}

/** A pending charge that the bank has decided. */
export function settleCharge(
  world: World,
  actor: Actor,
  charge: Stripe.Charge,
  result: "succeeded" | "failed",
  behaviour: Behaviour,
): Stripe.Charge {
  const paid = result === "succeeded";
  const settled: Stripe.Charge = {
    ...charge,
    ...outcomeOf(result, behaviour),
    paid,
    status: result,
    amount_captured: paid ? charge.amount : 0,
    balance_transaction: paid ? world.kit.ids("txn_") : null,
    receipt_url: paid ? `${world.kit.baseUrl}/receipts/${charge.id}` : null,
  };
  world.tables.charges.put(charge.id, settled);
  world.emit(actor, EVENT_OF[result], settled);
  return settled;
}

export function captureCharge(world: World, actor: Actor, id: string, amount: number): void {
  const charge = chargeNamed(world, id);
  const captured: Stripe.Charge = {
    ...charge,
    amount_captured: amount,
    captured: true,
    balance_transaction: world.kit.ids("txn_"),
    receipt_url: `${world.kit.baseUrl}/receipts/${charge.id}`,
  };
  world.tables.charges.put(id, captured);
  world.emit(actor, "charge.captured", captured);
}

export function chargeNamed(world: World, id: string, param = "charge"): Stripe.Charge {
  const charge = world.tables.charges.get(id);
  if (charge === undefined) throw resourceMissing("charge", id, param, param === "id" ? 404 : 400);
  return charge;
}

function outcomeOf(
  result: ChargeResult,
  { decline }: Behaviour,
): Pick<Stripe.Charge, "failure_code" | "failure_message" | "outcome"> {
  const codes = { advice_code: null, network_advice_code: null, network_decline_code: null };
  if (result === "failed") {
    const outcome = {
      ...codes,
      network_status: "declined_by_network",
      reason: decline?.declineCode ?? "generic_decline",
      risk_level: "normal",
      seller_message: "The bank did not return any further details with this decline.",
      type: "issuer_declined",
    };
    return {
      failure_code: decline?.code ?? "card_declined",
      failure_message: decline?.message ?? "The payment failed.",
      outcome,
    };
  }
  const outcome = {
    ...codes,
    network_status: "approved_by_network",
    reason: null,
    risk_level: "normal",
    seller_message: result === "pending" ? null : "Payment complete.",
    type: "authorized",
  };
  return { failure_code: null, failure_message: null, outcome };
}

function detailsOf(
  intent: Stripe.PaymentIntent,
  method: Stripe.PaymentMethod,
): Stripe.Charge.PaymentMethodDetails {
  const bank = method.us_bank_account;
  if (bank !== undefined) {
    const { account_holder_type, account_type, bank_name, fingerprint, last4, routing_number } =
      bank;
    return {
      type: "us_bank_account",
      us_bank_account: {
        account_holder_type,
        account_type,
        bank_name,
        fingerprint,
        last4,
        payment_reference: null,
        routing_number,
      },
    };
  }
  const card = method.card;
  if (card === undefined) return { type: method.type };
  return {
    type: "card",
    card: {
      amount_authorized: intent.amount,
      authorization_code: null,
      brand: card.brand,
      checks: card.checks,
      country: card.country,
      electronic_commerce_indicator: null,
      exp_month: card.exp_month,
      exp_year: card.exp_year,
      fingerprint: card.fingerprint ?? null,
      funding: card.funding,
      installments: null,
      last4: card.last4,
      mandate: null,
      network: card.brand,
      network_transaction_id: null,
      regulated_status: card.regulated_status,
      three_d_secure: null,
      transaction_link_id: null,
      wallet: null,
    },
  };
}

export const chargeRoutes = (world: World): Route[] => [
  {
    method: "GET",
    path: "/v1/charges",
    accepts: [...LIST_PARAMS, "customer", "payment_intent"],
    run: ({ input }) =>
      listOf("/v1/charges", "charge", input, world.tables.charges, {
        by: ["payment_intent", "customer"],
      }),
  },
  {
    method: "GET",
    path: "/v1/charges/:id",
    accepts: ["expand"],
    run: ({ id }) => chargeNamed(world, id, "id"),
  },
  {
    method: "POST",
    path: "/v1/charges/:id",
    accepts: ["description", "metadata", "receipt_email", "expand"],
    run: ({ id, input, actor }) => {
      const before = chargeNamed(world, id, "id");
      const description = input.text("description");
      const receiptEmail = input.text("receipt_email");
      const after: Stripe.Charge = {
        ...before,
        ...(description === undefined ? {} : { description }),
        ...(receiptEmail === undefined ? {} : { receipt_email: receiptEmail }),
        metadata: input.metadata(before.metadata),
      };
      world.tables.charges.put(id, after);
      if (JSON.stringify(after) !== JSON.stringify(before)) {
        world.emit(actor, "charge.updated", after, before);
      }
      return after;
    },
  },
];
