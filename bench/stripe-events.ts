import { encodeBody, signedRequest } from "../cli/sign.js";

export const STRIPE_SECRET = "whsec_bench_0123456789abcdefghijklmnop";

export interface SignedEvent {
  headers: Record<string, string>;
  body: Uint8Array<ArrayBuffer>;
}

/** Stands where an event differs from every other. */
const MARK = "__unique__";

/** A paid intent in the form that the API gives it, some 3 kB as Stripe writes JSON. All of it is invented. */
const intent = {
  id: `pi_3Bench${MARK}`,
  object: "payment_intent",
  amount: 49_000,
  amount_capturable: 0,
  amount_details: { tip: {} },
  amount_received: 49_000,
  application: null,
  application_fee_amount: null,
  automatic_payment_methods: { allow_redirects: "always", enabled: true },
  canceled_at: null,
  cancellation_reason: null,
  capture_method: "automatic_async",
  client_secret: `pi_3Bench${MARK}_secret_invented`,
  confirmation_method: "automatic",
  created: 1_793_520_000,
  currency: "thb",
  customer: `cus_Bench${MARK}`,
  description: "Pro package, one year, for a person who learns",
  excluded_payment_method_types: null,
  last_payment_error: null,
  latest_charge: `ch_3Bench${MARK}`,
  livemode: true,
  metadata: {
    userId: `user_${MARK}`,
    package: "pro-year",
    locale: "th",
    campaign: "november",
    cart: "0f8f1f6e-5d0e-4f43-9b8e-6f1f1f0c2a11",
  },
  next_action: null,
  on_behalf_of: null,
  payment_method: `pm_1Bench${MARK}`,
  payment_method_configuration_details: { id: "pmc_1Bench0000000000000000", parent: null },
  payment_method_options: {
    card: {
      installments: null,
      mandate_options: null,
      network: null,
      request_three_d_secure: "automatic",
    },
    link: { persistent_token: null },
    promptpay: {},
  },
  payment_method_types: ["card", "link", "promptpay"],
  presentment_details: { presentment_amount: 49_000, presentment_currency: "thb" },
  processing: null,
  receipt_email: `somsri.${MARK}@example.com`,
  review: null,
  setup_future_usage: "off_session",
  shipping: {
    address: {
      city: "เชียงใหม่",
      country: "TH",
      line1: "99/1 ถนนห้วยแก้ว",
      line2: null,
      postal_code: "50200",
      state: "เชียงใหม่",
    },
    carrier: null,
    name: "สมศรี ใจดี",
    phone: "+66000000000",
    tracking_number: null,
  },
  source: null,
  statement_descriptor: null,
  statement_descriptor_suffix: "PRO",
  status: "succeeded",
  transfer_data: null,
  transfer_group: null,
};

const TEMPLATE = new TextDecoder()
  .decode(
    encodeBody("stripe", {
      id: `evt_3Bench${MARK}`,
      object: "event",
      api_version: "2026-10-28.clover",
      created: 1_793_520_000,
      data: { object: intent },
      livemode: true,
      pending_webhooks: 1,
      request: { id: `req_${MARK}`, idempotency_key: `idem-${MARK}` },
      type: "payment_intent.succeeded",
    }),
  )
  .split(MARK);

let made = 0;

/** The event of one payment, named by a text that no other has, as Stripe would post it now. */
export function eventNamed(unique: string): SignedEvent {
  const body = Uint8Array.from(Buffer.from(TEMPLATE.join(unique)));
  const { headers } = signedRequest("stripe", body, { secret: STRIPE_SECRET, now: Date.now() });
  return { headers, body };
}

/** The event of a payment that no other run or process has made. */
export function nextEvent(): SignedEvent {
  made += 1;
  return eventNamed(`${process.pid.toString(36)}${made.toString(36).padStart(6, "0")}`);
}

export const nextEvents = (count: number): SignedEvent[] =>
  Array.from({ length: count }, nextEvent);
