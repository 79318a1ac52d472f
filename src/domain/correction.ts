import { Permanent } from "./errors.js";
import { type Caller, maySame } from "./operator.js";
import { HOUR_MS, type Instant } from "./time.js";

/**
 * `adopt`: take over what the source says, and derive anew what it makes. `refund`, `cancel`: do it at the source.
 * `grant`, `revoke`: decide by hand what a payment gives, whatever is heard of it later.
 */
export const CORRECTION_KINDS = ["adopt", "refund", "cancel", "grant", "revoke"] as const;
export type CorrectionKind = (typeof CORRECTION_KINDS)[number];

/** planned → approved → applied | failed; planned, approved → rejected. */
export const CORRECTION_STATUSES = [
  "planned",
  "approved",
  "applied",
  "failed",
  "rejected",
] as const;

/** Something that is to be done about one payment: who planned it and why, who approved it, what came of it. */
export interface Correction {
  /** Also the key under which the source does it once. */
  id: string;
  source: string;
  /** What it settles, where a reconciliation found it. */
  discrepancyId: string | null;
  kind: CorrectionKind;
  account: string;
  livemode: boolean;
  /** The payment's, at the source. */
  externalId: string;
  /** Of a refund; null is all that is left. */
  amountMinor: number | null;
  currency: string | null;
  /** Of a grant: to whom, and what. */
  userRef: string | null;
  packageRef: string | null;
  status: (typeof CORRECTION_STATUSES)[number];
  reason: string;
  plannedBy: string;
  /** A person by name, always; of what needs two people another than who planned and who applied it. */
  approvedBy: string | null;
  appliedBy: string | null;
  /** Written before anything is done. */
  begunAt: Instant | null;
  /** What the source calls what it did: the refund's id. */
  vendorRef: string | null;
  error: string | null;
  createdAt: Instant;
  updatedAt: Instant;
  appliedAt: Instant | null;
  version: number;
}

/** True for what moves money: one person alone must not. */
export const needsTwo = (kind: CorrectionKind): boolean => kind === "refund";

/** True for what is done at the source, under the correction's key. */
const isAtSource = (kind: CorrectionKind): boolean => kind === "refund" || kind === "cancel";

/** The source may forget a key after 24 hours, and would then do it a second time; a margin for clocks and calls. */
const KEY_KEPT_MS = 23 * HOUR_MS;

/** The token of the environment is nobody's name. */
const isNamed = (actor: string): boolean => actor.startsWith("operator:");

const forbidden = (detail: string): Permanent => new Permanent("forbidden", { detail });
const conflict = (detail: string): Permanent => new Permanent("conflict", { detail });

type Change = Partial<Correction>;

/** @throws Permanent `forbidden` when this person alone would plan and do it without a name. */
export function checkPlanner(kind: CorrectionKind, actor: string): void {
  if (!needsTwo(kind) || isNamed(actor)) return;
  throw forbidden(
    `A ${kind} needs two people by their names: plan it with a named key, not with ADMIN_TOKEN.`,
  );
}

/**
 * What an approval changes; null when it is approved already by the same person.
 *
 * @throws Permanent `forbidden` for who may not; `conflict` when it is not waiting for an approval.
 */
export function approve(correction: Correction, { actor, role }: Caller): Change | null {
  const { status, kind, plannedBy, approvedBy } = correction;
  if (!isNamed(actor)) throw forbidden("An approval is a person's: use a named key.");
  if (!maySame(role, "approver")) {
    throw forbidden(`This needs the role approver; this key has the role ${role}.`);
  }
  if (status === "approved" && approvedBy === actor) return null;
  if (status !== "planned") throw conflict(`The correction is ${status} already.`);
  if (needsTwo(kind) && plannedBy === actor) {
    throw forbidden(`A ${kind} needs a second person: ${actor} has planned it.`);
  }
  return { status: "approved", approvedBy: actor };
}

/**
 * What is written before it is done. Whoever applies what needs no second person approves it by that. Begun once, it
 * may be begun again: what was done is not done a second time.
 *
 * @returns null when it is applied already.
 * @throws Permanent `forbidden`; `conflict` when it has ended otherwise, or is too old to be begun again.
 */
export function begin(correction: Correction, { actor }: Caller, now: Instant): Change | null {
  const { status, kind, approvedBy, begunAt, vendorRef } = correction;
  if (status === "applied") return null;
  if (status === "failed" || status === "rejected") {
    throw conflict(`The correction is ${status}: plan another one.`);
  }
  if (needsTwo(kind) && status === "planned") {
    throw forbidden(`A ${kind} needs the approval of a second person: corrections approve.`);
  }
  if (approvedBy === null && !isNamed(actor)) {
    throw forbidden("Whoever applies it approves it by that: use a named key, not ADMIN_TOKEN.");
  }
  if (needsTwo(kind) && (approvedBy === actor || !isNamed(actor))) {
    throw forbidden(`A ${kind} is applied by a named person other than who approved it.`);
  }
  const isAnswered = vendorRef !== null; // so that it is not done again
  if (isAtSource(kind) && !isAnswered && begunAt !== null && now - begunAt > KEY_KEPT_MS) {
    throw conflict(
      "It was begun a day ago and no answer came, and its key may be forgotten: look at the source whether it was done, then reject this one.",
    );
  }
  return {
    status: "approved",
    approvedBy: approvedBy ?? actor,
    appliedBy: actor,
    begunAt: begunAt ?? now,
  };
}

/** @throws Permanent `conflict` when it has ended, is done at the source, or may be under way. */
export function reject(correction: Correction, now: Instant): Change {
  const { status, kind, begunAt, vendorRef } = correction;
  if (status !== "planned" && status !== "approved") {
    throw conflict(`The correction is ${status} already.`);
  }
  if (vendorRef !== null) {
    throw conflict(`It is done at the source, as ${vendorRef}: apply it again, to join it.`);
  }
  if (isAtSource(kind) && begunAt !== null && now - begunAt <= KEY_KEPT_MS) {
    throw conflict("It was begun, and may have been done: apply it again, which does it once.");
  }
  return { status: "rejected" };
}

/** What a person does about one that has failed, in a sentence; null of any other. It names the payment as the source does. */
export function nextStepOf({
  status,
  source,
  externalId,
}: Pick<Correction, "status" | "source" | "externalId">): string | null {
  if (status !== "failed") return null;
  return `Nothing was done by it. Look at payment ${externalId}, here and at ${source}; if something is still to be put right, plan another correction.`;
}
