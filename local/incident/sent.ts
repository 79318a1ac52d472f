import type { PagerDutyAlert } from "../../emulators/pagerduty/index.js";
import type { Mail } from "../../emulators/resend/mail.js";
import type { SlackMessage } from "../../emulators/slack/index.js";
import type { StatusReport } from "../../emulators/status-page/index.js";
import type { TwilioMessage } from "../../emulators/twilio/index.js";
import type { Stage } from "./stage.js";

/** A message as whoever it was for has it. */
export interface Sent {
  at: number;
  channel: string;
  to: string;
  /** What it is, as far as it can be told from the message itself: see `kindOf`. */
  kind: string;
  /** What is read first. */
  headline: string;
}

/** Everything that the vendors' emulators hold, oldest first. */
export function messagesOf({ vendors }: Pick<Stage, "vendors">): Sent[] {
  const all = [
    ...vendors.slack.messages().map(fromSlack),
    ...vendors.pagerduty.alerts().flatMap(fromPagerDuty),
    ...vendors.twilio.messages().map(fromTwilio),
    ...vendors.resend.mails().flatMap(fromResend),
    ...vendors.statusPage.reports().flatMap(fromStatusPage),
  ];
  return all.sort((a, b) => a.at - b.at || a.channel.localeCompare(b.channel));
}

/**
 * What a message of the template looks like on a channel: PagerDuty knows three words, and on a status page what
 * follows a report is an update of it.
 */
export function kindOf(channel: string, template: string): string {
  if (channel === "pagerduty") {
    if (template === "incident-acknowledged") return "acknowledge";
    return template === "incident-resolved" ? "resolve" : "trigger";
  }
  if (channel === "status_page") {
    return template === "user-update" || template === "user-resolved" ? "update" : "report";
  }
  return template;
}

const SLACK_KINDS: readonly (readonly [RegExp, string])[] = [
  [/^[⏫📋]/u, "incident-escalated"],
  [/^👀/, "incident-acknowledged"],
  [/^🔁/, "incident-reopened"],
  [/^✅/, "incident-resolved"],
  [/^[🔴🟠🟡🔵] .+ (raised|เกิดเหตุขัดข้อง): /u, "incident-raised"],
];

function fromSlack({ createdAt, text }: SlackMessage): Sent {
  const kind = SLACK_KINDS.find(([pattern]) => pattern.test(text))?.[1] ?? "incident-digest";
  return { at: Date.parse(createdAt), channel: "slack", to: "slack", kind, headline: text };
}

function fromPagerDuty({ summary, events }: PagerDutyAlert): Sent[] {
  return events.map(({ at, action }) => ({
    at: Date.parse(at),
    channel: "pagerduty",
    to: "pagerduty",
    kind: action,
    headline: summary,
  }));
}

function fromTwilio({ createdAt, to, body }: TwilioMessage): Sent {
  const kind = / unanswered for | escalated \S+: /.test(body)
    ? "incident-escalated"
    : "incident-raised";
  return { at: Date.parse(createdAt), channel: "sms", to, kind, headline: body };
}

function fromResend({ createdAt, to, tags, subject }: Mail): Sent[] {
  const kind = tags.find(({ name }) => name === "template")?.value ?? "no template";
  return to.map((one) => ({
    at: Date.parse(createdAt),
    channel: "email",
    to: one,
    kind,
    headline: subject,
  }));
}

function fromStatusPage({ title, updates }: StatusReport): Sent[] {
  return updates.map(({ at, message }, n) => ({
    at: Date.parse(at),
    channel: "status_page",
    to: "status_page",
    kind: n === 0 ? "report" : "update",
    headline: n === 0 ? `${title}: ${message}` : message,
  }));
}

/** The address behind the newest message's button; null where no message of the incident has one. */
export function latestAckLink(
  newestFirst: readonly SlackMessage[],
  incidentId: string,
): string | null {
  for (const { payload } of newestFirst) {
    const text = JSON.stringify(payload);
    const link = /"(https?:[^"]*\/acknowledge\?token=[^"]*)"/.exec(text)?.[1];
    if (text.includes(incidentId) && link !== undefined) return link;
  }
  return null;
}
