import type { LedgerKey, LedgerKind, Links } from "./ledger.js";
import type { Instant } from "./time.js";

export const RUN_STATUSES = ["running", "succeeded", "partial", "failed"] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

/**
 * The steps of a run, in their order. First everything is found, so that what is healed meanwhile is counted too;
 * then what the source could not deliver is sent, what that did not heal is fetched, and what remains is judged.
 */
export const RUN_STEPS = [
  "find",
  "undelivered",
  "await_undelivered",
  "mention",
  "await_mentioned",
  "judge",
  "check",
] as const;
export type RunStep = (typeof RUN_STEPS)[number];

/** Where a run goes on. Written together with what the page before it has found. */
export interface RunCursor {
  step: RunStep;
  /** The connected accounts; the first is our own. */
  accounts: readonly string[];
  /** Which account and kind of object is being listed, or which check is made. */
  place: number;
  /** The end of what is still to be listed of it; it moves down where a list is too long, or broke off. */
  to: Instant;
  next: string | null;
  /** Pages since `to` was set. */
  pages: number;
  /** What was listed of the second at which the last page ended: the next page begins in it. */
  edge: { at: Instant; ids: readonly string[] } | null;
  /** The id after which the next rows of ours come; with a page of a list: the page was counted already. */
  after: string;
  /** When something last went on; a run that stands too long has failed. */
  movedAt: Instant;
  /** Of the messages that are waited for. */
  outstanding: number;
  /** Of a dry run, which writes no discrepancy: what it found, the first of it. */
  findings?: readonly SeenFinding[];
}

export interface RunCounts {
  pages: number;
  /** Objects that the source listed. */
  objects: number;
  /** Rows of ours that it did not list. */
  unlisted: number;
  /** Events that it could not deliver, and those of them that were here all the same. */
  undelivered: number;
  undeliveredHere: number;
  mentioned: number;
  found: number;
  healed: number;
  errors: number;
}

/** Money of one kind of object, currency and state, ours beside theirs. Sums are minor units. */
export interface BalanceLine {
  kind: LedgerKind;
  currency: string;
  state: string;
  ours: { count: number; sumMinor: number };
  theirs: { count: number; sumMinor: number };
  /** Of the difference (theirs less ours), what the open discrepancies make up. */
  explained: { count: number; sumMinor: number };
}

export interface RunError {
  /** An object's id, or what was listed. */
  at: string;
  code: string;
  detail: string;
}

/** A run that compares the ledger with its source, and heals it. */
export interface Reconciliation {
  id: string;
  source: string;
  actor: string;
  status: RunStatus;
  /** Only looks: sends nothing, and writes no discrepancy. */
  dryRun: boolean;
  livemode: boolean;
  rangeFrom: Instant;
  rangeTo: Instant;
  /** One object's id in place of the range; empty for all. */
  onlyRef: string;
  cursor: RunCursor;
  counts: RunCounts;
  balance: BalanceLine[];
  /** The first of them; `counts.errors` has all. */
  errors: RunError[];
  startedAt: Instant;
  updatedAt: Instant;
  endedAt: Instant | null;
  /** Until then nobody else goes on with it. */
  leaseUntil: Instant;
  version: number;
}

/** What may differ between an object here and at its source. */
export const OBJECT_DIFFERENCES = [
  "missing_here",
  "missing_there",
  "amount",
  "currency",
  "state",
  "refund",
  "dispute",
  "details",
  "altered_here",
] as const;
/** What does not fit together within the ledger. */
export const LEDGER_DIFFERENCES = [
  "paid_without_entitlement",
  "entitlement_without_payment",
  "charged_twice",
] as const;
export const DISCREPANCY_KINDS = [...OBJECT_DIFFERENCES, ...LEDGER_DIFFERENCES] as const;
export type DiscrepancyKind = (typeof DISCREPANCY_KINDS)[number];
export const DISCREPANCY_STATUSES = ["open", "healed", "corrected", "dismissed"] as const;

/** A side of a discrepancy: enough to be compared and counted, and nothing of a person. */
export interface Side {
  state: string;
  amountMinor: number | null;
  currency: string | null;
  links?: Links;
  /** SHA-256 of the whole content. */
  hash?: string;
  /** Fields that differ, by name. */
  fields?: readonly string[];
}

export const PROPOSAL_KINDS = ["adopt", "refund", "cancel", "grant", "revoke", "none"] as const;
export interface Proposal {
  kind: (typeof PROPOSAL_KINDS)[number];
  /** What is proposed, for a person. */
  words: string;
  amountMinor?: number;
}

export interface Discrepancy {
  id: string;
  source: string;
  kind: DiscrepancyKind;
  objectKind: LedgerKind;
  account: string;
  livemode: boolean;
  externalId: string;
  status: (typeof DISCREPANCY_STATUSES)[number];
  ours: Side | null;
  theirs: Side | null;
  proposal: Proposal;
  firstRunId: string;
  lastRunId: string;
  foundAt: Instant;
  updatedAt: Instant;
  closedAt: Instant | null;
  version: number;
}

/** How a discrepancy stands. */
export type DiscrepancyState = Pick<
  Discrepancy,
  "id" | "status" | "updatedAt" | "closedAt" | "version"
>;

/** A discrepancy as a run finds it; its row is made or brought up to date. */
export type Finding = LedgerKey &
  Pick<Discrepancy, "id" | "ours" | "theirs" | "proposal"> & { difference: DiscrepancyKind };

/** A finding that is only shown. */
export type SeenFinding = Pick<
  Discrepancy,
  "kind" | "objectKind" | "account" | "externalId" | "ours" | "theirs" | "proposal"
>;

export const NO_COUNTS: RunCounts = Object.freeze({
  pages: 0,
  objects: 0,
  unlisted: 0,
  undelivered: 0,
  undeliveredHere: 0,
  mentioned: 0,
  found: 0,
  healed: 0,
  errors: 0,
});
