import type { Correction } from "../../domain/correction.js";
import type { Entitlement } from "../../domain/entitlement.js";
import { Permanent } from "../../domain/errors.js";
import type { Override, Payment } from "../../domain/payment.js";
import type { PlanBuilder } from "../../domain/plan.js";
import type { Instant } from "../../domain/time.js";
import { planEntitlements } from "../../handlers/entitlement-plan.js";
import { decideGrants, givenBy } from "../../handlers/record-ledger/grants.js";
import { load, read } from "../../store/load.js";
import type { DrainDeps } from "../drain-source.js";

/** A payment, and what it gives, after a correction. */
export interface Corrected {
  payment: Payment | null;
  entitlement: Entitlement | null;
}

/**
 * Plans what a person has decided that a payment gives. The decision is kept on the payment, where every later word of
 * it finds it, and the entitlements follow in the same statement.
 *
 * @throws Permanent `not_found` when the payment is not here.
 */
export async function decideByHand(
  correction: Correction,
  plan: PlanBuilder,
  now: Instant,
  deps: DrainDeps,
): Promise<Corrected> {
  const { account, livemode, externalId } = correction;
  const { payments } = await load(deps.database, {
    payments: read("payment", "t.account = ? AND t.livemode = ? AND t.external_id = ?", [
      account,
      livemode,
      externalId,
    ]),
  });
  const [before] = payments;
  if (before === undefined) {
    throw new Permanent("not_found", { detail: `There is no payment ${externalId} here.` });
  }
  const payment: Payment = { ...before, override: overrideOf(correction, now), updatedAt: now };
  plan.update("payment", before, payment);
  plan.audit("payment.overridden", before.id, { by: correction.id, decision: correction.kind });
  const entitlements = await entitlementsBeside(correction, before, deps);
  const { ids, policy, tellsPlatform = false } = deps;
  const joined = { objects: [], before: new Map(), spoken: [] };
  const touched = { payments: [payment], subscriptions: [], joined, entitlements };
  const decision = decideGrants(touched, { now, ids, policy });
  planEntitlements(plan, decision, { tellsPlatform });
  return { payment, entitlement: givenBy({ paymentId: payment.id }, decision) };
}

function overrideOf({ id, kind, userRef, packageRef }: Correction, at: Instant): Override {
  if (kind === "revoke") return { kind, correctionId: id, at };
  if (kind === "grant" && userRef !== null && packageRef !== null) {
    return { kind, correctionId: id, at, userRef, packageRef };
  }
  throw new Permanent("invalid_request", { detail: `${id} does not say what is granted to whom` });
}

/** All rows of whom it was given to, and of whom it goes to: their windows are laid out together. */
async function entitlementsBeside(
  { account, livemode, userRef }: Correction,
  { id, userRef: payer }: Payment,
  { database }: DrainDeps,
) {
  const ofUser = "t.account = ? AND t.livemode = ? AND t.user_ref = ?";
  const { said, payers, had } = await load(database, {
    said: read("entitlement", ofUser, [account, livemode, userRef]),
    payers: read("entitlement", ofUser, [account, livemode, payer]),
    had: read("entitlement", "t.account = ? AND t.livemode = ?", [id, account, livemode], {
      join: "JOIN entitlement o ON o.payment_id = ? AND o.user_ref = t.user_ref",
    }),
  });
  return [...new Map([...said, ...payers, ...had].map((row) => [row.id, row])).values()];
}
