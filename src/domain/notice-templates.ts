import type { ChannelId, Template } from "./notice.js";
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

/**
 * What people on call are told of an incident, whatever happened to it: each template shows what it needs, and
 * leaves out what is absent. Only the id is required: a page with a gap beats no page.
 */
export type IncidentNoticeData = {
  incidentId: string;
  /** By what a pager's service joins what is told: of each routing anew. Absent: by the incident. */
  alertKey?: string;
  /** The engine's step, `P0`; what loudness is chosen by. */
  severity?: Maybe<string>;
  /** What this platform calls it, `CRITICAL`; the engine's own where absent. */
  severityName?: Maybe<string>;
  title?: Maybe<string>;
  service?: Maybe<string>;
  environment?: Maybe<string>;
  kind?: Maybe<string>;
  /** At the source. */
  url?: Maybe<string>;
  openedAt?: Maybe<Instant>;
  timeZone?: Maybe<string>;
  /** The decision's reasons, as one text. */
  why?: Maybe<string>;
  /** The deployment that went there shortly before: its name, address, and the commit's first letters. */
  suspect?: Maybe<string>;
  suspectUrl?: Maybe<string>;
  suspectCommit?: Maybe<string>;
  /** The good one before that. */
  lastGood?: Maybe<string>;
  lastGoodUrl?: Maybe<string>;
  lastGoodCommit?: Maybe<string>;
  /** What to do first, as a sentence: the rollback and its command. */
  nextStep?: Maybe<string>;
  /** One click leads to a page with a button. A credential for one incident: never logged. */
  ackUrl?: Maybe<string>;
  consoleUrl?: Maybe<string>;
  /** Which step of the incident's clock: `page:1`. */
  step?: Maybe<string>;
  /** Titles of the roles that are told now. */
  escalatedTo?: Maybe<string>;
  unansweredMinutes?: Maybe<number>;
  /** What was owed after it and is due: that is told, and not the trouble. */
  taskDue?: Maybe<string>;
  acknowledgedBy?: Maybe<string>;
  acknowledgedAt?: Maybe<Instant>;
  resolvedBy?: Maybe<string>;
  resolvedAt?: Maybe<Instant>;
  reopenedAt?: Maybe<Instant>;
  lastedMs?: Maybe<number>;
  /** How many there were until now. */
  signals?: Maybe<number>;
  alerts?: Maybe<number>;
  reopenings?: Maybe<number>;
  /** The channel that could not be reached, which this comes instead of; and why, in a few words: `503`. */
  insteadOf?: Maybe<ChannelId>;
  insteadOfBecause?: Maybe<string>;
};

/** A line of a storm's summary or of a day's digest; the list travels as JSON text. */
export type IncidentLine = {
  id: string;
  severity: string;
  severityName: Maybe<string>;
  title: string;
  service: string;
  status: "open" | "acknowledged" | "resolved";
  openedAt: Instant;
  /** Until its end, or until the summary was made. */
  lastedMs: number;
  acknowledgedBy: Maybe<string>;
};

/** More new incidents than the policy tells one by one. */
type StormData = {
  /** Names the storm: what PagerDuty joins its repeats by. */
  stormId: string;
  /** How many there are; `incidents` may hold the worst of them only. */
  count: number;
  minutes: number;
  /** JSON of `IncidentLine[]`, the worst first. */
  incidents: string;
  /** The worst of them. */
  severity?: Maybe<string>;
  severityName?: Maybe<string>;
  startedAt?: Maybe<Instant>;
  timeZone?: Maybe<string>;
  why?: Maybe<string>;
  nextStep?: Maybe<string>;
  ackUrl?: Maybe<string>;
  consoleUrl?: Maybe<string>;
  escalatedTo?: Maybe<string>;
  insteadOf?: Maybe<ChannelId>;
  insteadOfBecause?: Maybe<string>;
};

/** A figure of the daily report: `unit` says how it is written. `amount` is in minor units of `currency`. */
export type DigestFigure = {
  key: string;
  value: Maybe<number>;
  unit: "count" | "percent" | "ms" | "amount" | "seconds";
  currency?: string;
  /** What it is of, where there are several of one key: a source, a service. */
  label?: string;
};

export type DigestSection = {
  section: "health" | "performance" | "security" | "payments" | "infrastructure" | "alerts";
  figures: DigestFigure[];
};

type DigestData = {
  /** `2026-11-20`, on the policy's clock. */
  day: string;
  from: Instant;
  to: Instant;
  timeZone: string;
  /** How many incidents were left for it; `incidents` may hold the worst of them only. */
  count: number;
  /** How many more the day had, of which people were told at once. */
  toldAtOnce?: Maybe<number>;
  /** JSON of `IncidentLine[]`, the worst first. */
  incidents: string;
  /** JSON of `DigestSection[]`. */
  sections: string;
  consoleUrl?: Maybe<string>;
};

/** What a platform's users are told of trouble; the policy's own message in each language that it has one in. */
type AboutTrouble = Reader & {
  incidentId: string;
  /** What is hit, as users know it. */
  service?: Maybe<string>;
  messageEn: string;
  messageTh?: Maybe<string>;
  startedAt?: Maybe<Instant>;
  statusPageUrl?: Maybe<string>;
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
  "incident-raised": IncidentNoticeData;
  "incident-escalated": IncidentNoticeData;
  "incident-acknowledged": IncidentNoticeData;
  "incident-reopened": IncidentNoticeData;
  "incident-resolved": IncidentNoticeData;
  "incident-storm": StormData;
  "incident-digest": DigestData;
  "user-incident": AboutTrouble & {
    /** When the reader hears again, from now. */
    nextUpdateMinutes?: Maybe<number>;
  };
  /** The n-th while it lasts, from 1. */
  "user-update": AboutTrouble & { update: number; nextUpdateMinutes?: Maybe<number> };
  "user-resolved": AboutTrouble & { resolvedAt?: Maybe<Instant>; lastedMs?: Maybe<number> };
  "user-maintenance": Reader & {
    maintenanceId: string;
    phase: "scheduled" | "begun" | "completed" | "failed" | "canceled";
    titleEn: string;
    titleTh?: Maybe<string>;
    messageEn: string;
    messageTh?: Maybe<string>;
    startsAt: Instant;
    endsAt: Instant;
    service?: Maybe<string>;
    statusPageUrl?: Maybe<string>;
  };
  "deployment-finished": {
    deploymentId: string;
    /** The deployment's name. */
    deployment: string;
    project: string;
    target: string;
    commit?: Maybe<string>;
    url?: Maybe<string>;
    finishedAt: Instant;
    timeZone?: Maybe<string>;
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
