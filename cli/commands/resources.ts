import type { Row } from "../api.js";
import { CALL } from "../failure.js";
import { moneyOf, type Screen, timeIn } from "../output.js";
import { type Column, column, type ListCommand, SEVERITY, status, time } from "./column.js";
import { incidentNext } from "./incident-next.js";

export { type Column, column, type ListCommand, SEVERITY, status, time } from "./column.js";

export const errorOf = (row: Row): string => {
  const error = row.error as { code: string; message: string } | null;
  return error === null ? "" : `${error.code}: ${error.message}`;
};

const subjectOf = (row: Row): string => {
  const event = row.event as { source: string; type: string } | null;
  const notice = row.notice as { channel: string; template: string; recipient: string } | null;
  if (event !== null) return `${event.source} ${event.type}`;
  return notice === null ? "" : `${notice.channel} ${notice.template} to ${notice.recipient}`;
};

/** The code stands beside it, so what differs from one to the next comes before the code's sentence. */
const detailOf = (row: Row): string => {
  const [, sentence, detail] = /^(.+?[.!?]) (.+)$/s.exec(String(row.message)) ?? [];
  return detail === undefined ? String(row.message) : `${detail} ${sentence}`;
};

/** Times are kept as milliseconds; a person reads them in the zone of the other columns. */
const detailsOf = (row: Row, { zone }: Screen): string =>
  Object.entries((row.details ?? {}) as Row)
    .map(([name, value]) => {
      const isTime = name.endsWith("At") && typeof value === "number";
      return `${name}=${isTime ? timeIn(new Date(value).toISOString(), zone) : value}`;
    })
    .join(" ");

export const AUDIT_COLUMNS: readonly Column[] = [
  time("At", "at"),
  column("Action", "action"),
  column("Actor", "actor"),
  column("Subject", "subject"),
  { head: "Details", of: detailsOf, charsMax: 160 },
];

export const INCIDENT_COLUMNS: readonly Column[] = [
  time("Opened", "openedAt"),
  column("Id", "id"),
  SEVERITY,
  status("Status", "status"),
  column("Service", "service"),
  column("Title", "title"),
  column("Alerts", "alerts"),
  column("Signals", "signals"),
  column("Has it", (row) => String(row.acknowledgedBy ?? "")),
];

export const NOTIFICATION_COLUMNS: readonly Column[] = [
  time("Created", "createdAt"),
  column("Id", "id"),
  column("Channel", "channel"),
  column("Template", "template"),
  column("Recipient", "recipient"),
  status("Status", "status"),
  column("Vendor's id", "vendorId"),
  column("Error", errorOf),
];

export const SUBSCRIBER_COLUMNS: readonly Column[] = [
  time("Created", "createdAt"),
  column("Id", "id"),
  column("Address", "email"),
  column("Language", "locale"),
  column("Services", ({ services }) =>
    Array.isArray(services) && services.length > 0 ? services.join(", ") : "all",
  ),
  time("Removed", "removedAt"),
];

export const SUPPRESSION_COLUMNS: readonly Column[] = [
  time("Created", "createdAt"),
  column("Id", "id"),
  status("Reason", "reason"),
  column("Hash of the address", (row) => String(row.recipientHash).slice(0, 16)),
  column("Event", "eventId"),
];

const sideOf = (row: Row, name: string): string => {
  const side = row[name] as {
    state: string;
    amount: string | null;
    currency: string;
    fields?: string[];
  } | null;
  if (side === null) return "none";
  const { state, amount, currency, fields = [] } = side;
  const differing = fields.length === 0 ? "" : `  (${fields.join(", ")})`;
  return `${amount === null ? state : `${state}  ${moneyOf(amount, currency)}`}${differing}`;
};

export const CORRECTION_COLUMNS: readonly Column[] = [
  time("Created", "createdAt"),
  column("Id", "id"),
  status("Kind", "kind"),
  status("Status", "status"),
  column("Payment", "externalId"),
  column("Amount", ({ amount, currency }) =>
    amount === null ? "" : moneyOf(String(amount), String(currency)),
  ),
  column("Planned by", "plannedBy"),
  column("Approved by", "approvedBy"),
  column("Applied by", "appliedBy"),
  column("Why", (row) => String(row.error ?? row.reason)),
];

const SIDES: readonly Column[] = [
  column("Object", (row) => `${row.objectKind} ${row.externalId}`),
  column("Ours", (row) => sideOf(row, "ours")),
  column("Theirs", (row) => sideOf(row, "theirs")),
  column("Proposal", (row) => (row.proposal as { words: string }).words),
];

/** The commands for one; of one that failed, what it means comes first. */
export function correctionNext({ id, kind, status, externalId, nextStep }: Row): string[] {
  if (status === "failed") {
    const again = `corrections plan --payment ${externalId} --kind ${kind} --reason "…"`;
    return [String(nextStep), `${CALL} payments show ${externalId}`, `${CALL} ${again}`];
  }
  if (status === "planned" && kind === "refund") return [`${CALL} corrections approve ${id}`];
  const isOpen = status === "planned" || status === "approved";
  return isOpen ? [`${CALL} corrections apply ${id} --reason "…"`] : [];
}

/** What a dry run saw: no row, so it has neither id nor status. */
export const FINDING_COLUMNS: readonly Column[] = [column("Kind", "kind"), ...SIDES];

export const DISCREPANCY_COLUMNS: readonly Column[] = [
  time("Found", "foundAt"),
  column("Id", "id"),
  column("Kind", "kind"),
  status("Status", "status"),
  ...SIDES,
];

const LIVEMODE = "true: with real money; false: of the gateway's test mode";
const SINCE = "since then: 30m, 2h, 7d, or a time as it is shown (2026-11-21 10:00) or in ISO 8601";

export const LISTS: readonly ListCommand[] = [
  {
    name: "events",
    about: "what providers told us, and what became of it",
    one: "event",
    filters: {
      source: "of this source",
      status: "received, processed, ignored, held, dead or discarded",
      type: "of this type, in the provider's words",
      eventKey: "with this key",
      requestId: "of the delivery with this request id",
      since: SINCE,
    },
    columns: [
      time("Received", "receivedAt"),
      column("Id", "id"),
      column("Source", "source"),
      column("Type", "type"),
      status("Status", "status"),
      column("Attempts", "attempts"),
      column("Seen again by a worker", "duplicates"),
      column("Error", (row) => (row.error as { code: string } | null)?.code ?? ""),
    ],
  },
  {
    name: "dead-letters",
    about: "what could not be done and waits for a person",
    one: "dead letter",
    filters: {
      source: "of events of this source, and of what was to tell of them",
      status: "open, replaying, resolved or discarded",
      code: "that died of this",
      eventId: "of this event",
      noticeId: "of this notification",
      since: SINCE,
    },
    columns: [
      time("Created", "createdAt"),
      column("Id", "id"),
      status("Status", "status"),
      column("Code", "code"),
      column("Event or notice", (row) => String(row.eventId ?? row.noticeId ?? "")),
      column("What", subjectOf),
      column("Deaths", "deaths"),
      column("Why", detailOf),
      time("Updated", "updatedAt"),
    ],
    next: ({ id, status }) =>
      status === "resolved" || status === "discarded"
        ? []
        : ["replay", "discard"].map((verb) => `${CALL} dead-letters ${verb} ${id} --reason "…"`),
  },
  {
    name: "payments",
    about: "payments as they stand",
    one: "payment",
    filters: {
      externalId: "with this id at the gateway",
      state:
        "pending, action_required, processing, authorized, failed, canceled, succeeded or unknown",
      userRef: "of this user",
      packageRef: "for this package",
      account: "of this connected account",
      currency: "in this currency",
      livemode: LIVEMODE,
      since: SINCE,
    },
    columns: [
      time("Updated", "updatedAt"),
      column("Id", "id"),
      column("External id", "externalId"),
      status("State", "state"),
      column("Amount", (row) => moneyOf(String(row.amount), String(row.currency))),
      column("Refunded", (row) =>
        row.refundedMinor === 0 ? "" : moneyOf(String(row.refunded), String(row.currency)),
      ),
      column("Disputed", ({ disputeState, disputed, currency }) =>
        disputeState === null
          ? ""
          : `${disputeState}  ${moneyOf(String(disputed), String(currency))}`,
      ),
      column("User", "userRef"),
      column("Mode", (row) => (row.livemode === true ? "live" : "test")),
      column("Events", (row) => String((row.eventIds as string[]).length)),
    ],
  },
  {
    name: "entitlements",
    about: "what users have for what they paid",
    one: "entitlement",
    filters: {
      userRef: "of this user",
      status: "active, expired or revoked",
      paymentId: "for this payment",
      subscriptionId: "for this subscription",
      packageRef: "to this package",
      livemode: LIVEMODE,
    },
    columns: [
      time("Updated", "updatedAt"),
      column("Id", "id"),
      column("User", "userRef"),
      column("Package", "packageRef"),
      status("Status", "status"),
      time("Starts", "startsAt"),
      time("Ends", "endsAt", "never"),
      column("Mode", (row) => (row.livemode === true ? "live" : "test")),
      column("From", "originRef"),
    ],
  },
  {
    name: "incidents",
    about: "outages, one row for each, whatever told of it",
    one: "incident",
    filters: {
      status: "open, acknowledged or resolved",
      severity: "P0, P1, P2 or P3, or as the platform calls it",
      service: "of this service; capitals do not matter",
      environment: "in this environment",
      kind: "error, metric, uptime, deployment, payment, certificate, backup, lag, maintenance or security",
      since: "opened at this time or later: 24h, 2d, or an ISO time",
    },
    columns: INCIDENT_COLUMNS,
    next: incidentNext,
  },
  {
    name: "deployments",
    about: "deployments as they stand",
    one: "deployment",
    filters: {
      source: "of this source",
      project: "of this project",
      state: "created, ready, succeeded, failed, canceled or promoted",
      target: "production, staging or preview",
      externalId: "with this id at the source",
    },
    columns: [
      time("As of", "stateAsOf"),
      column("Id", "id"),
      column("Project", "project"),
      column("Target", "target"),
      status("State", "state"),
      column("Commit", (row) => String(row.commit ?? "").slice(0, 12)),
      column("Address", "url"),
    ],
  },
  {
    name: "notifications",
    about: "what people were told, or are to be told",
    one: "notification",
    filters: {
      status:
        "pending, sending, sent, delivered, failed, unknown, suppressed, bounced, complained, canceled or discarded",
      channel: "email, slack, pagerduty, sms, platform or status_page",
      template: "of this template",
      eventId: "because of this event",
      since: SINCE,
    },
    columns: NOTIFICATION_COLUMNS,
  },
  {
    name: "subscribers",
    about: "users who are told of trouble and maintenance",
    one: "subscriber",
    filters: { locale: "in this language", since: SINCE },
    columns: SUBSCRIBER_COLUMNS,
  },
  {
    name: "suppressions",
    about: "recipients who get no mail, by the hash of their address",
    one: "suppression",
    filters: {
      reason: "bounced, complained, manual or unsubscribed",
      since: SINCE,
    },
    columns: SUPPRESSION_COLUMNS,
  },
  {
    name: "reconciliations",
    about: "runs that held the ledger against its source",
    one: "run",
    filters: {
      source: "of this source",
      status: "running, succeeded, partial or failed",
      actor: "begun by this actor",
    },
    columns: [
      time("Started", "startedAt"),
      column("Id", "id"),
      status("Status", "status"),
      column("Source", "source"),
      column("Actor", "actor"),
      time("From", "rangeFrom"),
      time("To", "rangeTo"),
      column("Objects", (row) => String((row.counts as Record<string, number>).objects)),
      column("Found", (row) => String((row.counts as Record<string, number>).found)),
      column("Healed", (row) => String((row.counts as Record<string, number>).healed)),
      column("Balanced", (row) => (row.balanced === true ? "yes" : "no")),
    ],
  },
  {
    name: "discrepancies",
    about: "what differs between the ledger and its source, or within the ledger",
    one: "discrepancy",
    filters: {
      source: "of this source",
      kind: "of this kind: missing_here, amount, state, charged_twice and so on",
      objectKind: "about a payment, charge, refund and so on",
      status: "open, healed, corrected or dismissed",
      externalId: "about the object with this id at the source",
      lastRunId: "found by this run",
    },
    columns: DISCREPANCY_COLUMNS,
  },
  {
    name: "corrections",
    about: "what is to be put right, by whom it was planned, approved and done",
    one: "correction",
    filters: {
      status: "planned, approved, applied, failed or rejected",
      kind: "adopt, refund, cancel, grant or revoke",
      externalId: "of the payment with this id at the source",
      plannedBy: "planned by this actor",
      approvedBy: "approved by this actor",
    },
    columns: CORRECTION_COLUMNS,
    next: correctionNext,
  },
  {
    name: "audit",
    about: "who did what to which object",
    one: "audit entry",
    several: "audit entries",
    filters: {
      subject: "about the object with this id",
      eventId: "because of this event",
      action: "with this action",
      actor: "by this actor",
      since: SINCE,
    },
    columns: [...AUDIT_COLUMNS, column("Event", "eventId")],
  },
];
