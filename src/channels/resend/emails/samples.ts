import { isTransactional, type NoticeData, type Template } from "../../../domain/notice.js";
import type { TemplateData } from "../../../domain/notice-templates.js";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../../domain/time.js";
import { type NoticeContent, withZone } from "../../notice-data.js";
import { renderEmail } from "./render.js";

/** 21 November 2026, 14:05 in Bangkok. */
const AT = Date.UTC(2026, 10, 21, 7, 5);
/** Six months on, at the same time of day. */
const ENDS_AT = Date.UTC(2027, 4, 21, 7, 5);
const NEXT_MONTH = Date.UTC(2026, 11, 21, 7, 5);

const item = { packageRef: "ADVANCED" };
const payment = {
  ...item,
  paymentId: "pay_01KAJ3M8Q0V7T2N5X9B4C6D8EF",
  amountMinor: 199_900,
  currency: "THB",
};
const subscription = { ...item, subscriptionId: "sub_01KAJ3M8Q0V7T2N5X9B4C6D8EF" };
const monthly = {
  amountMinor: 29_900,
  currency: "THB",
  interval: "month",
  intervalCount: 1,
} as const;
const incident = {
  incidentId: "inc_01KAJ3M8Q0V7T2N5X9B4C6D8EF",
  severity: "P1",
  title: "Checkout answers with status 500",
  service: "web",
  environment: "production",
  kind: "error",
  url: "https://errors.example/issues/12",
  openedAt: AT,
};

/** A realistic case of every template, for previews and pictures; the reader's name is added by language. */
export const SAMPLES: Readonly<TemplateData> = {
  "entitlement-changed": {
    type: "entitlement.granted",
    at: AT,
    entitlementId: "ent_01KAJ3M8Q0V7T2N5X9B4C6D8EF",
    version: 0,
    livemode: true,
    account: "",
    userId: "user_1",
    package: "ADVANCED",
    status: "active",
    startsAt: AT,
    endsAt: ENDS_AT,
    ordinal: 1,
    cause: "paid",
    accessActive: true,
    accessEndsAt: ENDS_AT,
  },
  "payment-received": { ...payment, paidAt: AT, entitlementEndsAt: ENDS_AT },
  "payment-failed": {
    ...payment,
    failedAt: AT,
    failureCode: "insufficient_funds",
    retryUrl: "https://shop.example/checkout/again",
  },
  "payment-action-required": {
    ...payment,
    actionUrl: "https://shop.example/checkout/confirm",
    actionBy: AT + DAY_MS,
  },
  "refund-issued": { ...payment, refundMinor: 50_000, full: false, refundedAt: AT },
  "refund-failed": {
    ...payment,
    refundMinor: 199_900,
    failedAt: AT,
    failureCode: "expired_or_canceled_card",
    supportUrl: "https://shop.example/help",
  },
  "subscription-started": {
    ...subscription,
    ...monthly,
    startedAt: AT,
    trialEndsAt: AT + 7 * DAY_MS,
    renewsAt: AT + 7 * DAY_MS,
  },
  "subscription-renewed": { ...subscription, ...monthly, renewedAt: AT, renewsAt: NEXT_MONTH },
  "subscription-payment-failing": {
    ...subscription,
    amountMinor: 29_900,
    currency: "THB",
    failedAt: AT,
    failureCode: "expired_card",
    nextAttemptAt: AT + 3 * DAY_MS,
    updateUrl: "https://shop.example/account/payment",
    entitlementEndsAt: AT + 7 * DAY_MS,
  },
  "subscription-canceled": { ...subscription, canceledAt: AT, endsAt: NEXT_MONTH },
  "entitlement-expiring": {
    ...item,
    endsAt: AT + 14 * DAY_MS,
    renewUrl: "https://shop.example/packages",
  },
  "entitlement-expired": { ...item, endedAt: AT, renewUrl: "https://shop.example/packages" },
  "payments-paused": { pausedAt: AT, expectedUntil: AT + 2 * HOUR_MS },
  "payments-resumed": {
    resumedAt: AT + 95 * MINUTE_MS,
    payUrl: "https://shop.example/checkout",
  },
  "payment-corrected": {
    ...payment,
    correction: "granted",
    entitlementEndsAt: ENDS_AT,
    correctedAt: AT + 3 * HOUR_MS,
    supportUrl: "https://shop.example/help",
  },
  "incident-raised": incident,
  "incident-resolved": {
    ...incident,
    resolvedAt: AT + 65 * MINUTE_MS,
    resolvedBy: "Somsri Rakdee",
  },
};

/** A mail as its reader would get it, of invented data. */
export interface MailPreview {
  template: Template;
  locale: string;
  subject: string;
  html: string;
  text: string;
  /** What it was made of. */
  data: NoticeData;
}

/** The template's sample, as the platform would send it. Nothing is stored or sent. */
export async function previewMail(
  template: Template,
  locale: string,
  { platformName, timeZone }: { platformName: string; timeZone: string },
): Promise<MailPreview> {
  const notice = withZone(sampleOf(template, locale), timeZone);
  const unsubscribeUrl = isTransactional(template)
    ? undefined
    : "https://shop.example/unsubscribe/sample";
  const { subject, html, text } = await renderEmail(notice, { platformName, unsubscribeUrl });
  return { template, locale, subject, html, text, data: notice.data };
}

function sampleOf(template: Template, locale: string): NoticeContent {
  const userName = /^th\b/i.test(locale) ? "สมชาย ใจดี" : "Jane Miller";
  const about: NoticeData = SAMPLES[template];
  const data = template.startsWith("incident-") ? about : { userName, ...about };
  return { id: "ntc_sample", channel: "email", template, locale, data, createdAt: AT };
}
