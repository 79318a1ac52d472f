import type Stripe from "stripe";
import type { PriceRow } from "./resources/billing-rows.js";

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
