import type Stripe from "stripe";
import type { Table } from "../recorder/store.js";
import type { Kit } from "../recorder/vendor.js";
import type { Behaviour } from "./behaviour.js";
import type { Input } from "./form.js";

/** Who caused a change: an API request, or nobody's (a shopper, a bank, time). */
export interface Actor {
  id: string | null;
  idempotency_key: string | null;
}

export const NOBODY: Actor = { id: null, idempotency_key: null };

export type StoredCustomer = Stripe.Customer | Stripe.DeletedCustomer;

/** An endpoint as stored: every live secret signs, the newest first. */
export interface StoredEndpoint extends Stripe.WebhookEndpoint {
  secrets: string[];
}

/** `pending_webhooks` is derived from the deliveries when the event is read. */
export interface StoredEvent {
  id: string;
  object: "event";
  api_version: string;
  created: number;
  data: { object: unknown; previous_attributes?: Record<string, unknown> };
  livemode: boolean;
  request: Actor;
  type: string;
}

export interface Delivery {
  id: string;
  event: string;
  endpoint: string;
  /** `dropped` never leaves; `failed` has used up its attempts. Both count as not delivered. */
  state: "pending" | "succeeded" | "failed" | "dropped";
  attempts: number;
  firstAt: number;
  /** Milliseconds since 1970 by the emulator's clock. */
  nextAt: number;
  /** Status of the last answer, or the error's text. */
  lastResult: number | string | null;
}

export interface Tables {
  customers: Table<StoredCustomer>;
  paymentMethods: Table<Stripe.PaymentMethod>;
  /** By payment method: how it behaves when it is charged and refunded. */
  behaviours: Table<Behaviour>;
  paymentIntents: Table<Stripe.PaymentIntent>;
  charges: Table<Stripe.Charge>;
  refunds: Table<Stripe.Refund>;
  sessions: Table<Stripe.Checkout.Session>;
  /** By session: what was bought, and what is passed on to its payment intent. */
  carts: Table<Cart>;
  events: Table<StoredEvent>;
  endpoints: Table<StoredEndpoint>;
  deliveries: Table<Delivery>;
}

/** A line item on the wire, where decimals are strings. */
export interface LineItemRow extends Omit<Stripe.LineItem, "price"> {
  price: Record<string, unknown>;
}

export interface Cart {
  items: LineItemRow[];
  intent: { metadata: Stripe.Metadata; description: string | null; receiptEmail: string | null };
}

export interface World {
  kit: Kit;
  tables: Tables;
  apiVersion: string;
  livemode: boolean;
  /** Unix seconds. */
  now(): number;
  /** Stores an event with a snapshot of `object`, and the deliveries that it causes. */
  emit(actor: Actor, type: string, object: object, before?: object): void;
  /** How many deliveries of an event are not confirmed. */
  openDeliveries(eventId: string): number;
}

export interface Call {
  /** The id in the path, or "". */
  id: string;
  input: Input;
  actor: Actor;
}

/** One route of the API. `accepts` names its parameters; others are refused, as the real API does. */
export interface Route {
  method: "GET" | "POST" | "DELETE";
  path: string;
  accepts: readonly string[];
  run(call: Call): object;
}

export function openTables(kit: Kit): Tables {
  const { store } = kit;
  return {
    customers: store.table("customers"),
    paymentMethods: store.table("payment_methods"),
    behaviours: store.table("behaviours"),
    paymentIntents: store.table("payment_intents"),
    charges: store.table("charges"),
    refunds: store.table("refunds"),
    sessions: store.table("checkout_sessions"),
    carts: store.table("carts"),
    events: store.table("events"),
    endpoints: store.table("webhook_endpoints"),
    deliveries: store.table("deliveries"),
  };
}

/** What of `before` is different in `after`: the `previous_attributes` of an event. */
export function previousAttributes(before: object, after: object): Record<string, unknown> {
  const old = before as Record<string, unknown>;
  const fresh = after as Record<string, unknown>;
  const changed: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(old), ...Object.keys(fresh)])) {
    const was = old[name] ?? null;
    const is = fresh[name] ?? null;
    if (JSON.stringify(was) === JSON.stringify(is)) continue;
    changed[name] = isRecord(was) && isRecord(is) ? previousAttributes(was, is) : was;
  }
  return changed;
}

const isRecord = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);
