import type { LedgerKey, LedgerKind } from "./ledger.js";
import type { Instant } from "./time.js";

/** An object in its source's own shape, which only the source's folder reads (`Source.readObject`). */
export interface Fetched {
  object: unknown;
  /** By the source's own clock, no later than the moment at which the object was like this. */
  occurredAt: Instant;
}

/** An object as a list has it. */
export interface Listed extends Fetched {
  externalId: string;
  /** When it came to be: what the range is about, and the order of the list. */
  bornAt: Instant;
}

/** A page of a list, newest first. `next` continues it; null when it was the last. */
export interface GatewayPage<Item> {
  items: Item[];
  next: string | null;
}

/** Objects or events that came to be from `from` (inclusive) to `to` (exclusive). */
export interface GatewayRange {
  /** The connected account; empty for our own. */
  account: string;
  from: Instant;
  to: Instant;
}

/** An event as the source has kept it, to be sent through the ordinary path under its own id. */
export interface KeptEvent {
  externalId: string;
  type: string;
  occurredAt: Instant;
  /** The body as the source would deliver it. */
  body: unknown;
}

/**
 * The API of a source whose objects are in the ledger. Every call is paced under the source's limits and bounded in time.
 *
 * @throws Transient `gateway_unavailable` for 409 (running), 429 (with `retryAfterSeconds`), 5xx, timeout and network.
 * @throws Permanent `gateway_refused` for any other refusal (a revoked key, a wrong parameter); no detail holds a key.
 */
export interface Gateway {
  /** The source whose objects it fetches. */
  sourceId: string;
  /** True when the key in use sees this mode: test and live never mix. */
  sees(livemode: boolean): boolean;
  /** Null when there is no such object (any more). */
  fetchObject(key: LedgerKey): Promise<Fetched | null>;
  listObjects(
    kind: LedgerKind,
    range: GatewayRange,
    next: string | null,
  ): Promise<GatewayPage<Listed>>;
  /** Events of the range that the source could not deliver; those of the last 30 days only. */
  listUndelivered(range: GatewayRange, next: string | null): Promise<GatewayPage<KeptEvent>>;
  /** @param idempotencyKey the same call twice has one effect. */
  cancelPayment(
    key: LedgerKey,
    options: { reason: string; idempotencyKey: string },
  ): Promise<Fetched>;
  /** @param amountMinor null for all that is left. */
  refundPayment(
    key: LedgerKey,
    options: { amountMinor: number | null; reason: string; idempotencyKey: string },
  ): Promise<Fetched>;
}
