import type { Entitlement } from "../../domain/entitlement.js";
import { isKind, type LedgerObject, type ObjectOf } from "../../domain/ledger.js";
import type { Template } from "../../domain/notice.js";
import type { TemplateData } from "../../domain/notice-templates.js";
import { isFullyRefunded, type Payment } from "../../domain/payment.js";
import type { NoticeRequest } from "../../domain/plan.js";
import type { HandlerContext } from "../handler.js";
import { buyerIn, type Reader, readerIn } from "./buyer.js";
import { keyText } from "./join.js";

/** A person is told of a transition of an object; the transition is kept on the object's row, so that it is told once. */
export interface Told {
  /** The id of the row. */
  subject: string;
  transition: string;
  notice: NoticeRequest;
}

/** Collects what is to be told to one reader; nothing when nobody knows where to write to, or it was told. */
class Telling {
  readonly told: Told[] = [];
  constructor(
    readonly reader: Reader,
    readonly defaultLocale: string,
  ) {}

  tell<T extends Template>(
    subject: { id: string; told: readonly string[] },
    cause: string,
    transition: string,
    template: T,
    data: TemplateData[T],
  ): void {
    const { email, locale } = this.reader;
    if (email === null || subject.told.includes(transition)) return;
    this.told.push({
      subject: subject.id,
      transition,
      notice: {
        channel: "email",
        template,
        cause: `${cause} ${transition}`,
        recipient: email,
        locale: locale ?? this.defaultLocale,
        data: data as NoticeRequest["data"],
      },
    });
  }
}

/**
 * What the payer is to hear now: of the payment, and of each refund.
 *
 * @param given what the payment gives, as it is decided now.
 */
export function tellOfPayment(
  payment: Payment,
  given: Entitlement | null,
  objects: readonly LedgerObject[],
  { policy }: HandlerContext,
): Told[] {
  const telling = new Telling(payment, policy.payments.defaultLocale);
  const { account, livemode, externalId, currency, name, state } = payment;
  const packageRef = given?.packageRef ?? payment.packageRef;
  const cause = keyText({ kind: "payment", account, livemode, externalId });
  const about = {
    paymentId: payment.id,
    paymentExternalId: externalId,
    currency,
    packageRef,
    userName: name,
    timeZone: policy.payments.timeZone,
  };
  const amountMinor = payment.amountMinor;
  // An invoice's payment is told of as what the invoice is for; where the link is still to come, its payer is a
  // customer whose payment names no user.
  const isPurchase =
    payment.invoiceRef === null && (payment.userRef !== null || payment.customerRef === null);
  if (isPurchase && state === "succeeded" && hasSpoken(objects, payment)) {
    const { paidAt } = payment;
    telling.tell(payment, cause, "succeeded", "payment-received", {
      amountMinor,
      paidAt,
      entitlementEndsAt: given?.status === "active" ? given.endsAt : null,
      ...about,
    });
  }
  if (isPurchase && state === "failed") {
    const failure = { failureCode: payment.failureCode, failedAt: payment.stateAsOf };
    telling.tell(payment, cause, "failed", "payment-failed", { ...about, amountMinor, ...failure });
  }
  if (isPurchase && state === "action_required") {
    telling.tell(payment, cause, state, "payment-action-required", { ...about, amountMinor });
  }
  for (const refund of objects.filter(isKind("refund"))) {
    if (refund.paymentRef !== externalId || refund.account !== account) continue;
    const refundMinor = refund.amountMinor ?? 0;
    const paid = { ...about, amountMinor: payment.receivedMinor, refundMinor };
    if (refund.state === "succeeded") {
      const full = isFullyRefunded(payment);
      const when = { full, refundedAt: refund.stateAsOf };
      telling.tell(refund, keyText(refund), "succeeded", "refund-issued", { ...paid, ...when });
    } else if (refund.state === "failed") {
      const why = { failedAt: refund.stateAsOf, failureCode: refund.details.failureReason };
      telling.tell(refund, keyText(refund), "failed", "refund-failed", { ...paid, ...why });
    }
  }
  return telling.told;
}

/** A refund proves that it was paid, and not what or when: the receipt waits for the payment's own word, or its buyer's. */
const hasSpoken = (objects: readonly LedgerObject[], payment: Payment): boolean =>
  objects.some(
    ({ kind, paymentRef }) =>
      paymentRef === payment.externalId && (kind === "payment" || kind === "checkout"),
  );

const SUBSCRIBED: ReadonlySet<string> = new Set(["trialing", "active"]);

/**
 * What the subscriber is to hear now: of the subscription, and of each of its invoices.
 *
 * @param given what it gives; null while nobody knows to whom.
 */
export function tellOfSubscription(
  subscription: LedgerObject,
  given: Entitlement | null,
  objects: readonly LedgerObject[],
  { policy }: HandlerContext,
): Told[] {
  if (!isKind("subscription")(subscription)) return [];
  const { externalId, account, livemode, customerRef, details } = subscription;
  const isBeside = (one: LedgerObject): boolean =>
    one.account === account &&
    one.livemode === livemode &&
    (one.subscriptionRef === externalId ||
      (one.kind === "customer" && one.externalId === customerRef));
  const beside = objects.filter(isBeside);
  const people = (["customer", "checkout", "invoice"] as const).flatMap((kind) =>
    beside.filter(isKind(kind)).map((one) => one.details),
  );
  const reader = readerIn(people, policy.payments);
  const telling = new Telling(reader, policy.payments.defaultLocale);
  const about = {
    subscriptionId: subscription.id,
    subscriptionExternalId: externalId,
    packageRef: buyerIn(details, policy.payments).packageRef,
    userName: reader.name,
    timeZone: policy.payments.timeZone,
  };
  const cause = keyText(subscription);
  const { amountMinor, currency } = subscription;
  if (SUBSCRIBED.has(subscription.state)) {
    telling.tell(subscription, cause, "started", "subscription-started", {
      ...about,
      ...(amountMinor === null || currency === null ? {} : { amountMinor, currency }),
      startedAt: subscription.bornAt,
      trialEndsAt: subscription.state === "trialing" ? details.trialEnd : null,
      renewsAt: details.periodEnd,
    });
  }
  const isEnded = subscription.state === "canceled";
  const endsAt = isEnded ? details.endedAt : details.cancelAt;
  if (isEnded || (SUBSCRIBED.has(subscription.state) && details.cancelAt !== null)) {
    telling.tell(subscription, cause, "canceled", "subscription-canceled", {
      ...about,
      canceledAt: subscription.stateAsOf,
      // What is paid for may be kept to its end: the reader is told of that, and not of the gateway's.
      endsAt: (given?.status === "active" ? given.endsAt : null) ?? endsAt,
    });
  }
  for (const invoice of beside.filter(isKind("invoice"))) tellOfInvoice(telling, invoice, about);
  return telling.told;
}

function tellOfInvoice(
  telling: Telling,
  invoice: ObjectOf<"invoice">,
  about: Pick<TemplateData["subscription-renewed"], "packageRef" | "userName" | "timeZone">,
): void {
  const { details, currency, state } = invoice;
  if (currency === null) return;
  if (state === "paid" && details.reason === "renewal") {
    telling.tell(invoice, keyText(invoice), "paid", "subscription-renewed", {
      ...about,
      amountMinor: details.paidMinor,
      currency,
      renewedAt: invoice.stateAsOf,
      renewsAt: details.periodEnd,
    });
  } else if (state === "open" && details.attempts > 0) {
    telling.tell(invoice, keyText(invoice), "failing", "subscription-payment-failing", {
      ...about,
      amountMinor: details.dueMinor,
      currency,
      failedAt: invoice.stateAsOf,
      nextAttemptAt: details.nextAttemptAt,
      updateUrl: details.url,
    });
  }
}
