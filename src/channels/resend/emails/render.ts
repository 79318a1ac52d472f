import { createElement } from "react";
import { render } from "react-email";
import type { Template } from "../../../domain/notice.js";
import { type NoticeContent, noSuchTemplate } from "../../notice-data.js";
import type { EmailContent } from "./content.js";
import { entitlementExpired, entitlementExpiring } from "./entitlements.js";
import { incidentMail } from "./incident.js";
import { incidentDigest, incidentStorm } from "./incident-lists.js";
import { EmailLayout } from "./layout.js";
import { paymentCorrected } from "./payment-corrected.js";
import { paymentActionRequired, paymentFailed, paymentReceived } from "./payments.js";
import { paymentsPaused, paymentsResumed } from "./payments-paused.js";
import { refundFailed, refundIssued } from "./refunds.js";
import {
  subscriptionCanceled,
  subscriptionPaymentFailing,
  subscriptionRenewed,
  subscriptionStarted,
} from "./subscriptions.js";
import { textOf } from "./text.js";
import { userIncident, userMaintenance, userResolved, userUpdate } from "./user-trouble.js";

/** Resend's tags take only these letters. */
const NOT_IN_TAGS = /[^A-Za-z0-9_-]/g;

/** What each template says; the one list of them. */
const EMAILS: Readonly<Record<Template, (notice: NoticeContent) => EmailContent>> = {
  "payment-received": paymentReceived,
  "payment-failed": paymentFailed,
  "payment-action-required": paymentActionRequired,
  "refund-issued": refundIssued,
  "refund-failed": refundFailed,
  "subscription-started": subscriptionStarted,
  "subscription-renewed": subscriptionRenewed,
  "subscription-payment-failing": subscriptionPaymentFailing,
  "subscription-canceled": subscriptionCanceled,
  "entitlement-expiring": entitlementExpiring,
  "entitlement-expired": entitlementExpired,
  "payments-paused": paymentsPaused,
  "payments-resumed": paymentsResumed,
  "payment-corrected": paymentCorrected,
  "entitlement-changed": noSuchTemplate,
  "deployment-finished": noSuchTemplate,
  "incident-raised": incidentMail("raised"),
  "incident-escalated": incidentMail("escalated"),
  "incident-acknowledged": incidentMail("acknowledged"),
  "incident-reopened": incidentMail("reopened"),
  "incident-resolved": incidentMail("resolved"),
  "incident-storm": incidentStorm,
  "incident-digest": incidentDigest,
  "user-incident": userIncident,
  "user-update": userUpdate,
  "user-resolved": userResolved,
  "user-maintenance": userMaintenance,
};

/** What frames every mail, beside what it says. */
export interface EmailFrame {
  platformName: string;
  /** Where the reader stops mails of this kind; a link in the footer where given. */
  unsubscribeUrl?: string | undefined;
}

/**
 * What a template makes of a notice; the same notice and frame give the same bytes. Times are in the
 * zone of the notice's data.
 *
 * @throws Permanent `channel_refused` when the data lacks what the template can't do without.
 */
export async function renderEmail(
  notice: NoticeContent,
  frame: EmailFrame,
): Promise<{
  subject: string;
  html: string;
  text: string;
  tags: { name: string; value: string }[];
}> {
  const content = EMAILS[notice.template](notice);
  return {
    subject: content.subject,
    html: await render(createElement(EmailLayout, { content, ...frame })),
    text: textOf(content, frame),
    tags: [
      { name: "template", value: notice.template },
      { name: "notice", value: notice.id.replace(NOT_IN_TAGS, "_").slice(0, 256) },
    ],
  };
}
