import type { Template } from "./notice.js";
import type { Instant } from "./time.js";

/*
 * What each template needs: `data satisfies TemplateData["refund-issued"]` where a notice is planned.
 * Money is in minor units, moments are instants. A field that is optional may be absent or null: its
 * sentence or row is then left out. Links must be http or https.
 */

type Maybe<T> = T | null;

/** What every mail may show of its reader and of what it is about. */
type Reader = {
  userName?: Maybe<string>;
  packageRef?: Maybe<string>;
  /** IANA zone for every time in the mail; the platform's own when absent. */
  timeZone?: Maybe<string>;
  /** Where the reader can get help; a button or a line where it helps. */
  supportUrl?: Maybe<string>;
};

type Money = { amountMinor: number; currency: string };

type AboutPayment = Reader &
  Money & {
    /** Ours; shown as the reference where the provider's is not given. */
    paymentId?: Maybe<string>;
    paymentExternalId?: Maybe<string>;
  };

type AboutSubscription = Reader & {
  subscriptionId?: Maybe<string>;
  subscriptionExternalId?: Maybe<string>;
};

/** How often a subscription is charged: every `intervalCount` (1 when absent) of `interval`. */
type Interval = {
  interval?: Maybe<"day" | "week" | "month" | "year">;
  intervalCount?: Maybe<number>;
};

type AboutIncident = {
  incidentId: string;
  severity?: Maybe<string>;
  title?: Maybe<string>;
  service?: Maybe<string>;
  environment?: Maybe<string>;
  kind?: Maybe<string>;
  url?: Maybe<string>;
  openedAt?: Maybe<Instant>;
  timeZone?: Maybe<string>;
};

/** What a correction after a rollback did for its reader; a word that is not known is told in general. */
export type Correction = "refunded" | "granted" | "revoked" | "canceled";

type DataOf = {
  "payment-received": AboutPayment & {
    paidAt?: Maybe<Instant>;
    entitlementEndsAt?: Maybe<Instant>;
  };
  /** `failureCode` is the provider's; it is told in plain words, never shown. */
  "payment-failed": AboutPayment & {
    failedAt?: Maybe<Instant>;
    failureCode?: Maybe<string>;
    retryUrl?: Maybe<string>;
  };
  /** The bank asks the reader to confirm; after `actionBy` it is too late. */
  "payment-action-required": AboutPayment & {
    actionUrl?: Maybe<string>;
    actionBy?: Maybe<Instant>;
  };
  /** `amountMinor` is what was paid, `refundMinor` what goes back by this refund. */
  "refund-issued": AboutPayment & {
    refundMinor: number;
    full: boolean;
    refundedAt?: Maybe<Instant>;
    /** The package's new end, where the refund moved it. */
    entitlementEndsAt?: Maybe<Instant>;
  };
  "refund-failed": AboutPayment & {
    refundMinor: number;
    failedAt?: Maybe<Instant>;
    failureCode?: Maybe<string>;
  };
  /**
   * `amountMinor` is each period's price, absent where only its use will tell (tiers, a meter); nothing was charged yet
   * while `trialEndsAt` lies ahead.
   */
  "subscription-started": AboutSubscription &
    Partial<{ [K in keyof Money]: Maybe<Money[K]> }> &
    Interval & {
      startedAt?: Maybe<Instant>;
      trialEndsAt?: Maybe<Instant>;
      renewsAt?: Maybe<Instant>;
    };
  "subscription-renewed": AboutSubscription &
    Money &
    Interval & { renewedAt?: Maybe<Instant>; renewsAt?: Maybe<Instant> };
  /** `entitlementEndsAt`: until when the reader keeps the package if nothing is paid. */
  "subscription-payment-failing": AboutSubscription &
    Money & {
      failedAt?: Maybe<Instant>;
      failureCode?: Maybe<string>;
      nextAttemptAt?: Maybe<Instant>;
      updateUrl?: Maybe<string>;
      entitlementEndsAt?: Maybe<Instant>;
    };
  /** `endsAt` after `canceledAt`: usable until then; absent or not after it: ended. */
  "subscription-canceled": AboutSubscription & {
    canceledAt?: Maybe<Instant>;
    endsAt?: Maybe<Instant>;
  };
  "entitlement-expiring": Reader & { endsAt?: Maybe<Instant>; renewUrl?: Maybe<string> };
  "entitlement-expired": Reader & { endedAt?: Maybe<Instant>; renewUrl?: Maybe<string> };
  /** `expectedUntil`: when payments are expected again, if anybody knows. */
  "payments-paused": Reader & { pausedAt?: Maybe<Instant>; expectedUntil?: Maybe<Instant> };
  "payments-resumed": Reader & { resumedAt?: Maybe<Instant>; payUrl?: Maybe<string> };
  /** `refundMinor` with `refunded` (the whole amount when absent); `entitlementEndsAt` with `granted`. */
  "payment-corrected": AboutPayment & {
    correction: Correction;
    refundMinor?: Maybe<number>;
    entitlementEndsAt?: Maybe<Instant>;
    correctedAt?: Maybe<Instant>;
  };
  "entitlement-changed": ChangedEntitlement;
  "incident-raised": AboutIncident;
  "incident-resolved": AboutIncident & {
    resolvedAt?: Maybe<Instant>;
    resolvedBy?: Maybe<string>;
  };
};

/** What the platform's own application is told of a user's access; see `src/channels/platform/`. */
type ChangedEntitlement = {
  type:
    | "entitlement.granted"
    | "entitlement.changed"
    | "entitlement.revoked"
    | "entitlement.expired";
  /** When it changed. */
  at: Instant;
  entitlementId: string;
  /** Grows with each change of this entitlement: whoever has seen a higher one ignores this. */
  version: number;
  livemode: boolean;
  account: string;
  userId: string;
  package: string;
  status: "active" | "expired" | "revoked";
  startsAt: Instant;
  endsAt: Maybe<Instant>;
  ordinal: number;
  cause: string;
  /** Whether the user has the package at this moment, from this entitlement or another, and until when. */
  accessActive: boolean;
  accessEndsAt: Maybe<Instant>;
};

/** The data of every template; a template without an entry is a type error. */
export type TemplateData = { [T in Template]: DataOf[T] };
