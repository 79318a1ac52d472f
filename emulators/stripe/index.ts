import { jsonAnswer } from "../recorder/http.js";
import { type Kit, startVendor, type Vendor, type VendorOptions } from "../recorder/vendor.js";
import { mountCheckoutPage } from "./checkout-page.js";
import {
  createControls,
  mountControls,
  type StripeControls,
  type WebhookOption,
} from "./control.js";
import { DEFAULT_RETRY, type RetrySchedule } from "./deliveries.js";
import { isLive, mount } from "./dispatch.js";
import { faultBody } from "./errors.js";
import { createLimiter, type RateLimit } from "./rate-limit.js";
import { openRealms } from "./realms.js";
import { chargeRoutes } from "./resources/charges.js";
import { checkoutSessionRoutes, expireSessions } from "./resources/checkout-sessions.js";
import { customerRoutes } from "./resources/customers.js";
import { eventRoutes } from "./resources/events.js";
import { paymentIntentRoutes } from "./resources/payment-intents.js";
import { paymentMethodRoutes } from "./resources/payment-methods.js";
import { refundRoutes } from "./resources/refunds.js";
import { webhookEndpointRoutes } from "./resources/webhook-endpoints.js";
import { createRouter } from "./router.js";
import type { Ground } from "./world.js";

export interface StripeOptions extends VendorOptions {
  apiKey: string;
  /** Further keys that are accepted; a key's own prefix says its mode. */
  apiKeys?: string[] | undefined;
  /** Where events go; more endpoints can be made through /v1/webhook_endpoints. */
  webhook?: WebhookOption | undefined;
  /** The account's version: the shape of events and answers for which nothing else is asked. */
  apiVersion?: string | undefined;
  /** From the start; see `setRateLimit`. */
  rateLimit?: RateLimit | undefined;
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
  const world = openWorld(kit, options);
  const { controls, expire, forget, parts } = world;
  const apiKeys = [options.apiKey, ...(options.apiKeys ?? [])];
  const sent = () => parts.deliveries.pump();
  mount(kit, parts.realms, parts.router, { apiKeys, limiter: parts.limiter, sent });
  mountCheckoutPage(kit, parts.realms, sent);
  mountControls(kit, controls);
  const begin = () => {
    if (options.webhook !== undefined) controls.setWebhook(options.webhook);
  };
  kit.onChange((what) => {
    if (what === "reset") forget();
    begin();
    expire();
  });
  begin();
  expire();
  const timer = setInterval(expire, EXPIRY_LOOK_MS);
  kit.onDispose(() => {
    clearInterval(timer);
    parts.deliveries.stop();
  });
  return controls;
}

/** The world and its controls, without HTTP. */
function openWorld(ground: Ground, options: StripeOptions) {
  const realms = openRealms(ground, {
    livemode: isLive(options.apiKey),
    apiVersion: options.apiVersion ?? API_VERSION,
    retry: options.retry ?? DEFAULT_RETRY,
    deliveryTimeoutMs: options.deliveryTimeoutMs ?? DELIVERY_TIMEOUT_MS,
  });
  const { deliveries } = realms;
  const router = createRouter(RESOURCES);
  const limiter = createLimiter(options.rateLimit ?? { perSecond: null });
  const parts = { realms, deliveries, router, limiter };
  return {
    parts,
    controls: createControls(parts),
    forget: realms.forget,
    expire: () => {
      for (const world of realms.all()) expireSessions(world);
      ground.store.commit();
      deliveries.pump();
    },
  };
}
