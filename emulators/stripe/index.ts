import { jsonAnswer } from "../recorder/http.js";
import { openStore } from "../recorder/store.js";
import { advanceableClock, randomIds } from "../recorder/time.js";
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
import { disputeRoutes } from "./resources/disputes.js";
import { earlyFraudWarningRoutes } from "./resources/early-fraud-warnings.js";
import { eventRoutes } from "./resources/events.js";
import { invoicePaymentRoutes, invoiceRoutes } from "./resources/invoices.js";
import { paymentIntentRoutes } from "./resources/payment-intents.js";
import { paymentMethodRoutes } from "./resources/payment-methods.js";
import { productRoutes } from "./resources/prices.js";
import { refundRoutes } from "./resources/refunds.js";
import { subscriptionRoutes } from "./resources/subscriptions.js";
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
  disputeRoutes,
  earlyFraudWarningRoutes,
  productRoutes,
  subscriptionRoutes,
  invoiceRoutes,
  invoicePaymentRoutes,
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
    if (what === "reset") {
      forget();
      begin();
    }
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

export interface WorldOptions extends Pick<StripeOptions, "apiVersion" | "ids"> {
  /** Where its clock stands at first: milliseconds since 1970. It moves only when it is told to. */
  startMs: number;
  /** Whether the platform's own objects are of live mode. */
  livemode?: boolean | undefined;
}

/** Everything but HTTP: no server, no endpoint, no timer, and nothing to close. */
export interface StripeWorld extends StripeControls {
  /** Milliseconds since 1970; two events between two steps have the same second. */
  now(): number;
  /** Moves the clock forward, and ends what time ends. */
  advance(ms: number): void;
  /** Sets the clock, also back. */
  setClock(ms: number): void;
  /** Forgets everything, and stands at `startMs` again. */
  reset(): void;
}

/** Stripe's objects and events in this process, for histories by the thousand. */
export function openStripeWorld(options: WorldOptions): StripeWorld {
  const store = openStore(null);
  const clock = advanceableClock({ now: () => options.startMs }, store);
  const ids = options.ids ?? randomIds;
  const baseUrl = "https://emulator.invalid";
  const apiKey = options.livemode === true ? "sk_live_world" : "sk_test_world";
  const { controls, expire, forget } = openWorld(
    { store, clock, ids, baseUrl },
    { apiKey, apiVersion: options.apiVersion },
  );
  return Object.assign(controls, {
    now: clock.now,
    advance: (ms: number) => {
      clock.advance(ms);
      expire();
    },
    setClock: (ms: number) => {
      clock.set(ms);
      expire();
    },
    reset: () => {
      store.clear();
      forget();
    },
  });
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
