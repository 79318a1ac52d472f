import { begin, type Correction, type CorrectionKind } from "../../domain/correction.js";
import { isInForce } from "../../domain/entitlement.js";
import { Permanent } from "../../domain/errors.js";
import type { AttemptOutcome } from "../../domain/event.js";
import type { LedgerKey, LedgerObject } from "../../domain/ledger.js";
import type { Correction as Word } from "../../domain/notice-templates.js";
import { PlanBuilder } from "../../domain/plan.js";
import type { Instant } from "../../domain/time.js";
import { apply } from "../../store/apply.js";
import { load, read } from "../../store/load.js";
import { untilStill } from "../../store/until-still.js";
import type { DrainDeps } from "../drain-source.js";
import { askingOf } from "./affected.js";
import { type Corrected, decideByHand } from "./by-hand.js";
import { joinNow } from "./join.js";
import { changeCorrection, findCorrection, type SettleCorrection } from "./settle.js";

export interface ApplyRequest extends SettleCorrection {
  /** Tell the payer, by mail, once for this correction. */
  tell: boolean;
}

/** What a payment is made of, beside itself; few, or it is no payment. */
const OBJECTS_MAX = 20;

/**
 * Does what a correction says, once, and joins what came of it into the ledger. Broken off at any place it may be
 * called again: the source does it once under the correction's id, and what was joined is joined no second time.
 *
 * @returns the correction, `applied`; or `failed`, with why.
 * @throws Permanent `forbidden`, `conflict`, `not_found`; Transient when it failed for now: call it again.
 */
export async function applyCorrection(request: ApplyRequest, deps: DrainDeps): Promise<Correction> {
  const { caller } = request;
  const begun = await changeCorrection(
    request,
    "begun",
    (correction, now) => begin(correction, caller, now),
    deps,
  );
  if (begun.status !== "approved") return begun;
  try {
    const byHand = begun.kind === "grant" || begun.kind === "revoke";
    if (!byHand) await doAtSource(begun, request, deps);
    return await end(begun, byHand, request, deps);
  } catch (error) {
    if (!(error instanceof Permanent)) throw error;
    return fail(request, error, deps);
  }
}

/**
 * Writes that it failed, and why. What the source has done is no failure, whatever came after it.
 *
 * @throws Permanent when it is done at the source, and the rest of it failed.
 */
async function fail(request: ApplyRequest, error: Permanent, deps: DrainDeps): Promise<Correction> {
  const why = error.detail ?? error.code;
  const after = await changeCorrection(
    { ...request, reason: why },
    "failed",
    ({ status, vendorRef }) =>
      // Nobody has applied what failed; who tried it stands in the audit trail.
      status === "approved" && vendorRef === null
        ? { status: "failed", error: why, appliedBy: null }
        : null,
    deps,
  );
  if (after.status !== "approved") return after;
  const { source, vendorRef } = after;
  const detail = `It is done at ${source}, as ${vendorRef}, but not joined: apply it again. ${why}`;
  throw new Permanent(error.code, { detail, cause: error });
}

/**
 * Has it done at the source, unless it was before, and writes what the source calls it before anything else can fail.
 *
 * @returns what the source calls it; null where it was only asked.
 */
async function callOnce(
  { kind, externalId, id, amountMinor, reason, ...known }: Correction,
  payment: LedgerKey,
  request: ApplyRequest,
  deps: DrainDeps,
): Promise<string | null> {
  if (known.vendorRef !== null) return known.vendorRef;
  const { gateway } = askingOf(known.source, deps);
  const call = { reason, idempotencyKey: id };
  let vendorRef = externalId;
  if (kind === "refund") {
    const refunded = { ...payment, kind: "payment" as const };
    const { object } = await gateway.refundPayment(refunded, { ...call, amountMinor });
    vendorRef = idIn(object) ?? externalId;
  } else if (kind === "cancel") {
    await gateway.cancelPayment(payment, call);
  } else {
    if ((await gateway.fetchObject(payment)) !== null) return null;
    throw new Permanent("not_found", { detail: `${known.source} has no payment ${externalId}` });
  }
  await changeCorrection(
    request,
    "done_at_source",
    (now) => (now.status === "approved" && now.vendorRef === null ? { vendorRef } : null),
    deps,
  );
  return vendorRef;
}

/** Has it done, and joins what came of it. */
async function doAtSource(
  correction: Correction,
  request: ApplyRequest,
  deps: DrainDeps,
): Promise<void> {
  const { id, kind, account, livemode, externalId, source: sourceId } = correction;
  const { source } = askingOf(sourceId, deps);
  const { mention } = source;
  if (mention === undefined) throw new Permanent("invalid_request", { detail: sourceId });
  const payment: LedgerKey = {
    kind: source.kindOfId(externalId) ?? "payment",
    account,
    livemode,
    externalId,
  };
  const vendorRef = await callOnce(correction, payment, request, deps);
  const keys = [payment];
  if (kind === "refund" && vendorRef !== null && vendorRef !== externalId) {
    keys.push({ ...payment, kind: "refund", externalId: vendorRef });
  }
  const beside = await objectsOf(correction, deps);
  const known = beside.filter((row) => keys.every((key) => key.externalId !== row.externalId));
  keys.push(...known.slice(0, OBJECTS_MAX));
  const outcomes: AttemptOutcome[] = [];
  for (const [n, key] of keys.entries()) {
    const told = { key, id: `correction_${id}_${n}`, at: correction.begunAt ?? deps.clock.now() };
    const by = { actor: request.caller.actor, reason: `correction ${id}` };
    outcomes.push(await joinNow({ source: { ...source, mention }, ...told, ...by }, deps));
  }
  if (kind === "adopt" && outcomes.includes("dead")) {
    throw new Permanent("gateway_refused", {
      detail: "what was fetched could not be joined: see the dead letters",
    });
  }
}

function idIn(object: unknown): string | null {
  const id = typeof object === "object" && object !== null && "id" in object ? object.id : null;
  return typeof id === "string" ? id : null;
}

type About = Pick<Correction, "account" | "livemode" | "externalId">;

async function objectsOf(
  { account, livemode, externalId }: About,
  { database }: DrainDeps,
): Promise<LedgerObject[]> {
  const { objects } = await load(database, {
    objects: read(
      "ledgerObject",
      "t.account = ? AND t.livemode = ? AND t.payment_ref = ? AND t.kind IN ('charge','refund','dispute','fraud_warning')",
      [account, livemode, externalId],
      { orderBy: "t.external_id" },
    ),
  });
  return objects;
}

/**
 * Writes that it is done. By the same statement what a person decides by hand takes effect, what a reconciliation has
 * found is closed, and the mail is planned.
 */
function end(
  { id }: Correction,
  byHand: boolean,
  { caller, tell, reason }: ApplyRequest,
  deps: DrainDeps,
): Promise<Correction> {
  const { database, clock, ids } = deps;
  return untilStill(`correction ${id}`, async () => {
    const before = await findCorrection(database, id);
    if (before.status !== "approved") return before; // somebody else did it meanwhile
    const now = clock.now();
    const requestId = ids.next("request");
    const ctx = { now, ids, actor: caller.actor, eventId: null, requestId };
    const plan = new PlanBuilder(ctx);
    const patch = { status: "applied" as const, appliedAt: now, updatedAt: now };
    plan.update("correction", before, patch);
    const { kind, externalId } = before;
    plan.audit("correction.applied", id, { kind, payment: externalId, reason, ...refIn(before) });
    await planClose(before, plan, now, deps);
    const rows = byHand ? await decideByHand(before, plan, now, deps) : await rowsOf(before, deps);
    if (tell) tellPayer(plan, before, rows, now, deps);
    const built = plan.build();
    await apply(database, built);
    await deps.relay(built.inserts.outbox ?? []);
    return { ...before, ...patch, version: before.version + 1 };
  });
}

const refIn = ({ vendorRef }: Correction) => (vendorRef === null ? {} : { vendorRef });

/** What a reconciliation has found is settled by it; nothing to do where a later run saw it healed. */
async function planClose(
  { discrepancyId }: Correction,
  plan: PlanBuilder,
  now: Instant,
  { database }: DrainDeps,
): Promise<void> {
  if (discrepancyId === null) return;
  const { found } = await load(database, {
    found: read("discrepancy", "t.id = ? AND t.status = 'open'", [discrepancyId]),
  });
  const closed = { status: "corrected" as const, closedAt: now, updatedAt: now };
  for (const row of found) plan.update("discrepancy", row, closed);
}

async function rowsOf(
  { account, livemode, externalId }: About,
  { database }: DrainDeps,
): Promise<Corrected> {
  const of = [account, livemode, externalId];
  const { payments, entitlements } = await load(database, {
    payments: read("payment", "t.account = ? AND t.livemode = ? AND t.external_id = ?", of),
    entitlements: read(
      "entitlement",
      "p.account = ? AND p.livemode = ? AND p.external_id = ?",
      of,
      {
        join: "JOIN payment p ON p.id = t.payment_id",
      },
    ),
  });
  return { payment: payments[0] ?? null, entitlement: entitlements[0] ?? null };
}

type Gives = "access" | "revoked" | "nothing";
const ASKED = { access: "granted", revoked: "revoked", nothing: "adopted" } as const;
/** What the mail says was done, by what the payment gives after it. */
const WORDS: Readonly<Record<CorrectionKind, Readonly<Record<Gives, Word | "adopted">>>> = {
  adopt: ASKED,
  grant: ASKED,
  revoke: { ...ASKED, nothing: "revoked" },
  refund: { access: "refunded", revoked: "refunded", nothing: "refunded" },
  cancel: { access: "canceled", revoked: "canceled", nothing: "canceled" },
};

/** Once for this correction; nobody when no address is known, which its audit entries show. */
function tellPayer(
  plan: PlanBuilder,
  correction: Correction,
  { payment, entitlement }: Corrected,
  now: Instant,
  { policy }: DrainDeps,
): void {
  if (payment === null || payment.email === null) return;
  const { id, kind, amountMinor } = correction;
  const inForce = entitlement !== null && isInForce(entitlement, now);
  const without = entitlement?.status === "revoked" ? "revoked" : "nothing";
  plan.notify({
    channel: "email",
    template: "payment-corrected",
    cause: `correction:${id}`,
    recipient: payment.email,
    locale: payment.locale ?? policy.payments.defaultLocale,
    data: {
      paymentId: payment.id,
      paymentExternalId: payment.externalId,
      amountMinor: payment.amountMinor,
      currency: payment.currency,
      packageRef: entitlement?.packageRef ?? payment.packageRef,
      userName: payment.name,
      timeZone: policy.payments.timeZone,
      correction: WORDS[kind][inForce ? "access" : without],
      ...(kind === "refund" ? { refundMinor: amountMinor ?? payment.refundedMinor } : {}),
      entitlementEndsAt: inForce ? entitlement.endsAt : null,
      correctedAt: now,
    },
  });
}
