import { z } from "zod";
import type { Kit } from "../recorder/vendor.js";
import { type Act, ActSchema, holderOf, perform } from "./acts.js";
import { type DeliverOrder, DeliverSchema, type DeliverSummary, deliverStored } from "./deliver.js";
import type { Deliveries } from "./deliveries.js";
import { runRoute } from "./dispatch.js";
import { StripeFailure } from "./errors.js";
import { type Params, paramsOf } from "./form.js";
import { type Limiter, type RateLimit, RateLimitSchema } from "./rate-limit.js";
import type { Realms } from "./realms.js";
import { completeSession } from "./resources/checkout-sessions.js";
import { disputeSomehow } from "./resources/disputes.js";
import { type PayloadOptions, payloadOf } from "./resources/events.js";
import { OPTION_ENDPOINT, putEndpoint } from "./resources/webhook-endpoints.js";
import type { Router } from "./router.js";
import { type Delivery, NOBODY, type StoredEvent } from "./rows.js";
import { type SeedOrder, SeedSchema, type SeedSummary, seedPayments } from "./seed.js";
import { presented } from "./shapes.js";
import { type AnyObject, type Kind, kindOfId, tableOfKind } from "./tables.js";
import type { World } from "./world.js";

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
  /** The version that its events are shaped by; nothing: the account's. */
  apiVersion: z.string().optional(),
  /** Thin events instead of snapshots. */
  thin: z.boolean().default(false),
  /** Only connected accounts' events, or only the platform's own; nothing: both. */
  connect: z.boolean().optional(),
  /** The mode whose events it gets; nothing: that of the emulator's first key. */
  livemode: z.boolean().optional(),
});

export type WebhookOption = z.input<typeof WebhookSchema>;

/** Which account's objects, in which mode; nothing: the platform's own, in the mode of the first key. */
export interface Scope {
  account?: string | undefined;
  livemode?: boolean | undefined;
}

/** What a shopper, a bank, time or an accident does; each also as POST /_emulator/… (see emulators/README.md). */
export interface StripeControls {
  /** Pays a checkout session as the shopper would: `pm_card_visa` unless said; a bank method pays later. */
  completeCheckout(id: string, shopper: z.input<typeof ShopperSchema>): object;
  /** What a bank or an authentication decided: of a payment intent, a completed session, or a refund. */
  settle(id: string, outcome: "succeeded" | "failed"): object;
  /** Any of the things that happen without an API request; see `ActSchema`. */
  act(act: Act): AnyObject;
  /** Changes an object without an event, as if the event was never made. */
  alter(id: string, changes: Record<string, unknown>): object;
  /** The next `count` events (only of `types`, if given) are never delivered. */
  dropDeliveries(count: number, types?: string[]): void;
  /** Delivers an event once more, as it was. */
  resend(eventId: string): void;
  /** Sends stored events, in this or that order, some twice, some not. */
  deliver(order: DeliverOrder): DeliverSummary;
  /** Makes many payments of the past; sends nothing unless told to. */
  seed(order: SeedOrder & Scope): SeedSummary;
  /** From now on requests above this rate are answered 429. */
  setRateLimit(limit: RateLimit): void;
  /** Sets the endpoint of the `webhook` option; several secrets all sign, as during a rotation. */
  setWebhook(webhook: WebhookOption): void;
  /**
   * One call of the API without HTTP, key or rate limit.
   * @throws StripeFailure when the API refuses; a declined card is one with status 402.
   */
  call(
    method: "GET" | "POST" | "DELETE",
    path: string,
    params?: Params,
    options?: CallOptions,
  ): AnyObject;
  /** All objects of a kind as the API shows them, newest first; not to be changed. */
  objects(kind: Kind, options?: CallOptions): AnyObject[];
  /** By when they happened, oldest first, in the newest shape; not to be changed. */
  events(scope?: Scope): StoredEvent[];
  /** An event as an endpoint gets it. */
  payloadOf(eventId: string, options?: PayloadOptions): object;
  deliveries(): Delivery[];
  /** Waits until no delivery is due or on its way. */
  idle(): Promise<void>;
}

export interface CallOptions extends Scope {
  apiVersion?: string | undefined;
}

export interface Parts {
  realms: Realms;
  deliveries: Deliveries;
  router: Router;
  limiter: Limiter;
}

export function createControls({ realms, deliveries, router, limiter }: Parts): StripeControls {
  const { primary } = realms;
  const done = <T>(value: T): T => {
    primary.kit.store.commit();
    deliveries.pump();
    return value;
  };
  const worldOf = ({ account, livemode = primary.livemode }: Scope = {}) =>
    realms.of(account ?? null, livemode);
  const eventNamed = (id: string) => {
    const found = realms.eventNamed(id);
    if (found === undefined) throw new Error(`No such event: ${id}`);
    return found;
  };
  return {
    completeCheckout: (id, shopper) =>
      done(completeSession(holderOf(realms, id), id, ShopperSchema.parse(shopper))),
    settle: (id, outcome) => done(perform(holderOf(realms, id), { do: "settle", id, outcome })),
    act: (act) => {
      const order = ActSchema.parse(act);
      return done(perform(holderOf(realms, order.id), order)) as AnyObject;
    },
    alter: (id, changes) => done(alter(holderOf(realms, id), id, changes)),
    dropDeliveries: (count, types = []) => deliveries.drop(count, types),
    resend: (eventId) => {
      const { world, event } = eventNamed(eventId);
      deliveries.resend(world, event);
      done(undefined);
    },
    deliver: (order) => done(deliverStored(realms, deliveries, order)),
    seed: ({ account, livemode, ...order }) =>
      done(seedPayments(worldOf({ account, livemode }), deliveries, order, disputeSomehow)),
    setRateLimit: limiter.set,
    setWebhook: (webhook) => {
      const { livemode, ...fields } = WebhookSchema.parse(webhook);
      putEndpoint(worldOf({ livemode }), OPTION_ENDPOINT, {
        ...fields,
        secrets: [fields.secret].flat(),
      });
      done(undefined);
    },
    call: (method, path, params = {}, { apiVersion, ...scope } = {}) => {
      const version = apiVersion ?? primary.apiVersion;
      const order = { method, path, params: paramsOf(params), actor: NOBODY, version };
      return done(runRoute(worldOf(scope), router, order)) as AnyObject;
    },
    objects: (kind, { apiVersion, ...scope } = {}) => {
      const world = worldOf(scope);
      const version = apiVersion ?? primary.apiVersion;
      const rows = tableOfKind(world.tables, kind).newestFirst();
      return [...rows].map((row) => presented(world, row, version) as AnyObject);
    },
    events: (scope) => [...worldOf(scope).tables.events.oldestFirst()],
    payloadOf: (eventId, options = {}) => {
      const { world, event } = eventNamed(eventId);
      return payloadOf(world, event, options);
    },
    deliveries: deliveries.all,
    idle: deliveries.idle,
  };
}

function alter(world: World, id: string, changes: Record<string, unknown>): object {
  const kind = kindOfId(id);
  const table = kind === undefined ? undefined : tableOfKind(world.tables, kind);
  const row = table?.get(id);
  if (table === undefined || row === undefined) throw new Error(`No such object: ${id}`);
  return table.put(id, { ...row, ...changes });
}

/** The same over HTTP. */
export function mountControls(kit: Kit, controls: StripeControls): void {
  const SettleSchema = z.strictObject({ outcome: Outcome });
  const DropSchema = z.strictObject({
    count: z.int().positive().default(1),
    types: z.array(z.string()).default([]),
  });
  const AlterSchema = z.record(z.string(), z.unknown());
  const scope = { account: z.string().optional(), livemode: z.boolean().optional() };
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
  for (const path of ["objects/:id/alter", "objects/:id"]) {
    kit.control(path, AlterSchema, (changes, id) => controls.alter(id, changes));
  }
  kit.control("act", ActSchema, (act) => guarded(() => controls.act(act)));
  kit.control("deliveries/drop", DropSchema, ({ count, types }) =>
    controls.dropDeliveries(count, types),
  );
  kit.control("events/deliver", DeliverSchema, (order) => controls.deliver(order));
  kit.control("events/:id/resend", z.strictObject({}), (_, id) => controls.resend(id));
  kit.control("seed", SeedSchema.extend(scope), (order) => controls.seed(order));
  kit.control("rate-limit", RateLimitSchema, (limit) => controls.setRateLimit(limit));
  kit.control("webhook", WebhookSchema, (webhook) => controls.setWebhook(webhook));
  kit.app.get("/_emulator/events", (c) => c.json({ events: controls.events() }));
  kit.app.get("/_emulator/deliveries", (c) => c.json({ deliveries: controls.deliveries() }));
}
