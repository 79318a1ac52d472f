import type Stripe from "stripe";
import type { OrderedTable, Store } from "../recorder/store.js";
import type { Behaviour } from "./behaviour.js";
import type {
  InvoicePaymentRow,
  InvoiceRow,
  PriceRow,
  SubscriptionRow,
} from "./resources/billing-rows.js";
import type { Cart, StoredCustomer, StoredEndpoint, StoredEvent } from "./rows.js";

export interface Tables {
  customers: OrderedTable<StoredCustomer>;
  paymentMethods: OrderedTable<Stripe.PaymentMethod>;
  /** By payment method: how it behaves when it is charged and refunded. */
  behaviours: OrderedTable<Behaviour>;
  paymentIntents: OrderedTable<Stripe.PaymentIntent>;
  charges: OrderedTable<Stripe.Charge>;
  refunds: OrderedTable<Stripe.Refund>;
  disputes: OrderedTable<Stripe.Dispute>;
  warnings: OrderedTable<Stripe.Radar.EarlyFraudWarning>;
  products: OrderedTable<Stripe.Product>;
  prices: OrderedTable<PriceRow>;
  invoices: OrderedTable<InvoiceRow>;
  invoicePayments: OrderedTable<InvoicePaymentRow>;
  subscriptions: OrderedTable<SubscriptionRow>;
  setupIntents: OrderedTable<Stripe.SetupIntent>;
  sessions: OrderedTable<Stripe.Checkout.Session>;
  /** By session: what was bought, and what is passed on to its payment intent. */
  carts: OrderedTable<Cart>;
  events: OrderedTable<StoredEvent>;
  endpoints: OrderedTable<StoredEndpoint>;
}

/**
 * The tables of one account in one mode, with the fields that lists filter by.
 * @param prefix set before every table's name; "" for the account and mode of the emulator's first key.
 */
export function openTables(store: Store, prefix: string): Tables {
  const open = <Row extends object>(name: string, fields: readonly string[] = []) =>
    store.orderedTable<Row>(`${prefix}${name}`, fields);
  return {
    customers: open("customers", ["email"]),
    paymentMethods: open("payment_methods", ["customer"]),
    behaviours: open("behaviours"),
    paymentIntents: open("payment_intents", ["customer"]),
    charges: open("charges", ["payment_intent", "customer"]),
    refunds: open("refunds", ["charge", "payment_intent"]),
    disputes: open("disputes", ["charge", "payment_intent"]),
    warnings: open("early_fraud_warnings", ["charge", "payment_intent"]),
    products: open("products"),
    prices: open("prices", ["product"]),
    invoices: open("invoices", ["customer", "status"]),
    invoicePayments: open("invoice_payments", ["payment.payment_intent", "invoice", "status"]),
    subscriptions: open("subscriptions", ["customer"]),
    setupIntents: open("setup_intents", ["customer"]),
    sessions: open("checkout_sessions", ["payment_intent", "subscription", "customer", "status"]),
    carts: open("carts"),
    events: open("events"),
    endpoints: open("webhook_endpoints"),
  };
}

/** Kinds of objects as the API's paths name them. */
const KINDS = {
  customers: { table: "customers", prefixes: ["cus_"] },
  payment_methods: { table: "paymentMethods", prefixes: ["pm_"] },
  payment_intents: { table: "paymentIntents", prefixes: ["pi_"] },
  charges: { table: "charges", prefixes: ["ch_"] },
  refunds: { table: "refunds", prefixes: ["re_"] },
  disputes: { table: "disputes", prefixes: ["du_", "dp_"] },
  "radar/early_fraud_warnings": { table: "warnings", prefixes: ["issfr_"] },
  products: { table: "products", prefixes: ["prod_"] },
  prices: { table: "prices", prefixes: ["price_"] },
  invoices: { table: "invoices", prefixes: ["in_"] },
  invoice_payments: { table: "invoicePayments", prefixes: ["inpay_"] },
  subscriptions: { table: "subscriptions", prefixes: ["sub_"] },
  setup_intents: { table: "setupIntents", prefixes: ["seti_"] },
  "checkout/sessions": { table: "sessions", prefixes: ["cs_"] },
} as const satisfies Record<string, { table: keyof Tables; prefixes: readonly string[] }>;

export type Kind = keyof typeof KINDS;

export const KIND_NAMES = Object.keys(KINDS) as Kind[];

/** Any object of the API. */
export interface AnyObject {
  id: string;
  object: string;
  [field: string]: unknown;
}

export const tableOfKind = (tables: Tables, kind: Kind): OrderedTable<AnyObject> =>
  // Each of these tables holds objects of the API; which ones does not matter to whoever asks by kind.
  tables[KINDS[kind].table] as unknown as OrderedTable<AnyObject>;

/** The kind of object that an id stands for, by its prefix. */
export const kindOfId = (id: string): Kind | undefined =>
  KIND_NAMES.find((kind) => KINDS[kind].prefixes.some((prefix) => id.startsWith(prefix)));
