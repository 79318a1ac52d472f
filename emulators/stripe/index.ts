import { jsonAnswer } from "../recorder/http.js";
import { type Kit, startVendor, type Vendor, type VendorOptions } from "../recorder/vendor.js";
import { mountCheckoutPage } from "./checkout-page.js";
import {
  createControls,
  mountControls,
  type StripeControls,
  type WebhookOption,
} from "./control.js";
import {
  createDeliveries,
  DEFAULT_RETRY,
  type Deliveries,
  type RetrySchedule,
} from "./deliveries.js";
import { mount } from "./dispatch.js";
import { faultBody } from "./errors.js";
import { chargeRoutes } from "./resources/charges.js";
import { checkoutSessionRoutes, expireSessions } from "./resources/checkout-sessions.js";
import { customerRoutes } from "./resources/customers.js";
import { eventRoutes } from "./resources/events.js";
import { paymentIntentRoutes } from "./resources/payment-intents.js";
import { paymentMethodRoutes } from "./resources/payment-methods.js";
import { refundRoutes } from "./resources/refunds.js";
import { webhookEndpointRoutes } from "./resources/webhook-endpoints.js";
import { openTables, previousAttributes, type StoredEvent, type World } from "./world.js";

export interface StripeOptions extends VendorOptions {
  apiKey: string;
  /** Where events go; more endpoints can be made through /v1/webhook_endpoints. */
  webhook?: WebhookOption | undefined;
  /** What events and answers say; the objects have the shape of the version that stripe-node 23.1 pins. */
  apiVersion?: string | undefined;
  retry?: RetrySchedule | undefined;
  /** How long an endpoint may take to answer. */
  deliveryTimeoutMs?: number | undefined;
}

export type StripeEmulator = StripeControls & Vendor;

const API_VERSION = "2026-10-28.endive";
const DELIVERY_TIMEOUT_MS = 20_000;
/** Checkout sessions end by time; this is how often the clock is looked at. */
const EXPIRY_LOOK_MS = 1_000;

/** One file per resource, one line here. */
const RESOURCES = [
  customerRoutes,
  paymentMethodRoutes,
  paymentIntentRoutes,
  chargeRoutes,
  refundRoutes,
  checkoutSessionRoutes,
  eventRoutes,
  webhookEndpointRoutes,
];

/** Stripe's API on 127.0.0.1, with signed deliveries of the events that its changes make. */
export const startStripeEmulator = (options: StripeOptions): Promise<StripeEmulator> =>
  startVendor<StripeControls>(
    {
      name: "stripe",
      api: /^\/v\d\//,
      faultAnswer: ({ status, code, retryAfterSeconds }) =>
        jsonAnswer(
          status,
          { error: faultBody(status, code) },
          retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) },
        ),
      setup: (kit) => setUp(kit, options),
    },
    options,
  );

function setUp(kit: Kit, options: StripeOptions): StripeControls {
  const { world, deliveries } = createWorld(kit, options);
  const controls = createControls(world, deliveries);
  const sent = () => deliveries.pump();
  mount(
    world,
    RESOURCES.flatMap((routes) => routes(world)),
    { apiKey: options.apiKey, sent },
  );
  mountCheckoutPage(world, sent);
  mountControls(kit, controls);
  const expire = () => {
    expireSessions(world);
    kit.store.commit();
    deliveries.pump();
  };
  const begin = () => {
    if (options.webhook !== undefined) controls.setWebhook(options.webhook);
  };
  kit.onChange((what) => {
    if (what === "reset") deliveries.forget();
    begin();
    expire();
  });
  begin();
  expire();
  const timer = setInterval(expire, EXPIRY_LOOK_MS);
  kit.onDispose(() => {
    clearInterval(timer);
    deliveries.stop();
  });
  return controls;
}

function createWorld(kit: Kit, options: StripeOptions): { world: World; deliveries: Deliveries } {
  const tables = openTables(kit);
  const now = () => Math.floor(kit.clock.now() / 1000);
  const world: World = {
    kit,
    tables,
    apiVersion: options.apiVersion ?? API_VERSION,
    livemode: /^(sk|rk)_live_/.test(options.apiKey),
    now,
    emit(actor, type, object, before) {
      const event: StoredEvent = {
        id: kit.ids("evt_"),
        object: "event",
        api_version: world.apiVersion,
        created: now(),
        data: {
          object,
          ...(before === undefined
            ? {}
            : { previous_attributes: previousAttributes(before, object) }),
        },
        livemode: world.livemode,
        request: actor,
        type,
      };
      deliveries.add(tables.events.put(event.id, event));
    },
    openDeliveries: (eventId) => deliveries.openOf(eventId),
  };
  const deliveries = createDeliveries(world, {
    retry: options.retry ?? DEFAULT_RETRY,
    timeoutMs: options.deliveryTimeoutMs ?? DELIVERY_TIMEOUT_MS,
  });
  return { world, deliveries };
}
