import { createElement } from "react";
import { render } from "react-email";
import type { Notice, Template } from "../../../domain/notice.js";
import { noSuchTemplate } from "../../notice-data.js";
import type { EmailContent } from "./content.js";
import { incidentRaised, incidentResolved } from "./incident.js";
import { EmailLayout } from "./layout.js";
import { paymentFailed } from "./payment-failed.js";
import { paymentReceived } from "./payment-received.js";
import { textOf } from "./text.js";

/** Resend's tags take only these letters. */
const NOT_IN_TAGS = /[^A-Za-z0-9_-]/g;

/** What a template makes of a notice; the same notice gives the same bytes. */
export async function renderEmail(
  notice: Notice,
  platformName: string,
): Promise<{
  subject: string;
  html: string;
  text: string;
  tags: { name: string; value: string }[];
}> {
  const content = contentOf(notice);
  return {
    subject: content.subject,
    html: await render(createElement(EmailLayout, { content, platformName })),
    text: textOf(content, platformName),
    tags: [
      { name: "template", value: notice.template },
      { name: "notice", value: notice.id.replace(NOT_IN_TAGS, "_").slice(0, 256) },
    ],
  };
}

/** What each template says; the one list of them. */
export const EMAILS: Readonly<Partial<Record<Template, (notice: Notice) => EmailContent>>> = {
  "payment-received": paymentReceived,
  "payment-failed": paymentFailed,
  "incident-raised": incidentRaised,
  "incident-resolved": incidentResolved,
};

function contentOf(notice: Notice): EmailContent {
  return EMAILS[notice.template]?.(notice) ?? noSuchTemplate(notice);
}
