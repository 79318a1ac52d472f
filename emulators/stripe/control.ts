import { z } from "zod";
import type { Kit } from "../recorder/vendor.js";
import type { Deliveries } from "./deliveries.js";
import { StripeFailure } from "./errors.js";
import { completeSession, settleSession } from "./resources/checkout-sessions.js";
import { settleIntent } from "./resources/intent-states.js";
import { settleRefund } from "./resources/refunds.js";
import { OPTION_ENDPOINT, putEndpoint } from "./resources/webhook-endpoints.js";
import type { Delivery, StoredEvent, World } from "./world.js";

const Outcome = z.enum(["succeeded", "failed"]);
const ShopperSchema = z.strictObject({
  email: z.string().optional(),
  name: z.string().optional(),
  paymentMethod: z.string().optional(),
});
const WebhookSchema = z.strictObject({
  url: z.url(),
  secret: z.union([z.string(), z.array(z.string()).min(1)]),
  enabledEvents: z.array(z.string()).min(1).default(["*"]),
});

export type WebhookOption = z.input<typeof WebhookSchema>;

/** What a shopper, a bank, time or an accident does; each also as POST /_emulator/… (see emulators/README.md). */
export interface StripeControls {
  /** Pays a checkout session as the shopper would: `pm_card_visa` unless said; a bank method pays later. */
  completeCheckout(id: string, shopper: z.input<typeof ShopperSchema>): object;
  /** What a bank or an authentication decided: of a payment intent, a completed session, or a refund. */
  settle(id: string, outcome: "succeeded" | "failed"): object;
  /** Changes an object without an event, as if the event was never made. */
  alter(id: string, changes: Record<string, unknown>): object;
  /** The next `count` events (only of `types`, if given) are never delivered. */
  dropDeliveries(count: number, types?: string[]): void;
  /** Delivers an event once more, as it was. */
  resend(eventId: string): void;
  /** Sets the endpoint of the `webhook` option; several secrets all sign, as during a rotation. */
  setWebhook(webhook: WebhookOption): void;
  /** Oldest first. */
  events(): StoredEvent[];
  deliveries(): Delivery[];
  /** Waits until no delivery is due or on its way. */
  idle(): Promise<void>;
}

export function createControls(world: World, deliveries: Deliveries): StripeControls {
  const done = <T>(value: T): T => {
    world.kit.store.commit();
    deliveries.pump();
    return value;
  };
  return {
    completeCheckout: (id, shopper) =>
      done(completeSession(world, id, ShopperSchema.parse(shopper))),
    settle: (id, outcome) => done(settleAny(world, id, outcome)),
    alter: (id, changes) => done(alter(world, id, changes)),
    dropDeliveries: (count, types = []) => deliveries.drop(count, types),
    resend: (eventId) => {
      const event = world.tables.events.get(eventId);
      if (event === undefined) throw new Error(`No such event: ${eventId}`);
      deliveries.resend(event);
      done(undefined);
    },
    setWebhook: (webhook) => {
      const { url, secret, enabledEvents } = WebhookSchema.parse(webhook);
      putEndpoint(world, OPTION_ENDPOINT, { url, secrets: [secret].flat(), enabledEvents });
      done(undefined);
    },
    events: () => world.tables.events.all(),
    deliveries: () => world.tables.deliveries.all(),
    idle: deliveries.idle,
  };
}

function settleAny(world: World, id: string, outcome: "succeeded" | "failed"): object {
  if (id.startsWith("re_")) return settleRefund(world, id, outcome);
  if (id.startsWith("cs_")) return settleSession(world, id, outcome);
  return settleIntent(world, id, outcome);
}

const TABLE_OF: Record<string, string> = {
  cus: "customers",
  pi: "payment_intents",
  ch: "charges",
  re: "refunds",
  cs: "checkout_sessions",
};

function alter(world: World, id: string, changes: Record<string, unknown>): object {
  const table = world.kit.store.table(TABLE_OF[id.split("_")[0] ?? ""] ?? "customers");
  const row = table.get(id);
  if (row === undefined) throw new Error(`No such object: ${id}`);
  return table.put(id, { ...row, ...changes });
}

/** The same over HTTP. */
export function mountControls(kit: Kit, controls: StripeControls): void {
  const SettleSchema = z.strictObject({ outcome: Outcome });
  const DropSchema = z.strictObject({
    count: z.int().positive().default(1),
    types: z.array(z.string()).default([]),
  });
  const guarded = (run: () => unknown) => {
    try {
      return run();
    } catch (error) {
      if (error instanceof StripeFailure) return { error: error.body };
      throw error;
    }
  };
  kit.control("objects/:id/complete", ShopperSchema, (shopper, id) =>
    guarded(() => controls.completeCheckout(id, shopper)),
  );
  kit.control("objects/:id/settle", SettleSchema, ({ outcome }, id) =>
    guarded(() => controls.settle(id, outcome)),
  );
  kit.control("objects/:id/alter", z.record(z.string(), z.unknown()), (changes, id) =>
    controls.alter(id, changes),
  );
  kit.control("deliveries/drop", DropSchema, ({ count, types }) =>
    controls.dropDeliveries(count, types),
  );
  kit.control("events/:id/resend", z.strictObject({}), (_, id) => controls.resend(id));
  kit.control("webhook", WebhookSchema, (webhook) => controls.setWebhook(webhook));
  kit.app.get("/_emulator/events", (c) => c.json({ events: controls.events() }));
  kit.app.get("/_emulator/deliveries", (c) => c.json({ deliveries: controls.deliveries() }));
}
