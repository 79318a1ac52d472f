import { createHmac } from "node:crypto";
import { readEvent, typeMatches } from "./resources/events.js";
import type { Delivery, StoredEndpoint, StoredEvent, World } from "./world.js";

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
  add(event: StoredEvent): void;
  /** The next `count` events (of `types`, if given) are never sent. */
  drop(count: number, types: string[]): void;
  /** Sends an event again to the endpoints that want it, whether they had it or not. */
  resend(event: StoredEvent): void;
  /** How many deliveries of this event are not confirmed: its `pending_webhooks`. */
  openOf(eventId: string): number;
  /** Tries what is due, in a moment. */
  pump(): void;
  /** Waits until nothing is due and nothing is on its way. */
  idle(): Promise<void>;
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
  world: World,
  options: { retry: RetrySchedule; timeoutMs: number },
): Deliveries {
  const rows = world.tables.deliveries;
  const stopping = new AbortController();
  const ledger = createLedger(world);
  const drops = createDrops();
  const inFlight = new Map<string, Promise<void>>();
  let timer: NodeJS.Timeout | undefined;
  let soon: NodeJS.Immediate | undefined;

  async function attempt(delivery: Delivery): Promise<void> {
    const result = await send(world, delivery, stopping.signal, options.timeoutMs);
    // Gone meanwhile: the emulator was reset, or it is closing and the next start tries again.
    if (stopping.signal.aborted || rows.get(delivery.id) === undefined) return;
    ledger.keep(judged(delivery, result, world.kit.clock.now(), options.retry));
    world.kit.store.commit();
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
    const now = world.kit.clock.now();
    const waiting = ledger.pending().filter(({ id }) => !inFlight.has(id));
    for (const delivery of waiting.filter((d) => d.nextAt <= now)) {
      if (inFlight.size >= IN_FLIGHT_MAX) return; // the next one to finish pumps again
      const done = attempt(delivery).finally(() => {
        inFlight.delete(delivery.id);
        pumpSoon();
      });
      inFlight.set(delivery.id, done);
    }
    const next = Math.min(...waiting.filter((d) => d.nextAt > now).map((d) => d.nextAt));
    if (Number.isFinite(next)) timer = setTimeout(pump, Math.min(next - now, LOOK_MS_MAX));
  }

  return {
    add: (event) => ledger.open(event, drops.take(event.type) ? "dropped" : "pending"),
    drop: drops.add,
    resend: (event) => ledger.open(event, "pending"),
    openOf: ledger.openOf,
    pump: pumpSoon,
    idle: async () => {
      for (pump(); inFlight.size > 0; pump()) await Promise.all(inFlight.values());
    },
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

/** The deliveries as stored, with an index of those that are not confirmed, so that nothing scans them all. */
function createLedger(world: World) {
  const { deliveries, endpoints } = world.tables;
  const openByEvent = new Map<string, Set<string>>();
  const pending = new Set<string>();
  const index = ({ id, event, state }: Delivery) => {
    if (state === "pending") pending.add(id);
    else pending.delete(id);
    const ids = openByEvent.get(event) ?? new Set();
    if (state === "succeeded") ids.delete(id);
    else ids.add(id);
    if (ids.size === 0) openByEvent.delete(event);
    else openByEvent.set(event, ids);
  };
  for (const delivery of deliveries.all()) index(delivery);

  const keep = (delivery: Delivery) => {
    deliveries.put(delivery.id, delivery);
    index(delivery);
  };
  const wanting = (event: StoredEvent): StoredEndpoint[] =>
    endpoints
      .all()
      .filter((endpoint) => endpoint.status === "enabled")
      .filter((endpoint) => endpoint.enabled_events.some((p) => typeMatches(p, event.type)));
  return {
    keep,
    open(event: StoredEvent, state: Delivery["state"]): void {
      const now = world.kit.clock.now();
      for (const endpoint of wanting(event)) {
        const row = { event: event.id, endpoint: endpoint.id, attempts: 0, lastResult: null };
        keep({ id: world.kit.ids("wd_"), ...row, state, firstAt: now, nextAt: now });
      }
    },
    openOf: (eventId: string) => openByEvent.get(eventId)?.size ?? 0,
    pending: (): Delivery[] => [...pending].flatMap((id) => deliveries.get(id) ?? []),
    clear(): void {
      openByEvent.clear();
      pending.clear();
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
  world: World,
  delivery: Delivery,
  stopping: AbortSignal,
  timeoutMs: number,
): Promise<number | string> {
  const event = world.tables.events.get(delivery.event);
  const endpoint = world.tables.endpoints.get(delivery.endpoint);
  if (event === undefined || endpoint?.status !== "enabled") return "endpoint disabled or deleted";
  const body = JSON.stringify(readEvent(world, event), null, 2);
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
