import { createHmac } from "node:crypto";
import { createLedger, type Post } from "./delivery-ledger.js";
import { payloadOf } from "./resources/events.js";
import type { Delivery, StoredEvent } from "./rows.js";
import type { World } from "./world.js";

/**
 * When a delivery is tried again: `firstMs` after the first failure, `factor` times longer each time, at most `maxMs`, for
 * `horizonMs` in all. Stripe says "exponential, up to 3 days"; the steps are ours.
 */
export interface RetrySchedule {
  firstMs: number;
  factor: number;
  maxMs: number;
  horizonMs: number;
}

const HOUR_MS = 60 * 60 * 1000;

export const DEFAULT_RETRY: RetrySchedule = {
  firstMs: 5_000,
  factor: 4,
  maxMs: 12 * HOUR_MS,
  horizonMs: 72 * HOUR_MS,
};

const IN_FLIGHT_MAX = 20;
/** How often the wall clock is looked at while something is due later; the emulator's clock may be moved or fake. */
const LOOK_MS_MAX = 1_000;

export interface Deliveries {
  /** The deliveries that a new event causes. */
  add(world: World, event: StoredEvent): void;
  /** The next `count` events (of `types`, if given) are never sent. */
  drop(count: number, types: string[]): void;
  /** Counts an event as never delivered, also when no endpoint wants it. */
  lose(world: World, event: StoredEvent): void;
  /** Sends an event again to the endpoints that want it, whether they had it or not. */
  resend(world: World, event: StoredEvent): void;
  /** How many deliveries of this event are not confirmed: its `pending_webhooks`. */
  openOf(eventId: string): number;
  /** Tries what is due, in a moment. */
  pump(): void;
  /** Waits until nothing is due and nothing is on its way. */
  idle(): Promise<void>;
  /** Oldest first. */
  all(): Delivery[];
  /** After a reset: forgets what was pending and what was to be dropped. */
  forget(): void;
  stop(): void;
}

/**
 * The header of a delivery: one `v1` per live secret, as during a rotation.
 * @param at unix seconds of this attempt.
 * @see https://docs.stripe.com/webhooks#verify-manually
 */
export function signatureHeader(secrets: string[], at: number, body: string): string {
  const signed = `${at}.${body}`;
  const v1 = secrets.map((s) => `v1=${createHmac("sha256", s).update(signed).digest("hex")}`);
  return [`t=${at}`, ...v1].join(",");
}

export function createDeliveries(
  post: Post,
  options: { retry: RetrySchedule; timeoutMs: number },
): Deliveries {
  const { clock, store } = post.ground;
  const stopping = new AbortController();
  const ledger = createLedger(post);
  const drops = createDrops();
  const inFlight = new Map<string, Promise<void>>();
  let timer: NodeJS.Timeout | undefined;
  let soon: NodeJS.Immediate | undefined;

  async function attempt(delivery: Delivery): Promise<void> {
    const result = await send(post, delivery, stopping.signal, options.timeoutMs);
    // Gone meanwhile: the emulator was reset, or it is closing and the next start tries again.
    if (stopping.signal.aborted || ledger.get(delivery.id) === undefined) return;
    ledger.keep(judged(delivery, result, clock.now(), options.retry));
    store.commit();
  }

  /** Many causes of one moment make one look at what is due. */
  function pumpSoon(): void {
    soon ??= setImmediate(pump);
  }

  function pump(): void {
    clearTimeout(timer);
    clearImmediate(soon);
    soon = undefined;
    if (stopping.signal.aborted) return;
    const now = clock.now();
    while (inFlight.size < IN_FLIGHT_MAX) {
      const delivery = ledger.takeDue(now);
      if (delivery === undefined) break;
      const done = attempt(delivery).finally(() => {
        inFlight.delete(delivery.id);
        pumpSoon();
      });
      inFlight.set(delivery.id, done);
    }
    const next = ledger.nextAt();
    if (next !== undefined && next > now) {
      timer = setTimeout(pump, Math.min(next - now, LOOK_MS_MAX));
    }
  }

  return {
    add: (world, event) =>
      ledger.open(world, event, drops.take(event.type) ? "dropped" : "pending"),
    drop: drops.add,
    lose: ledger.lose,
    resend: (world, event) => ledger.open(world, event, "pending"),
    openOf: ledger.openOf,
    pump: pumpSoon,
    idle: async () => {
      for (pump(); inFlight.size > 0; pump()) await Promise.race(inFlight.values());
    },
    all: ledger.all,
    forget: () => {
      drops.clear();
      ledger.clear();
    },
    stop: () => {
      clearTimeout(timer);
      clearImmediate(soon);
      stopping.abort();
    },
  };
}

function createDrops() {
  let rules: { left: number; types: string[] }[] = [];
  return {
    add: (left: number, types: string[]) => {
      rules.push({ left, types });
    },
    take(type: string): boolean {
      const rule = rules.find((r) => r.types.length === 0 || r.types.includes(type));
      if (rule === undefined) return false;
      rule.left -= 1;
      rules = rules.filter((r) => r.left > 0);
      return true;
    },
    clear: () => {
      rules = [];
    },
  };
}

/** @returns the answer's status, or why there was none. */
async function send(
  post: Post,
  delivery: Delivery,
  stopping: AbortSignal,
  timeoutMs: number,
): Promise<number | string> {
  const found = post.eventNamed(delivery.event);
  if (found === undefined) return "event gone";
  const { endpoints } = post.platform(found.world.livemode).tables;
  const endpoint = endpoints.get(delivery.endpoint);
  if (endpoint?.status !== "enabled") return "endpoint disabled or deleted";
  const { world, event } = found;
  const payload = payloadOf(world, event, {
    apiVersion: endpoint.api_version,
    thin: endpoint.thin === true,
  });
  const body = JSON.stringify(payload, null, 2);
  const headers = {
    "content-type": "application/json; charset=utf-8",
    "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    "stripe-signature": signatureHeader(endpoint.secrets, world.now(), body),
  };
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(timeoutMs)]);
  try {
    const init = { method: "POST", headers, body, signal, redirect: "manual" } as const;
    const response = await fetch(endpoint.url, init);
    await response.arrayBuffer();
    return response.status;
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    return cause instanceof Error ? cause.message : String(error);
  }
}

/** The delivery after an attempt. */
function judged(
  delivery: Delivery,
  result: number | string,
  now: number,
  retry: RetrySchedule,
): Delivery {
  const ok = typeof result === "number" && result >= 200 && result < 300;
  const attempts = delivery.attempts + 1;
  const nextAt = now + waitAfter(retry, attempts);
  const over = nextAt - delivery.firstAt > retry.horizonMs;
  const state = ok ? "succeeded" : over ? "failed" : "pending";
  return { ...delivery, attempts, lastResult: result, state, nextAt };
}

const waitAfter = ({ firstMs, factor, maxMs }: RetrySchedule, attempts: number): number =>
  Math.min(maxMs, firstMs * factor ** (attempts - 1));
