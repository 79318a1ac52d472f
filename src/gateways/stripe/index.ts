import type Stripe from "stripe";
import { Permanent } from "../../domain/errors.js";
import type { Fetched, Gateway, GatewayRange, KeptEvent } from "../../domain/gateway.js";
import type { LedgerKey } from "../../domain/ledger.js";
import { type Clock, type Instant, SECOND_MS } from "../../domain/time.js";
import { type Answered, createCall, livemodeOf, type StripeConfig } from "./client.js";
import { unreadable } from "./failure.js";
import { type ListParams, RESOURCES } from "./kinds.js";

/** The most that Stripe gives in one page. */
const PAGE_SIZE = 100;
/** Stripe's limit of a metadata value. */
const METADATA_VALUE_CHARS_MAX = 500;

/**
 * Stripe's API by its own SDK, in one version and one mode: the key's. No call is repeated here.
 *
 * @see https://docs.stripe.com/api
 */
export function stripeGateway(config: StripeConfig, clock: Clock): Gateway {
  const call = createCall(config, clock);
  const livemode = livemodeOf(config.apiKey);
  const sees = (wanted: boolean): boolean => wanted === livemode;
  const checkMode = (key: LedgerKey): void => {
    // Stripe would say that there is no such object, which is not so: it is in the other mode.
    if (sees(key.livemode)) return;
    const detail = `the key of Stripe does not see ${key.livemode ? "live" : "test"} mode`;
    throw new Permanent("gateway_refused", { detail });
  };
  return Object.freeze<Gateway>({
    sourceId: "stripe",
    sees,
    async fetchObject(key) {
      checkMode(key);
      const answer = await call(key.account, (stripe, options) =>
        RESOURCES[key.kind](stripe).retrieve(key.externalId, {}, options),
      );
      if (answer === null) return null;
      if (idOf(answer.value) !== key.externalId) throw unreadable();
      return fetchedOf(answer);
    },
    async listObjects(kind, range, next) {
      const answer = await call(range.account, (stripe, options) =>
        RESOURCES[kind](stripe).list(paramsOf(range, next), options),
      );
      const { items, occurredAt, next: after } = pageOf(answer);
      return {
        next: after,
        items: items.map((object) => ({ object, occurredAt, ...birthOf(object) })),
      };
    },
    async listUndelivered(range, next) {
      const params = { ...paramsOf(range, next), delivery_success: false };
      const answer = await call(range.account, (stripe, options) =>
        stripe.events.list(params, options),
      );
      const page = pageOf<Stripe.Event>(answer);
      return { next: page.next, items: page.items.map((event) => keptEvent(event, range.account)) };
    },
    async cancelPayment(key, { reason, idempotencyKey }) {
      checkMode(key);
      const given = CANCELLATION_REASONS.find((known) => known === reason);
      const params = given === undefined ? {} : { cancellation_reason: given };
      return done(
        await call(key.account, (stripe, options) =>
          stripe.paymentIntents.cancel(key.externalId, params, { ...options, idempotencyKey }),
        ),
      );
    },
    async refundPayment(key, { amountMinor, reason, idempotencyKey }) {
      checkMode(key);
      const params: Stripe.RefundCreateParams = {
        // A payment without an intent goes by its charge's id.
        ...(key.externalId.startsWith("pi_")
          ? { payment_intent: key.externalId }
          : { charge: key.externalId }),
        ...(amountMinor === null ? {} : { amount: amountMinor }),
        metadata: { reason: reason.slice(0, METADATA_VALUE_CHARS_MAX) },
      };
      return done(
        await call(key.account, (stripe, options) =>
          stripe.refunds.create(params, { ...options, idempotencyKey }),
        ),
      );
    },
  });
}

/** What Stripe takes as a reason; any other stays with us, in the audit trail. */
const CANCELLATION_REASONS = [
  "abandoned",
  "duplicate",
  "fraudulent",
  "requested_by_customer",
] as const;

/** Stripe counts in whole seconds; a part of one belongs to the range in which it begins. */
function paramsOf({ from, to }: GatewayRange, next: string | null): ListParams {
  const seconds = (at: Instant): number => Math.ceil(at / SECOND_MS);
  return {
    limit: PAGE_SIZE,
    created: { gte: seconds(from), lt: seconds(to) },
    ...(next === null ? {} : { starting_after: next }),
  };
}

function pageOf<Item extends object>(
  answer: Answered<Stripe.ApiList<Item>> | null,
): { items: Item[]; next: string | null; occurredAt: Instant } {
  // The object at which the last page ended is there no more: the caller begins the range anew.
  if (answer === null) throw new Permanent("gateway_refused", { detail: "a list broke off" });
  const { data, has_more: hasMore } = answer.value;
  const last = Array.isArray(data) ? data.at(-1) : undefined;
  if (!Array.isArray(data) || (hasMore && last === undefined)) throw unreadable();
  const next = hasMore && last !== undefined ? idOf(last) : null;
  return { items: data, next, occurredAt: answer.occurredAt };
}

/** A listed event names no account, while the delivered one did: with it, both have one key. */
function keptEvent(event: Stripe.Event, account: string): KeptEvent {
  return {
    externalId: event.id,
    type: event.type,
    occurredAt: event.created * SECOND_MS,
    body: account === "" ? event : { ...event, account },
  };
}

const fetchedOf = ({ value, occurredAt }: Answered<object>): Fetched => ({
  object: value,
  occurredAt,
});

/** @throws Permanent where the object to act on is not there. */
function done(answer: Answered<object> | null): Fetched {
  if (answer !== null) return fetchedOf(answer);
  throw new Permanent("gateway_refused", { detail: "Stripe has no such object" });
}

/** Every object that the ledger keeps has both. */
function birthOf(object: object): { externalId: string; bornAt: Instant } {
  const created = "created" in object ? object.created : undefined;
  const externalId = idOf(object);
  if (externalId === "" || typeof created !== "number") throw unreadable();
  return { externalId, bornAt: created * SECOND_MS };
}

function idOf(object: object): string {
  const id = "id" in object ? object.id : undefined;
  return typeof id === "string" ? id : "";
}
