import type Stripe from "stripe";
import type { Kit } from "../recorder/vendor.js";
import type { Input } from "./form.js";
import type { InvoiceRow } from "./resources/billing-rows.js";
import type { Actor } from "./rows.js";
import type { Tables } from "./tables.js";

/** What a world stands on. */
export type Ground = Pick<Kit, "store" | "clock" | "ids" | "baseUrl">;

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
  /** Runs when an invoice was paid or could not be: its subscription follows it. */
  invoiceSettled(world: World, actor: Actor, invoice: InvoiceRow): void;
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
