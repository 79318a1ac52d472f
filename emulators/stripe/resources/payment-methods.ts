import type Stripe from "stripe";
import type { Behaviour } from "../behaviour.js";
import { resourceMissing } from "../errors.js";
import type { Route, World } from "../world.js";

const decline = (code: string, declineCode: string, message: string): Behaviour => ({
  charge: "declines",
  decline: { code, declineCode, message },
  refund: "succeeds",
});

const succeeds: Behaviour = { charge: "succeeds", refund: "succeeds" };

const DECLINES: Record<string, Behaviour> = {
  chargeDeclined: decline("card_declined", "generic_decline", "Your card was declined."),
  chargeDeclinedInsufficientFunds: decline(
    "card_declined",
    "insufficient_funds",
    "Your card has insufficient funds.",
  ),
  chargeDeclinedLostCard: decline("card_declined", "lost_card", "Your card was declined."),
  chargeDeclinedStolenCard: decline("card_declined", "stolen_card", "Your card was declined."),
  chargeDeclinedFraudulent: decline("card_declined", "fraudulent", "Your card was declined."),
  chargeDeclinedExpiredCard: decline("expired_card", "expired_card", "Your card has expired."),
  chargeDeclinedIncorrectCvc: decline(
    "incorrect_cvc",
    "incorrect_cvc",
    "Your card's security code is incorrect.",
  ),
  chargeDeclinedProcessingError: decline(
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
  ),
};

interface TestMethod {
  behaviour: Behaviour;
  brand: string;
  last4: string;
}

const bank: TestMethod = {
  behaviour: { charge: "takes_days", refund: "succeeds" },
  brand: "bank",
  last4: "6789",
};

const visa = (last4: string, behaviour: Behaviour = succeeds): TestMethod => ({
  brand: "visa",
  last4,
  behaviour,
});

const TEST_METHODS: Record<string, TestMethod> = {
  pm_card_visa: visa("4242"),
  pm_card_visa_debit: visa("5556"),
  pm_card_th_credit: visa("0003"),
  pm_card_mastercard: { brand: "mastercard", last4: "4444", behaviour: succeeds },
  pm_card_amex: { brand: "amex", last4: "8431", behaviour: succeeds },
  pm_card_pendingRefund: visa("7726", { charge: "succeeds", refund: "pends" }),
  pm_card_authenticationRequired: visa("3184", { charge: "needs_action", refund: "succeeds" }),
  pm_card_threeDSecure2Required: visa("3220", { charge: "needs_action", refund: "succeeds" }),
  pm_usBankAccount_success: bank,
  pm_usBankAccount: bank,
};

function testMethod(id: string): TestMethod | undefined {
  const name = id.replace(/^pm_card_(visa_)?/, "");
  const declines = DECLINES[name];
  return declines === undefined ? TEST_METHODS[id] : visa("0002", declines);
}

/**
 * The payment method behind a test id such as `pm_card_visa` (a new object, as in the real API) or a stored id.
 * @throws resource_missing for any other id.
 */
export function resolvePaymentMethod(
  world: World,
  id: string,
  customer: string | null,
): Stripe.PaymentMethod {
  const stored = world.tables.paymentMethods.get(id);
  if (stored !== undefined) return stored;
  const known = testMethod(id);
  if (known === undefined) throw resourceMissing("PaymentMethod", id, "payment_method", 400);
  const method: Stripe.PaymentMethod = {
    id: world.kit.ids("pm_"),
    object: "payment_method",
    allow_redisplay: "unspecified",
    billing_details: { address: null, email: null, name: null, phone: null, tax_id: null },
    created: world.now(),
    customer,
    customer_account: null,
    livemode: world.livemode,
    metadata: {},
    ...(known.brand === "bank" ? bankDetails(known) : cardDetails(known)),
  };
  world.tables.behaviours.put(method.id, known.behaviour);
  return world.tables.paymentMethods.put(method.id, method);
}

export const behaviourOf = (world: World, method: string | null): Behaviour =>
  (method === null ? undefined : world.tables.behaviours.get(method)) ?? succeeds;

function cardDetails({ brand, last4 }: TestMethod): Pick<Stripe.PaymentMethod, "type" | "card"> {
  return {
    type: "card",
    card: {
      brand,
      checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: "pass" },
      country: "US",
      display_brand: brand,
      exp_month: 8,
      exp_year: 2034,
      fingerprint: `fp_${brand}_${last4}`,
      funding: "credit",
      generated_from: null,
      last4,
      networks: { available: [brand], preferred: null },
      regulated_status: "unregulated",
      three_d_secure_usage: { supported: true },
      wallet: null,
    },
  };
}

function bankDetails({
  last4,
}: TestMethod): Pick<Stripe.PaymentMethod, "type" | "us_bank_account"> {
  return {
    type: "us_bank_account",
    us_bank_account: {
      account_holder_type: "individual",
      account_type: "checking",
      bank_name: "STRIPE TEST BANK",
      financial_connections_account: null,
      fingerprint: `fp_bank_${last4}`,
      last4,
      networks: { preferred: "ach", supported: ["ach"] },
      routing_number: "110000000",
      status_details: null,
    },
  };
}

export const paymentMethodRoutes = (world: World): Route[] => [
  {
    method: "GET",
    path: "/v1/setup_intents/:id",
    accepts: ["expand"],
    run: ({ id }) => {
      const intent = world.tables.setupIntents.get(id);
      if (intent === undefined) throw resourceMissing("setup_intent", id, "intent");
      return intent;
    },
  },
  {
    method: "GET",
    path: "/v1/payment_methods/:id",
    accepts: ["expand"],
    run: ({ id }) => {
      const method = world.tables.paymentMethods.get(id);
      if (method === undefined) throw resourceMissing("PaymentMethod", id, "payment_method");
      return method;
    },
  },
];
