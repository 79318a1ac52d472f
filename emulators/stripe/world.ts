import type Stripe from "stripe";
import type { Kit } from "../recorder/vendor.js";
import type { Input } from "./form.js";
import type { PriceRow } from "./resources/billing-rows.js";
import type { Tables } from "./tables.js";

/** What a world stands on. */
export type Ground = Pick<Kit, "store" | "clock" | "ids" | "baseUrl">;

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
  /** True: only events of connected accounts; false: only the platform's own; absent: both. */
  connect?: boolean;
  /** Gets thin events instead of snapshots. */
  thin?: boolean;
}

/**
 * `pending_webhooks` is derived from the deliveries when the event is read. The object is kept in its newest shape, whatever
 * `api_version` says: that is the version in which it is read.
 */
export interface StoredEvent {
  id: string;
  object: "event";
  /** Of a connected account; absent on the platform's own. */
  account?: string;
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

/** A line item on the wire, where decimals are strings. */
export interface LineItemRow extends Omit<Stripe.LineItem, "price"> {
  price: Record<string, unknown>;
}

export interface Cart {
  items: LineItemRow[];
  intent: { metadata: Stripe.Metadata; description: string | null; receiptEmail: string | null };
  /** In mode `subscription`. */
  subscription?: {
    items: { price: PriceRow; quantity: number }[];
    metadata: Stripe.Metadata;
    description: string | null;
    trialDays: number;
  };
}

/** The objects of one account in one mode; accounts and modes see nothing of each other. */
export interface World {
  kit: Ground;
  tables: Tables;
  apiVersion: string;
  livemode: boolean;
  /** A connected account's id; null is the platform itself. */
  account: string | null;
  /** Unix seconds. */
  now(): number;
  /** Stores an event with a snapshot of `object`, and the deliveries that it causes. */
  emit(actor: Actor, type: string, object: object, before?: object): void;
  /** Runs when a payment intent has come to succeeded, failed, processing or an action: its invoice follows it. */
  settled(world: World, actor: Actor, intent: Stripe.PaymentIntent): void;
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

/** What of `before` is different in `after`: the `previous_attributes` of an event. */
export function previousAttributes(before: object, after: object): Record<string, unknown> {
  const old = before as Record<string, unknown>;
  const fresh = after as Record<string, unknown>;
  const changed: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(old), ...Object.keys(fresh)])) {
    const was = old[name] ?? null;
    const is = fresh[name] ?? null;
    if (was === is || JSON.stringify(was) === JSON.stringify(is)) continue;
    changed[name] = isRecord(was) && isRecord(is) ? previousAttributes(was, is) : was;
  }
  return changed;
}

const isRecord = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);
