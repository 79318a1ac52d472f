import type { Observer, Row, Trail } from "./observe.js";
import type { Receipt } from "./provider.js";
import type { Expectations, PlannedEvent } from "./stories.js";

/** Everything that is written down at the end of a run, here and at the vendors. */
export interface Books {
  events: Row[];
  deadLetters: Row[];
  payments: Row[];
  entitlements: Row[];
  incidents: Row[];
  deployments: Row[];
  notifications: Row[];
  audit: Row[];
  trail: Trail;
  mails: Row[];
  slack: Row[];
}

export async function readBooks(observer: Observer): Promise<Books> {
  const names = {
    events: "events",
    deadLetters: "dead-letters",
    payments: "payments",
    entitlements: "entitlements",
    incidents: "incidents",
    deployments: "deployments",
    notifications: "notifications",
    audit: "audit",
  } as const;
  const lists = await Promise.all(
    Object.entries(names).map(async ([key, name]) => [key, await observer.list(name)] as const),
  );
  const [mails, slack] = await Promise.all([observer.mails(), observer.slack()]);
  const listed = Object.fromEntries(lists) as Omit<Books, "mails" | "slack" | "trail">;
  return { ...listed, mails, slack, trail: await observer.trail() };
}

/** One thing that is not as it was promised. */
export interface Finding {
  kind: "lost" | "doubled" | "wrong";
  what: string;
}

export interface Verdict {
  findings: Finding[];
  /** Slack knows no idempotency key: these may have been read twice, and their notices say so. */
  slackDoubles: string[];
  counts: Record<string, number>;
}

const by = (rows: readonly Row[], key: (row: Row) => unknown): Map<unknown, Row[]> => {
  const groups = new Map<unknown, Row[]>();
  for (const row of rows) groups.set(key(row), [...(groups.get(key(row)) ?? []), row]);
  return groups;
};

/** Holds the books against what the providers were promised and what their stories are to become. */
export function audit(
  books: Books,
  receipts: readonly Receipt[],
  expectations: readonly Expectations[],
): Verdict {
  const findings: Finding[] = [];
  const once = (found: readonly Row[] | undefined, what: string): Row | null => {
    const count = found?.length ?? 0;
    if (count === 0) findings.push({ kind: "lost", what });
    if (count > 1) findings.push({ kind: "doubled", what: `${what}, ${count} times` });
    return found?.[0] ?? null;
  };
  const same = (what: string, got: unknown, wanted: unknown): void => {
    if (got !== wanted) findings.push({ kind: "wrong", what: `${what} is ${got}, not ${wanted}` });
  };
  const checks = { books, once, same, findings };
  checkEvents(checks, receipts);
  for (const expect of expectations) {
    checkPayments(checks, expect);
    checkIncidents(checks, expect);
    const deployments = by(books.deployments, (row) => row.externalId);
    for (const [id, state] of expect.deployments) {
      same(`deployment ${id}`, once(deployments.get(id), `deployment ${id}`)?.state, state);
    }
  }
  checkNothingElse(checks, expectations);
  checkMails(checks);
  const slackDoubles = checkSlack(checks);
  checkNoticeAudit(checks);
  checkTrail(checks);
  return { findings, slackDoubles, counts: countsOf(books, receipts) };
}

interface Checks {
  books: Books;
  once(found: readonly Row[] | undefined, what: string): Row | null;
  same(what: string, got: unknown, wanted: unknown): void;
  findings: Finding[];
}

const ENDED = new Set(["event.processed", "event.ignored"]);

/** Each event that got a 2xx is at its end once, and the audit trail tells of that end once. */
function checkEvents({ books, once, same, findings }: Checks, receipts: readonly Receipt[]): void {
  const rows = by(books.events, (row) => `${row.source} ${row.eventKey}`);
  const entries = by(books.audit, (row) => row.eventId);
  const letters = by(books.deadLetters, (row) => row.eventId);
  const promised = new Map<string, PlannedEvent>(
    receipts.flatMap(({ event, eventKey }) =>
      eventKey === null ? [] : [[`${event.source} ${eventKey}`, event] as const],
    ),
  );
  for (const [key, planned] of promised) {
    const event = once(rows.get(key), `event ${planned.id}`);
    if (event === null) continue;
    same(`event ${planned.id}`, event.status, planned.fate);
    const own = entries.get(event.id) ?? [];
    if (planned.fate === "dead") {
      const letter = once(letters.get(event.id), `dead letter of ${planned.id}`);
      const opened = own.filter(
        ({ action, subject }) => action === "dead_letter.opened" && subject === letter?.id,
      );
      once(opened, `audit entry of the death of ${planned.id}`);
      continue;
    }
    const ends = own.filter(({ action }) => ENDED.has(String(action)));
    same(
      `audit entry of ${planned.id}`,
      once(ends, `end of ${planned.id}`)?.action,
      `event.${planned.fate}`,
    );
  }
  for (const letter of books.deadLetters) {
    const event = books.events.find(({ id }) => id === letter.eventId);
    const key = `${event?.source} ${event?.eventKey}`;
    const isWanted = promised.get(key)?.fate === "dead" || event?.status !== "dead";
    if (letter.noticeId === null && isWanted) continue;
    findings.push({
      kind: "wrong",
      what: `dead letter ${letter.id}: ${letter.code} ${letter.message}`,
    });
  }
}

function checkPayments({ books, once, same, findings }: Checks, expect: Expectations): void {
  const payments = by(books.payments, (row) => row.externalId);
  const entitlements = by(books.entitlements, (row) => row.paymentId);
  const mails = by(books.notifications, (row) => String(row.cause).split(" ")[0]);
  for (const [externalId, wanted] of expect.payments) {
    const payment = once(payments.get(externalId), `payment ${externalId}`);
    if (payment === null) continue;
    same(`payment ${externalId}`, payment.state, wanted.state);
    const entitlement = entitlements.get(payment.id) ?? [];
    if (wanted.entitlement !== null || entitlement.length > 0) {
      const found = once(entitlement, `entitlement of ${externalId}`);
      same(`entitlement of ${externalId}`, found?.status ?? null, wanted.entitlement);
    }
    const told = mails.get(`payment::test:${externalId}`) ?? [];
    if (wanted.mail === null) {
      for (const notice of told)
        findings.push({ kind: "wrong", what: `mail ${notice.id} of ${externalId}` });
      continue;
    }
    const notice = once(told, `mail of ${externalId}`);
    same(`mail of ${externalId}`, notice?.template ?? null, wanted.mail);
  }
}

function checkIncidents({ books, once, same }: Checks, expect: Expectations): void {
  const incidents = by(books.incidents, (row) => row.service);
  for (const [service, status] of expect.incidents) {
    const incident = once(incidents.get(service), `incident of ${service}`);
    if (incident !== null) same(`incident of ${service}`, incident.status, status);
    // What lasts was told as it began, unless somebody had it before anybody could be told.
    if (incident?.status !== "open") continue;
    const told = books.notifications.filter(
      ({ cause, template }) =>
        String(cause).startsWith(`incident:${incident.id} `) && template === "incident-raised",
    );
    once(told, `word that ${incident.id} began`);
  }
}

/** What nobody asked for is as wrong as what is missing. */
function checkNothingElse(
  { books, findings }: Checks,
  expectations: readonly Expectations[],
): void {
  const extra = (what: string, rows: readonly Row[], isKnown: (row: Row) => boolean): void => {
    for (const row of rows) {
      if (!isKnown(row)) findings.push({ kind: "wrong", what: `${what} ${row.id} has no cause` });
    }
  };
  const any = (has: (expect: Expectations) => boolean): boolean => expectations.some(has);
  extra("payment", books.payments, (p) => any((e) => e.payments.has(String(p.externalId))));
  extra("deployment", books.deployments, (d) =>
    any((e) => e.deployments.has(String(d.externalId))),
  );
  extra("incident", books.incidents, ({ service }) => any((e) => e.incidents.has(String(service))));
}

/** One mail at the vendor for each notice, under the notice's id. */
function checkMails({ books, once, same, findings }: Checks): void {
  const mails = by(books.mails, (row) => row.idempotencyKey);
  const notices = new Set<unknown>();
  for (const notice of books.notifications.filter(({ channel }) => channel === "email")) {
    notices.add(notice.id);
    same(`notice ${notice.id}`, notice.status, "sent");
    once(mails.get(notice.id), `mail at Resend for notice ${notice.id}`);
  }
  for (const [key] of mails) {
    if (!notices.has(key))
      findings.push({ kind: "wrong", what: `mail at Resend for no notice: ${key}` });
  }
}

/** By what the headline says first: the incident's begin, or what became of it. */
const SAID = ["resolved", "acknowledged", "reopened", "escalated"] as const;
const wordOf = (text: string): string => SAID.find((word) => text.includes(word)) ?? "raised";
const INCIDENT = /INC-\d{8}-\d{4}(?:-\d+)?/;

/**
 * One message at Slack for each notice; more only where the notice itself says that it was called more than once, and
 * none where it was canceled before it was called: somebody had the incident, or it was over.
 */
function checkSlack({ books, once, same, findings }: Checks): string[] {
  const messages = by(books.slack, (row) => {
    const incident = INCIDENT.exec(JSON.stringify(row.payload))?.[0];
    return `${incident} ${wordOf(String(row.text).split(":")[0] ?? "")}`;
  });
  const statusOf = new Map(books.incidents.map(({ id, status }) => [id, status]));
  const doubles: string[] = [];
  for (const notice of books.notifications.filter(({ channel }) => channel === "slack")) {
    const incident = INCIDENT.exec(String(notice.cause))?.[0];
    const found = messages.get(`${incident} ${wordOf(String(notice.template))}`) ?? [];
    if (notice.status === "canceled" && statusOf.get(incident) !== "open") {
      // A call whose answer was lost may have been read before somebody had it.
      if (found.length > Number(notice.calls)) {
        findings.push({ kind: "wrong", what: `Slack message of canceled notice ${notice.id}` });
      }
      continue;
    }
    same(`notice ${notice.id}`, notice.status, "sent");
    const isExcused = found.length > 1 && found.length <= Number(notice.calls);
    if (isExcused)
      doubles.push(
        `${notice.id} (${notice.template}): ${found.length} messages, ${notice.calls} calls`,
      );
    else once(found, `Slack message for notice ${notice.id}`);
  }
  return doubles;
}

function checkNoticeAudit({ books, once }: Checks): void {
  const sent = by(
    books.audit.filter(({ action }) => action === "notice.sent"),
    (row) => row.subject,
  );
  const planned = by(
    books.audit.filter(({ action }) => action === "notice.planned"),
    (row) => row.subject,
  );
  for (const notice of books.notifications) {
    once(planned.get(notice.id), `notice.planned of ${notice.id}`);
    if (notice.status === "sent") once(sent.get(notice.id), `notice.sent of ${notice.id}`);
  }
}

/** Whatever was killed meanwhile: each entry is under a seal, and as it was sealed. */
function checkTrail({ books: { audit: entries, trail }, findings }: Checks): void {
  const unsealed = entries.length - trail.entries;
  if (unsealed > 0) findings.push({ kind: "lost", what: `the seal of ${unsealed} audit entries` });
  for (const fault of trail.faults) {
    findings.push({ kind: "wrong", what: `the audit trail: ${JSON.stringify(fault)}` });
  }
}

function countsOf(books: Books, receipts: readonly Receipt[]): Record<string, number> {
  const withStatus = (status: string): number =>
    books.events.filter((event) => event.status === status).length;
  return {
    deliveries: receipts.length,
    promised: receipts.filter(({ eventKey }) => eventKey !== null).length,
    "answered duplicate": receipts.filter(({ said }) => said === "duplicate").length,
    "given up by the provider": receipts.filter(({ eventKey }) => eventKey === null).length,
    events: books.events.length,
    processed: withStatus("processed"),
    ignored: withStatus("ignored"),
    dead: withStatus("dead"),
    payments: books.payments.length,
    entitlements: books.entitlements.length,
    incidents: books.incidents.length,
    deployments: books.deployments.length,
    mails: books.mails.length,
    "Slack messages": books.slack.length,
    "audit entries": books.audit.length,
    "of them sealed": books.trail.entries,
  };
}
