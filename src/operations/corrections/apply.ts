import { begin, type Correction } from "../../domain/correction.js";
import { isInForce } from "../../domain/entitlement.js";
import { Permanent, Transient } from "../../domain/errors.js";
import type { AttemptOutcome } from "../../domain/event.js";
import type { LedgerKey, LedgerObject } from "../../domain/ledger.js";
import type { Correction as Word } from "../../domain/notice-templates.js";
import { PlanBuilder } from "../../domain/plan.js";
import type { Instant } from "../../domain/time.js";
import { closeDiscrepancy } from "../../store/affected.js";
import { apply } from "../../store/apply.js";
import { Moved } from "../../store/database.js";
import { load, read } from "../../store/load.js";
import type { DrainDeps } from "../drain-source.js";
import { askingOf } from "./affected.js";
import { type Corrected, decideByHand } from "./by-hand.js";
import { joinNow } from "./join.js";
import { changeCorrection, findCorrection, type SettleCorrection } from "./settle.js";

export interface ApplyRequest extends SettleCorrection {
  /** Tell the payer, by mail, once for this correction. */
  tell: boolean;
}

const ROUNDS_MAX = 6;
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
    const vendorRef = byHand ? null : await doAtSource(begun, request, deps);
    if (begun.discrepancyId !== null) {
      await closeDiscrepancy(deps.database, begun.discrepancyId, deps.clock.now());
    }
    return await end(begun, { vendorRef, byHand }, request, deps);
  } catch (error) {
    if (!(error instanceof Permanent)) throw error;
    const why = error.detail ?? error.code;
    const failed = { ...request, reason: why };
    return changeCorrection(
      failed,
      "failed",
      ({ status }) => (status === "approved" ? { status: "failed", error: why } : null),
      deps,
    );
  }
}

/** @returns what the source calls it; null where it was only asked. */
async function doAtSource(
  { source: sourceId, ...correction }: Correction,
  { caller }: ApplyRequest,
  deps: DrainDeps,
): Promise<string | null> {
  const { source, gateway } = askingOf(sourceId, deps);
  const { mention } = source;
  if (mention === undefined) throw new Permanent("invalid_request", { detail: sourceId });
  const { id, kind, account, livemode, externalId, amountMinor, reason } = correction;
  const payment: LedgerKey = {
    kind: source.kindOfId(externalId) ?? "payment",
    account,
    livemode,
    externalId,
  };
  const call = { reason, idempotencyKey: id };
  const keys = [payment];
  let vendorRef: string | null = null;
  if (kind === "refund") {
    const { object } = await gateway.refundPayment(
      { ...payment, kind: "payment" },
      { ...call, amountMinor },
    );
    vendorRef = idIn(object);
    if (vendorRef !== null) keys.push({ ...payment, kind: "refund", externalId: vendorRef });
  } else if (kind === "cancel") {
    await gateway.cancelPayment(payment, call);
    vendorRef = externalId;
  } else if ((await gateway.fetchObject(payment)) === null) {
    throw new Permanent("not_found", { detail: `${sourceId} has no payment ${externalId}` });
  }
  const beside = await objectsOf(correction, deps);
  const known = beside.filter((row) => keys.every((key) => key.externalId !== row.externalId));
  keys.push(...known.slice(0, OBJECTS_MAX));
  const outcomes: AttemptOutcome[] = [];
  for (const [n, key] of keys.entries()) {
    const told = { key, id: `correction_${id}_${n}`, at: correction.begunAt ?? deps.clock.now() };
    const by = { actor: caller.actor, reason: `correction ${id}` };
    outcomes.push(await joinNow({ source: { ...source, mention }, ...told, ...by }, deps));
  }
  if (kind === "adopt" && outcomes.includes("dead")) {
    throw new Permanent("gateway_refused", {
      detail: "what was fetched could not be joined: see the dead letters",
    });
  }
  return vendorRef;
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
      "t.account = ? AND t.livemode = ? AND t.payment_ref = ? AND t.kind IN ('charge','refund','dispute')",
      [account, livemode, externalId],
      { orderBy: "t.external_id" },
    ),
  });
  return objects;
}

/** Writes that it is done; what a person decides by hand takes effect by the same statement, and the mail is planned by it. */
async function end(
  { id }: Correction,
  done: { vendorRef: string | null; byHand: boolean },
  { caller, tell, reason }: ApplyRequest,
  deps: DrainDeps,
): Promise<Correction> {
  const { database, clock, ids } = deps;
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const before = await findCorrection(database, id);
    if (before.status !== "approved") return before; // somebody else did it meanwhile
    const now = clock.now();
    const requestId = ids.next("request");
    const ctx = { now, ids, actor: caller.actor, eventId: null, requestId };
    const plan = new PlanBuilder(ctx);
    const after = { status: "applied" as const, appliedAt: now, updatedAt: now };
    const patch = { ...after, vendorRef: done.vendorRef };
    plan.update("correction", before, patch);
    const { kind, externalId } = before;
    plan.audit("correction.applied", id, { kind, payment: externalId, reason, ...refIn(done) });
    const rows = done.byHand
      ? await decideByHand(before, plan, now, deps)
      : await rowsOf(before, deps);
    if (tell) tellPayer(plan, before, rows, now, deps);
    try {
      const built = plan.build();
      await apply(database, built);
      await deps.relay(built.inserts.outbox ?? []);
      return { ...before, ...patch, version: before.version + 1 };
    } catch (error) {
      if (!(error instanceof Moved)) throw error;
    }
  }
  throw new Transient("database_busy", { detail: "rows moved in every round" });
}

const refIn = ({ vendorRef }: { vendorRef: string | null }) =>
  vendorRef === null ? {} : { vendorRef };

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
  const isRefund = kind === "refund";
  const gives = entitlement !== null && isInForce(entitlement, now);
  const word: Word | "adopted" = isRefund
    ? "refunded"
    : kind === "cancel"
      ? "canceled"
      : gives
        ? "granted"
        : kind === "revoke" || entitlement?.status === "revoked"
          ? "revoked"
          : "adopted";
  plan.notify({
    channel: "email",
    template: "payment-corrected",
    cause: `correction:${id}`,
    recipient: payment.email,
    locale: payment.locale ?? policy.defaultLocale,
    data: {
      paymentId: payment.id,
      paymentExternalId: payment.externalId,
      amountMinor: payment.amountMinor,
      currency: payment.currency,
      packageRef: entitlement?.packageRef ?? payment.packageRef,
      userName: payment.name,
      timeZone: policy.timeZone,
      correction: word,
      ...(isRefund ? { refundMinor: amountMinor ?? payment.refundedMinor } : {}),
      entitlementEndsAt: gives ? entitlement.endsAt : null,
      correctedAt: now,
    },
  });
}
