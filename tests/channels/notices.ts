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

/** Everything that a template may show. */
export function fullOf(template: Template): NoticeData {
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
