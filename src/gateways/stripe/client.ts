import Stripe from "stripe";
import { Transient } from "../../domain/errors.js";
import type { Secret } from "../../domain/secret.js";
import { type Clock, type Instant, instantOf, SECOND_MS } from "../../domain/time.js";
import { createPace } from "../pace.js";
import { isMissing, refusalOf, unreadable } from "./failure.js";

/** Our readers are tested with it: another one comes with a change here, not with a setting at Stripe. */
const API_VERSION = "2026-10-28.endive";

/** Of one call, answer's body included: a page of 100 objects takes Stripe a second or two. */
const CALL_TIMEOUT_MS = 15_000;
/** A worker that would wait longer for its turn lets its message be retried instead. */
const TURN_WAIT_MS_MAX = 10_000;

export interface StripeConfig {
  apiKey: Secret;
  /** The official address when absent. */
  apiUrl?: string | undefined;
  /** A sandbox has 25 a second in all, as each endpoint has in live mode. @see https://docs.stripe.com/rate-limits */
  callsPerSecond: number;
  timeoutMs?: number | undefined;
}

export interface Answered<T> {
  value: T;
  /** By Stripe's clock, no later than the moment at which it read what it answered. */
  occurredAt: Instant;
}

/** Null when Stripe has no such object. */
export type Call = <T extends object>(
  account: string,
  work: (stripe: Stripe, options: Stripe.RequestOptions) => Promise<Stripe.Response<T>>,
) => Promise<Answered<T> | null>;

/** The mode that a key opens; null when it is no key of Stripe's. */
export function livemodeOf(apiKey: Secret): boolean | null {
  const [, mode] = /^(?:sk|rk)(?:_org)?_(test|live)_/.exec(apiKey.reveal()) ?? [];
  return mode === undefined ? null : mode === "live";
}

/** One call to Stripe: in its turn, bounded in time, timed by Stripe's clock; what goes wrong is sorted. */
export function createCall(config: StripeConfig, clock: Clock): Call {
  const stripe = clientOf(config);
  const pace = createPace(config.callsPerSecond, clock);
  return async (account, work) => {
    const late = await pace.turn(TURN_WAIT_MS_MAX);
    if (late !== null) {
      const retryAfterSeconds = Math.ceil(late / SECOND_MS);
      const detail = "too many calls to Stripe are waiting here";
      throw new Transient("gateway_unavailable", { detail, retryAfterSeconds });
    }
    const startedAt = clock.now();
    try {
      const value = await work(stripe, account === "" ? {} : { stripeAccount: account });
      return { value, occurredAt: timeOf(value.lastResponse, clock.now() - startedAt) };
    } catch (error) {
      if (isMissing(error)) return null;
      const refusal = refusalOf(error);
      if (refusal instanceof Transient) pace.rest((refusal.retryAfterSeconds ?? 0) * SECOND_MS);
      throw refusal;
    }
  };
}

/**
 * Whatever its types say, the SDK hands on fetch's own `Response`. A refusal without an `error` in its body comes
 * through it as success, and so may a proxy's page.
 */
function timeOf(answer: unknown, elapsedMs: number): Instant {
  // Not by its class: a server in the same process may have put one of its own in the place of `Response`.
  const { ok, headers } = answer as Partial<Response>;
  if (ok !== true) throw unreadable();
  const answeredAt = instantOf(headers?.get("date"));
  if (answeredAt === null) throw unreadable();
  return Math.floor(answeredAt - Math.max(0, elapsedMs));
}

/** Retries are the callers' business; redirects are not followed, as the key must not travel further. */
function clientOf({ apiKey, apiUrl, timeoutMs }: StripeConfig): Stripe {
  const { hostname, port, protocol } = new URL(apiUrl ?? "https://api.stripe.com");
  return new Stripe(apiKey.reveal(), {
    host: hostname,
    protocol: protocol === "http:" ? "http" : "https",
    ...(port === "" ? {} : { port }),
    apiVersion: API_VERSION,
    httpClient: Stripe.createFetchHttpClient((input: string | URL | Request, init?: RequestInit) =>
      fetch(input, { ...init, redirect: "manual" }),
    ),
    timeout: timeoutMs ?? CALL_TIMEOUT_MS,
    maxNetworkRetries: 0,
    telemetry: false,
  });
}
