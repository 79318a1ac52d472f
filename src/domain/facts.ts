import type { DeploymentState } from "./deployment.js";
import type { LedgerKey, LedgerKind, Word } from "./ledger.js";
import type { MailOutcome } from "./notice.js";
import type { Instant } from "./time.js";

/** What a source says of one object of the ledger: `payment.said`, `refund.said`. */
export type ObjectSaid = { [K in LedgerKind]: { kind: `${K}.said` } & Word<K> }[LedgerKind];

/** An object has changed, and only its source can say how: the engine fetches it, and the fact becomes `….said`. */
export interface ObjectMentioned {
  kind: "object.mentioned";
  object: LedgerKey;
  occurredAt: Instant;
}

/** All that one event says of the ledger, so that it is decided together. The engine gathers it; no source makes it. */
export interface LedgerSaid {
  kind: "ledger.said";
  words: readonly ObjectSaid[];
}
export type LedgerFact = ObjectSaid | ObjectMentioned | LedgerSaid;

/** What kind of trouble a signal speaks of. */
export const SIGNAL_KINDS = [
  "error",
  "metric",
  "uptime",
  "deployment",
  "payment",
  "certificate",
  "backup",
  "lag",
  "maintenance",
  "security",
] as const;
export type SignalKind = (typeof SIGNAL_KINDS)[number];
/** How loud the source itself calls it. */
export const SIGNAL_LEVELS = ["fatal", "error", "warning", "info"] as const;
export type SignalLevel = (typeof SIGNAL_LEVELS)[number];

interface SignalFactBase {
  /** The one trouble that it speaks of, in its source's own terms: its signals are one alert while it lasts. */
  groupKey: string;
  signalKind: SignalKind;
  title: string;
  /** Where a deployment is the trouble: the next good one to the same place ends it. */
  deployedTo?: { project: string; target: string };
  occurredAt: Instant;
}
export interface SignalRaised extends SignalFactBase {
  kind: "signal.raised";
  level: SignalLevel;
  /** What is hit: a project, a monitor. */
  service: string;
  environment: string | null;
  url: string | null;
  /** What else the source says that a policy's rules may look at: a threshold's id, a tag. Names in lower case. */
  tags?: Readonly<Record<string, string>>;
  /** True when the trouble is in this very deployment: told, but capped, or it would feed itself. */
  ours: boolean;
  /** About a figure or a rule, no outage of what users use: it is part of no outage, and users are not told of it. */
  aside?: boolean;
  /** A matter of its own with a time limit of its own: part of no incident but its own, not even with others of its kind. */
  apart?: boolean;
}
export interface SignalAcknowledged extends SignalFactBase {
  kind: "signal.acknowledged";
  by: string | null;
}
export interface SignalResolved extends SignalFactBase {
  kind: "signal.resolved";
  by: string | null;
}
export type SignalFact = SignalRaised | SignalAcknowledged | SignalResolved;

export interface DeploymentChanged {
  kind: "deployment.changed";
  externalId: string;
  project: string;
  name: string;
  state: DeploymentState;
  /** `production`, `staging`, `preview`. */
  target: string;
  url: string | null;
  commit: string | null;
  /** Words in brackets at the beginning of the commit's message, in lower case: `[security] Mend the log-in`. */
  labels: readonly string[];
  /** True when it is of this very deployment's own project. */
  ours: boolean;
  occurredAt: Instant;
}

/** What became of a mail that its service had taken. */
export interface MailStatusReported {
  kind: "mail.status_reported";
  /** What the service calls the mail. */
  vendorId: string;
  /** Our own notice, where the mail carried its id: the report may come before the service's answer. */
  noticeId: string | null;
  outcome: MailOutcome;
  /** True when nothing may be sent to this recipient any more: bounced for good, or called spam. */
  permanent: boolean;
  occurredAt: Instant;
}

/** A test event that we had sent to a service ourselves has come back from it: no trouble, but a proof. */
export interface TestArrived {
  kind: "test.arrived";
  marker: string;
  occurredAt: Instant;
}

/** What an event says, in our own terms. No vendor's word is in here. */
export type Fact = LedgerFact | SignalFact | DeploymentChanged | MailStatusReported | TestArrived;
export type FactKind = Fact["kind"];
