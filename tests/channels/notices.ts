import { SAMPLES } from "../../src/channels/resend/emails/samples.js";
import type { ChannelId, Notice, NoticeData, Template } from "../../src/domain/notice.js";

/** 20 November 2025, 14:05 in Bangkok. */
export const AT = Date.UTC(2025, 10, 20, 7, 5);

export const PAYMENT: NoticeData = {
  amountMinor: 199_900,
  currency: "THB",
  packageRef: "ADVANCED",
  userName: "Somchai Jaidee",
  paidAt: AT,
  failedAt: AT,
  failureCode: "insufficient_funds",
  paymentExternalId: "pi_example_1",
  retryUrl: "https://shop.example/pay?order=77&again=1",
  timeZone: "Asia/Bangkok",
};

export const INCIDENT: NoticeData = {
  incidentId: "inc_01EXAMPLE",
  severity: "P0",
  title: "Checkout answers 500",
  service: "web",
  environment: "production",
  kind: "error",
  url: "https://errors.example/issues/12?a=1&b=2",
  openedAt: AT,
  resolvedAt: AT + 3_900_000,
  resolvedBy: "Somsri",
  timeZone: "Asia/Bangkok",
};

/** Everything that people on call may be told of one incident. */
export const FULL_INCIDENT: NoticeData = {
  ...INCIDENT,
  incidentId: "INC-20251120-1405",
  severityName: "CRITICAL",
  why: "Rule site-down: what users cannot open is CRITICAL here.",
  suspect: "web-9f2c4e1",
  suspectUrl: "https://deploys.example/web-9f2c4e1",
  suspectCommit: "9f2c4e1",
  lastGood: "web-77b0d3a",
  lastGoodUrl: "https://deploys.example/web-77b0d3a",
  lastGoodCommit: "77b0d3a",
  nextStep: "Promote web-77b0d3a, the last good deployment.",
  ackUrl: "https://signals.example/acknowledge?token=v1.abc.def",
  consoleUrl: "https://signals.example/incidents/INC-20251120-1405",
  step: "page:1:0",
  escalatedTo: "Technical lead",
  unansweredMinutes: 5,
  acknowledgedBy: "Somsri",
  acknowledgedAt: AT + 240_000,
  lastedMs: 3_900_000,
  signals: 12,
  alerts: 3,
  reopenings: 2,
  insteadOf: "slack",
  insteadOfBecause: "Slack answered 503",
};

/** Everything that a template may show. */
export function fullOf(template: Template): NoticeData {
  if (template === "incident-storm" || template === "incident-digest") return SAMPLES[template];
  if (template.startsWith("incident-")) return INCIDENT;
  const { timeZone, userName, paymentExternalId } = PAYMENT as Record<string, string>;
  const common = { timeZone, userName, paymentExternalId } as NoticeData;
  const isPayment = template === "payment-received" || template === "payment-failed";
  return isPayment ? PAYMENT : { ...common, ...SAMPLES[template] };
}

export function notice(template: Template, over: Partial<Notice> = {}): Notice {
  return {
    id: "ntc_01EXAMPLE",
    channel: "email" satisfies ChannelId,
    template,
    cause: "example:1 happened",
    recipient: "somchai@example.com",
    locale: "en",
    data: fullOf(template),
    payload: null,
    status: "pending",
    vendorId: null,
    eventId: null,
    incidentId: null,
    stopsAt: null,
    instead: [],
    calls: 0,
    resends: 0,
    leaseUntil: null,
    firstCalledAt: null,
    errorCode: null,
    errorMessage: null,
    createdAt: AT,
    sentAt: null,
    version: 1,
    ...over,
  };
}
