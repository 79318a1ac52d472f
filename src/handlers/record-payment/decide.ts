import { type Entitlement, entitledBy } from "../../domain/entitlement.js";
import type { PaymentFact } from "../../domain/facts.js";
import type { Notice, Template } from "../../domain/notice.js";
import { blankPayment, joinPayment, type Payment } from "../../domain/payment.js";
import { type Plan, PlanBuilder } from "../../domain/plan.js";
import type { HandlerContext } from "../handler.js";

export interface PaymentRows {
  payment: Payment[];
  entitlement: Entitlement[];
  notices: Notice[];
}

/** The object whose transitions are told about: `payment:acct_1:live:pi_1`. */
export function causeOf({ payment }: PaymentFact): string {
  return `payment:${payment.account}:${payment.livemode ? "live" : "test"}:${payment.externalId}`;
}

const CHANGED: readonly (keyof Payment)[] = [
  "state",
  "amountMinor",
  "currency",
  "moneyAsOf",
  "refundedMinor",
  "userRef",
  "packageRef",
  "email",
  "name",
  "locale",
  "paidAt",
  "stateAsOf",
  "failureCode",
  "failureMessage",
];

/** Joins the fact into the payment; grants, moves or revokes what it entitles to; tells the payer once. */
export function decidePayment(fact: PaymentFact, rows: PaymentRows, ctx: HandlerContext): Plan {
  const plan = new PlanBuilder(ctx);
  const existing = rows.payment[0] ?? null;
  const before = existing ?? blankPayment(ctx.ids.next("payment"), fact, ctx.now);
  const joined = { ...joinPayment(before, fact), updatedAt: ctx.now };
  const changed = CHANGED.filter((field) => before[field] !== joined[field]);

  if (existing === null) plan.insert("payment", joined);
  else if (changed.length > 0) plan.update("payment", existing, joined);
  else plan.expect("payment", existing);

  const action = existing !== null && changed.length === 0 ? "confirmed" : "recorded";
  plan
    .audit(`payment.${action}`, joined.id, {
      fact: fact.kind,
      before: existing?.state ?? null,
      after: joined.state,
      refundedMinor: joined.refundedMinor,
    })
    .because(
      `${fact.kind} takes payment ${joined.id} from ${existing?.state ?? "nothing"} to ${joined.state}`,
    );

  decideEntitlement(plan, joined, rows.entitlement[0] ?? null, ctx);
  decideNotice(plan, fact, joined, rows.notices);
  return plan.build();
}

function decideEntitlement(
  plan: PlanBuilder,
  payment: Payment,
  existing: Entitlement | null,
  ctx: HandlerContext,
): void {
  const wanted = entitledBy(payment);
  if (wanted === null) return;
  if (existing === null) {
    const id = ctx.ids.next("entitlement");
    const { account, livemode } = payment;
    plan.insert("entitlement", {
      id,
      paymentId: payment.id,
      account,
      livemode,
      ...wanted,
      grantedAt: ctx.now,
      revokedAt: wanted.status === "revoked" ? ctx.now : null,
      updatedAt: ctx.now,
      version: 0,
    });
    const action = wanted.status === "active" ? "entitlement.granted" : "entitlement.withheld";
    plan.audit(action, id, { paymentId: payment.id, package: wanted.packageRef });
    return;
  }
  const same = (["userRef", "packageRef", "status"] as const).every(
    (f) => existing[f] === wanted[f],
  );
  if (same) return;
  const revokedAt = wanted.status === "revoked" ? (existing.revokedAt ?? ctx.now) : null;
  plan.update("entitlement", existing, { ...wanted, revokedAt, updatedAt: ctx.now });
  const action = wanted.status === "revoked" ? "entitlement.revoked" : "entitlement.changed";
  plan.audit(action, existing.id, { paymentId: payment.id, package: wanted.packageRef });
}

function decideNotice(
  plan: PlanBuilder,
  fact: PaymentFact,
  payment: Payment,
  told: readonly Notice[],
): void {
  if (payment.email === null) return;
  const tell = (template: Template, transition: string, data: Notice["data"]): void => {
    if (told.some((notice) => notice.template === template)) return;
    plan.notify({
      channel: "email",
      template,
      cause: `${causeOf(fact)} ${transition}`,
      recipient: payment.email ?? "",
      locale: payment.locale ?? "en",
      data,
    });
  };
  const data = {
    paymentId: payment.id,
    amountMinor: payment.amountMinor,
    currency: payment.currency,
    packageRef: payment.packageRef,
    userName: payment.name,
  };
  if (payment.state === "succeeded" && payment.paidAt !== null) {
    tell("payment-received", "succeeded", { ...data, paidAt: payment.paidAt });
  } else if (payment.state === "failed") {
    const { failureCode } = payment;
    tell("payment-failed", "failed", { ...data, failureCode, failedAt: payment.stateAsOf });
  }
}
