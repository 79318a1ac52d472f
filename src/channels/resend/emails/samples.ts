import { isTransactional, type NoticeData, type Template } from "../../../domain/notice.js";
import type {
  DigestSection,
  IncidentLine,
  TemplateData,
} from "../../../domain/notice-templates.js";
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
  incidentId: "INC-20261121-1405",
  severity: "P1",
  severityName: "HIGH",
  title: "Checkout answers with status 500",
  service: "web",
  environment: "production",
  kind: "error",
  url: "https://errors.example/issues/12",
  consoleUrl: "https://signals.example/incidents/INC-20261121-1405",
  openedAt: AT,
} as const;
const wanted = {
  ...incident,
  ackUrl: "https://signals.example/acknowledge?token=v1.sample.signature",
  why: "Rule payment-trouble: what keeps people from paying is HIGH here.",
  suspect: "web-9f2c4e1",
  suspectUrl: "https://deploys.example/web-9f2c4e1",
  suspectCommit: "9f2c4e1",
  lastGood: "web-77b0d3a",
  lastGoodUrl: "https://deploys.example/web-77b0d3a",
  lastGoodCommit: "77b0d3a",
  nextStep: "Promote web-77b0d3a, the last good deployment, then look whether checkout answers.",
  step: "page:0",
} as const;
const lines: IncidentLine[] = [
  {
    id: "INC-20261121-0312",
    severity: "P0",
    severityName: "CRITICAL",
    title: "The database cannot be reached",
    service: "web",
    status: "resolved",
    openedAt: AT - 11 * HOUR_MS,
    lastedMs: 23 * MINUTE_MS,
    acknowledgedBy: "Somsri Rakdee",
  },
  {
    id: "INC-20261121-1405",
    severity: "P1",
    severityName: "HIGH",
    title: "Checkout answers with status 500",
    service: "web",
    status: "acknowledged",
    openedAt: AT,
    lastedMs: 65 * MINUTE_MS,
    acknowledgedBy: "Somsri Rakdee",
  },
  {
    id: "INC-20261121-1411",
    severity: "P2",
    severityName: "MEDIUM",
    title: "Confirmation mails are late",
    service: "mail",
    status: "open",
    openedAt: AT + 6 * MINUTE_MS,
    lastedMs: 59 * MINUTE_MS,
    acknowledgedBy: null,
  },
];
const sections: DigestSection[] = [
  {
    section: "health",
    figures: [{ key: "healthy_percent", value: 98.4, unit: "percent" }],
  },
  {
    section: "payments",
    figures: [
      { key: "payments_created", value: 212, unit: "count" },
      { key: "payments_completed", value: 205, unit: "count" },
      { key: "revenue", value: 40_979_500, unit: "amount", currency: "THB" },
      { key: "average_payment", value: 199_900, unit: "amount", currency: "THB" },
    ],
  },
];
const trouble = {
  incidentId: "INC-20261121-1405",
  service: "Mock exam",
  messageEn: "System is being fixed. We apologize for the inconvenience.",
  messageTh: "ระบบกำลังได้รับการแก้ไข เราขออภัยในความไม่สะดวก",
  startedAt: AT,
  statusPageUrl: "https://status.example",
} as const;

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
  "incident-raised": wanted,
  "incident-escalated": {
    ...wanted,
    step: "page:1",
    unansweredMinutes: 5,
    escalatedTo: "Technical lead, Project manager",
    insteadOf: "slack",
    insteadOfBecause: "Slack answered 503",
  },
  "incident-acknowledged": {
    ...incident,
    acknowledgedBy: "Somsri Rakdee",
    acknowledgedAt: AT + 4 * MINUTE_MS,
  },
  "incident-reopened": { ...wanted, reopenings: 2 },
  "incident-resolved": {
    ...incident,
    resolvedAt: AT + 65 * MINUTE_MS,
    resolvedBy: "Somsri Rakdee",
    lastedMs: 65 * MINUTE_MS,
  },
  "incident-storm": {
    stormId: "20261121-1405",
    count: 14,
    minutes: 10,
    incidents: JSON.stringify(lines),
    severity: "P0",
    severityName: "CRITICAL",
    startedAt: AT - 10 * MINUTE_MS,
    nextStep: "Look for what they have in common: a deployment, the database, a provider.",
    consoleUrl: "https://signals.example/incidents",
  },
  "incident-digest": {
    day: "2026-11-21",
    from: AT - DAY_MS,
    to: AT,
    timeZone: "Asia/Bangkok",
    count: lines.length,
    incidents: JSON.stringify(lines),
    sections: JSON.stringify(sections),
    consoleUrl: "https://signals.example/incidents",
  },
  "user-incident": { ...trouble, nextUpdateMinutes: 15 },
  "user-update": { ...trouble, update: 2, nextUpdateMinutes: 15 },
  "user-resolved": {
    ...trouble,
    messageEn: "The mock exam can be used again. Nothing of yours was lost.",
    messageTh: "ใช้งานแบบทดสอบได้ตามปกติแล้ว ข้อมูลของคุณไม่สูญหาย",
    resolvedAt: AT + 65 * MINUTE_MS,
    lastedMs: 65 * MINUTE_MS,
  },
  "user-maintenance": {
    maintenanceId: "mnt_01KAJ3M8Q0V7T2N5X9B4C6D8EF",
    phase: "scheduled",
    titleEn: "A larger database",
    titleTh: "ขยายฐานข้อมูล",
    messageEn: "System under maintenance. Please wait a moment.",
    messageTh: "ระบบกำลังปรับปรุง กรุณารอสักครู่",
    startsAt: AT + 2 * DAY_MS,
    endsAt: AT + 2 * DAY_MS + 4 * HOUR_MS,
    statusPageUrl: "https://status.example",
  },
  "deployment-finished": {
    deploymentId: "dep_01KAJ3M8Q0V7T2N5X9B4C6D8EF",
    deployment: "web-9f2c4e1",
    project: "web",
    target: "production",
    commit: "9f2c4e1",
    url: "https://deploys.example/web-9f2c4e1",
    finishedAt: AT,
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
