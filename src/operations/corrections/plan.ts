import { type Correction, type CorrectionKind, checkPlanner } from "../../domain/correction.js";
import { Permanent } from "../../domain/errors.js";
import { minorOf } from "../../domain/money.js";
import type { Payment } from "../../domain/payment.js";
import { PlanBuilder } from "../../domain/plan.js";
import { openProposals } from "../../store/affected.js";
import { apply } from "../../store/apply.js";
import type { Database } from "../../store/database.js";
import { load, read } from "../../store/load.js";
import { untilStill } from "../../store/until-still.js";
import {
  type AffectedDeps,
  type AffectedLine,
  type AffectedPage,
  type AffectedRequest,
  askingOf,
  listAffected,
} from "./affected.js";

interface By {
  actor: string;
  reason: string;
}

/** One that a person asks for. */
export interface OneRequest extends By {
  source: string;
  kind: CorrectionKind;
  /** The payment's id at the source. */
  payment: string;
  account: string;
  /** Of a refund, as a decimal of the payment's currency; all that is left without it. */
  amount?: string | undefined;
  /** Of a grant; what the payment names without them. */
  userRef?: string | undefined;
  packageRef?: string | undefined;
}

/**
 * Plans what would put right a page of the affected. What waits already for the same payment is not planned again.
 *
 * @returns what was planned, and where the next page begins.
 * @throws Permanent `forbidden` when one of them needs two people and the planner has no name; Transient.
 */
export async function planCorrections(
  request: AffectedRequest & By,
  deps: AffectedDeps,
): Promise<{ planned: Correction[]; seen: number; nextAfter: AffectedPage["nextAfter"] }> {
  const { lines, nextAfter } = await listAffected(request, deps);
  const wanted = lines.flatMap((line) =>
    line.proposal === null ? [] : [draftOf(line, line.proposal, request.source)],
  );
  return { planned: await write(wanted, request, deps), seen: lines.length, nextAfter };
}

type Draft = Pick<
  Correction,
  | "source"
  | "kind"
  | "account"
  | "livemode"
  | "externalId"
  | "amountMinor"
  | "currency"
  | "userRef"
  | "packageRef"
  | "discrepancyId"
>;

function draftOf(line: AffectedLine, kind: CorrectionKind, source: string): Draft {
  const { account, livemode, externalId, discrepancyId } = line;
  const money = line.theirs ?? line.ours;
  return {
    source,
    kind,
    account,
    livemode,
    externalId,
    discrepancyId,
    amountMinor:
      kind === "refund" && money !== null ? money.receivedMinor - money.refundedMinor : null,
    currency: money?.currency ?? null,
    userRef: null,
    packageRef: null,
  };
}

/**
 * Plans one correction by hand.
 *
 * @throws Permanent `conflict` when the same waits already; `invalid_request`; `not_found`; `forbidden`.
 */
export async function planOne(request: OneRequest, deps: AffectedDeps): Promise<Correction> {
  const { gateway, source } = askingOf(request.source, deps);
  const { payment: externalId, account, kind } = request;
  if (source.kindOfId(externalId) === null) {
    throw new Permanent("invalid_request", { detail: "payment: no id of a payment at the source" });
  }
  const of = [account, gateway.sees(true), externalId];
  const rows = await load(deps.database, {
    payments: read("payment", "t.account = ? AND t.livemode = ? AND t.external_id = ?", of),
  });
  const [payment] = rows.payments;
  if (payment === undefined && kind !== "adopt" && kind !== "cancel") {
    const detail = `There is no payment ${externalId} here: adopt it first.`;
    throw new Permanent("not_found", { detail });
  }
  const [proposed] = (await openProposals(deps.database, [externalId])).filter(
    (one) => one.kind === kind && one.account === account,
  );
  const draft: Draft = {
    source: request.source,
    kind,
    account,
    livemode: gateway.sees(true),
    externalId,
    discrepancyId: proposed?.id ?? null,
    amountMinor: kind === "refund" ? amountOf(request, payment) : null,
    currency: payment?.currency ?? null,
    ...(kind === "grant" ? givenBy(request, payment, deps) : { userRef: null, packageRef: null }),
  };
  const [planned] = await write([draft], request, deps);
  if (planned !== undefined) return planned;
  const detail = `The same correction of ${externalId} waits already: corrections list.`;
  throw new Permanent("conflict", { detail });
}

/** Null is all that is left, whatever that is when it is done. */
function amountOf({ amount }: OneRequest, payment: Payment | undefined): number | null {
  const { receivedMinor = 0, refundedMinor = 0, currency = "" } = payment ?? {};
  const left = receivedMinor - refundedMinor;
  if (left <= 0)
    throw new Permanent("conflict", { detail: "Nothing of it is left to be refunded." });
  if (amount === undefined) return null;
  const minor = minorOf(amount, currency);
  if (minor === null || minor <= 0 || minor > left) {
    const detail = `amount: must be a decimal of ${currency}, more than 0 and no more than is left`;
    throw new Permanent("invalid_request", { detail });
  }
  return minor;
}

function givenBy(
  request: OneRequest,
  payment: Payment | undefined,
  { policy }: AffectedDeps,
): Pick<Draft, "userRef" | "packageRef"> {
  const userRef = request.userRef ?? payment?.userRef ?? null;
  if (userRef === null) {
    throw new Permanent("invalid_request", { detail: "user: the payment names none, so say it" });
  }
  return {
    userRef,
    packageRef: request.packageRef ?? payment?.packageRef ?? policy.payments.defaultPackage,
  };
}

/** @returns those that did not wait already. */
async function write(drafts: readonly Draft[], by: By, deps: AffectedDeps): Promise<Correction[]> {
  for (const { kind } of drafts) checkPlanner(kind, by.actor);
  return untilStill("the corrections", async () => {
    const { database, ids, clock } = deps;
    const taken = new Set((await waitingAmong(database, drafts)).map(keyOf));
    const now = clock.now();
    const requestId = ids.next("request");
    const plan = new PlanBuilder({ now, ids, actor: by.actor, eventId: null, requestId });
    const planned = drafts
      .filter((draft) => !taken.has(keyOf(draft)))
      .map((draft) => correctionOf(draft, by, { id: ids.next("correction"), now }));
    for (const row of planned) {
      const { id, kind, externalId, amountMinor, reason } = row;
      plan.insert("correction", row);
      plan.audit("correction.planned", id, { kind, payment: externalId, amountMinor, reason });
    }
    await apply(database, plan.build()); // moved: somebody planned the same meanwhile
    return planned;
  });
}

/** Those that wait about the same payments. */
async function waitingAmong(database: Database, drafts: readonly Draft[]): Promise<Correction[]> {
  const payments = [...new Set(drafts.map(({ externalId }) => externalId))];
  const found = await Promise.all(
    payments.map((id) =>
      load(database, {
        rows: read("correction", "t.external_id = ? AND t.status IN ('planned', 'approved')", [id]),
      }),
    ),
  );
  return found.flatMap(({ rows }) => rows);
}

const keyOf = ({ externalId, kind, account, livemode }: Draft): string =>
  JSON.stringify([externalId, kind, account, livemode]);

const correctionOf = (
  draft: Draft,
  { actor, reason }: By,
  { id, now }: { id: string; now: number },
): Correction => ({
  id,
  ...draft,
  status: "planned",
  reason,
  plannedBy: actor,
  approvedBy: null,
  appliedBy: null,
  begunAt: null,
  vendorRef: null,
  error: null,
  createdAt: now,
  updatedAt: now,
  appliedAt: null,
  version: 0,
});
