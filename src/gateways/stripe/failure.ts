import Stripe from "stripe";
import { Permanent, Transient } from "../../domain/errors.js";
import { HOUR_MS, SECOND_MS } from "../../domain/time.js";

/** More is not believed: one wrong header must not stop the ledger for a day. */
const RETRY_AFTER_SECONDS_MAX = HOUR_MS / SECOND_MS;
/** Of a 429 without `Retry-After`, which is how Stripe mostly sends them: its limits count by the second. */
const RATE_LIMIT_SECONDS = 1;

/** Only Stripe's own short words are repeated; its sentences hold ids, addresses and parts of keys. */
const WORD = /^[a-z0-9_[\]]{1,64}$/;

/** True when Stripe says that there is no such object, and not that we may not see it. */
export function isMissing(error: unknown): boolean {
  return (
    error instanceof Stripe.errors.StripeError &&
    error.statusCode === 404 &&
    error.code === "resource_missing"
  );
}

/** What Stripe's own words mean, for who reads why a correction failed. */
const MEANINGS: Readonly<Record<string, string>> = {
  amount_too_large: "that is more than is left of the payment",
  amount_too_small: "that is less than may be refunded",
  balance_insufficient: "the account's balance is too small",
  charge_already_refunded: "all of the payment is refunded already",
  charge_disputed: "the payment is under dispute, which returns the money by itself if it is lost",
  insufficient_funds: "the account's balance is too small",
  payment_intent_unexpected_state:
    "the payment is in a state in which that can't be done (any more)",
  resource_missing: "there is no such object in this account and mode",
};

/**
 * Sorts what the SDK throws: 409, 429 and 5xx may work later, and so may a call that got no answer or one that
 * cannot be read; any other refusal needs a person.
 *
 * @see https://docs.stripe.com/error-handling
 */
export function refusalOf(error: unknown): Transient | Permanent {
  if (error instanceof Transient) return error;
  if (!(error instanceof Stripe.errors.StripeError)) throw error;
  const { statusCode: status, code, param } = error;
  if (status === undefined) {
    return new Transient("gateway_unavailable", { detail: "Stripe did not answer" });
  }
  const words = [code, param].filter((word) => word !== undefined && WORD.test(word));
  const meaning = Object.hasOwn(MEANINGS, code ?? "") ? `: ${MEANINGS[code ?? ""]}` : "";
  const detail = `${["Stripe answered", status, ...words].join(" ")}${meaning}`;
  if (status < 500 && ![408, 409, 429].includes(status)) {
    return new Permanent("gateway_refused", { detail });
  }
  const retryAfterSeconds =
    retryAfterOf(error.headers ?? {}) ?? (status === 429 ? RATE_LIMIT_SECONDS : undefined);
  return new Transient("gateway_unavailable", {
    detail,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

/** An answer without an error that is not what was asked for either, as of a proxy in between. */
export function unreadable(): Transient {
  return new Transient("gateway_unavailable", { detail: "Stripe's answer can't be read" });
}

/** In seconds, at least 1; a date is held against the answer's own `Date`. */
function retryAfterOf(headers: Readonly<Record<string, string>>): number | undefined {
  const value = headers["retry-after"]?.trim();
  if (value === undefined || value === "") return undefined;
  const seconds = /^\d+(\.\d+)?$/.test(value)
    ? Number(value)
    : (Date.parse(value) - Date.parse(headers.date ?? "")) / SECOND_MS;
  if (Number.isNaN(seconds)) return undefined;
  return Math.min(Math.max(Math.ceil(seconds), 1), RETRY_AFTER_SECONDS_MAX);
}
