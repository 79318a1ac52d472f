import type { PrismaClient } from "../../generated/prisma/client.js";
import { incidentList } from "./incident-lists.js";
import {
  audited,
  auditOf,
  idsOf,
  keyedBy,
  newestFirst,
  type PageArgs,
  type PageRequest,
  pageOf,
} from "./list-page.js";
import { partsOfPayment } from "./payment-parts.js";
import { plain } from "./plain.js";
import { asked } from "./prisma.js";

export type { List } from "./list-page.js";

function eventList(prisma: PrismaClient) {
  /** Runs of a worker, apart from those that found the event finished. */
  const counted = async <Row extends { id: string }>(rows: readonly Row[]) => {
    const counts = await asked(
      prisma.attempt.groupBy({
        by: ["eventId", "outcome"],
        where: { eventId: { in: rows.map(({ id }) => id) } },
        _count: { _all: true },
      }),
    );
    return rows.map((row) => {
      const own = counts.filter(({ eventId }) => eventId === row.id);
      const sum = (wanted: boolean): number =>
        own
          .filter(({ outcome }) => (outcome === "duplicate") === wanted)
          .reduce((total, { _count }) => total + _count._all, 0);
      return { ...row, attempts: sum(false), duplicates: sum(true) };
    });
  };
  return {
    async page(
      request: PageRequest<"source" | "status" | "type" | "eventKey" | "requestId" | "since">,
    ) {
      const page = await pageOf(request, (args) => prisma.event.findMany(args), "receivedAt");
      return { ...page, rows: await counted(page.rows) };
    },
    async find(id: string) {
      const found = await asked(prisma.event.findUnique({ where: { id } }));
      const [event] = found === null ? [] : await counted([plain(found)]);
      if (event === undefined) return null;
      const where = { eventId: id };
      const bodyOf = { where, select: { eventId: true } };
      const [attempts, deadLetter, notices, body] = await Promise.all([
        asked(prisma.attempt.findMany({ where, orderBy: { startedAt: "desc" }, take: 100 })),
        asked(prisma.deadLetter.findUnique({ where })),
        asked(prisma.notice.findMany({ where, ...newestFirst })),
        asked(prisma.eventBody.findFirst(bodyOf)),
      ]);
      const told = [...notices.map((notice) => notice.id), ...(deadLetter ? [deadLetter.id] : [])];
      return {
        ...event,
        bodyKept: body !== null,
        attemptLog: attempts.map(plain),
        deadLetter: deadLetter === null ? null : plain(deadLetter),
        notifications: notices.map(plain),
        audit: await auditOf(prisma, [id, ...told], id),
      };
    },
    /** The provider's bytes; null when there is no such event, or retention has dropped them. */
    async body(id: string): Promise<Uint8Array<ArrayBuffer> | null> {
      const found = await asked(
        prisma.eventBody.findFirst({ where: { eventId: id }, orderBy: { recordedAt: "asc" } }),
      );
      return found === null ? null : Uint8Array.from(found.body);
    },
  };
}

type LetterFilter = "source" | "status" | "code" | "eventId" | "noticeId" | "since";

/** A letter's source is that of its event, or of the event that its notice tells of. */
async function lettersOf(
  prisma: PrismaClient,
  { where: { source, ...where }, orderBy, take }: PageArgs<LetterFilter, "createdAt">,
) {
  if (source === undefined) return prisma.deadLetter.findMany({ where, orderBy, take });
  const { status = null, code = null, eventId = null, noticeId = null, id, createdAt } = where;
  const before = id?.lt ?? null;
  const since = createdAt?.gte ?? null;
  const found = await prisma.$queryRaw<{ id: string }[]>`
    SELECT d.id FROM dead_letter d
    LEFT JOIN notice n ON n.id = d.notice_id
    JOIN event e ON e.id = coalesce(d.event_id, n.event_id)
    WHERE e.source = ${source}
      AND (${status}::text IS NULL OR d.status = ${status})
      AND (${code}::text IS NULL OR d.code = ${code})
      AND (${eventId}::text IS NULL OR d.event_id = ${eventId})
      AND (${noticeId}::text IS NULL OR d.notice_id = ${noticeId})
      AND (${before}::text IS NULL OR d.id < ${before})
      AND (${since}::timestamptz IS NULL OR d.created_at >= ${since})
    ORDER BY d.id DESC LIMIT ${take}`;
  return prisma.deadLetter.findMany({ where: { id: { in: found.map((row) => row.id) } }, orderBy });
}

function deadLetterList(prisma: PrismaClient) {
  type Letter = { eventId: string | null; noticeId: string | null };
  /** What died, in the words that a person knows it by. */
  const named = async <Row extends Letter>(rows: readonly Row[]) => {
    const [events, notices] = await Promise.all([
      asked(
        prisma.event.findMany({
          where: { id: { in: idsOf(rows, (row) => row.eventId) } },
          select: { id: true, source: true, type: true, eventKey: true, receivedAt: true },
        }),
      ),
      asked(
        prisma.notice.findMany({
          where: { id: { in: idsOf(rows, (row) => row.noticeId) } },
          select: { id: true, channel: true, template: true, recipient: true, eventId: true },
        }),
      ),
    ]);
    const eventById = keyedBy(events.map(plain), ({ id }): string | null => id);
    const noticeById = keyedBy(notices, ({ id }): string | null => id);
    return rows.map((row) => ({
      ...row,
      event: eventById.get(row.eventId) ?? null,
      notice: noticeById.get(row.noticeId) ?? null,
    }));
  };
  return {
    async page(request: PageRequest<LetterFilter>) {
      const page = await pageOf(request, (args) => lettersOf(prisma, args), "createdAt");
      return { ...page, rows: await named(page.rows) };
    },
    async find(id: string) {
      const found = await asked(prisma.deadLetter.findUnique({ where: { id } }));
      const [letter] = found === null ? [] : await named([plain(found)]);
      return letter === undefined ? null : { ...letter, audit: await auditOf(prisma, [id]) };
    },
  };
}

type PaymentFilter =
  | "externalId"
  | "state"
  | "userRef"
  | "packageRef"
  | "account"
  | "currency"
  | "livemode"
  | "since";

function paymentList(prisma: PrismaClient) {
  /** The events that touched each payment, the first one first: the audit trail names them. */
  const explained = async <Row extends { id: string }>(rows: readonly Row[]) => {
    const touched = await asked(
      prisma.auditEntry.groupBy({
        by: ["subject", "eventId"],
        where: { subject: { in: rows.map(({ id }) => id) }, eventId: { not: null } },
        _min: { id: true },
        orderBy: { _min: { id: "asc" } },
      }),
    );
    return rows.map((row) => ({
      ...row,
      eventIds: touched.filter(({ subject }) => subject === row.id).map(({ eventId }) => eventId),
    }));
  };
  return {
    async page(request: PageRequest<PaymentFilter>) {
      const page = await pageOf(request, (args) => prisma.payment.findMany(args), "createdAt");
      return { ...page, rows: await explained(page.rows) };
    },
    async find(id: string) {
      const found = await asked(prisma.payment.findUnique({ where: { id } }));
      const [payment] = found === null ? [] : await explained([plain(found)]);
      if (payment === undefined) return null;
      const where = { paymentId: id };
      const [entitlement, parts] = await Promise.all([
        asked(prisma.entitlement.findUnique({ where })),
        partsOfPayment(prisma, payment),
      ]);
      const subjects = [id, ...(entitlement === null ? [] : [entitlement.id])];
      return {
        ...payment,
        entitlement: entitlement === null ? null : plain(entitlement),
        ...parts,
        audit: await auditOf(prisma, subjects),
      };
    },
  };
}

function entitlementList(prisma: PrismaClient) {
  return {
    page: (
      request: PageRequest<
        "userRef" | "status" | "paymentId" | "subscriptionId" | "packageRef" | "livemode"
      >,
    ) => pageOf(request, (args) => prisma.entitlement.findMany(args)),
    find: async (id: string) =>
      audited(prisma, await asked(prisma.entitlement.findUnique({ where: { id } }))),
  };
}

function deploymentList(prisma: PrismaClient) {
  return {
    page: (request: PageRequest<"source" | "project" | "state" | "target" | "externalId">) =>
      pageOf(request, (args) => prisma.deployment.findMany(args)),
    find: async (id: string) =>
      audited(prisma, await asked(prisma.deployment.findUnique({ where: { id } }))),
  };
}

function notificationList(prisma: PrismaClient) {
  return {
    page: (request: PageRequest<"status" | "channel" | "template" | "eventId" | "since">) =>
      pageOf(request, (args) => prisma.notice.findMany(args), "createdAt"),
    async find(id: string) {
      const found = await asked(prisma.notice.findUnique({ where: { id } }));
      if (found === null) return null;
      const [deadLetter, audit] = await Promise.all([
        asked(prisma.deadLetter.findUnique({ where: { noticeId: id } })),
        auditOf(prisma, [id]),
      ]);
      return { ...plain(found), deadLetter: deadLetter === null ? null : plain(deadLetter), audit };
    },
  };
}

function subscriberList(prisma: PrismaClient) {
  return {
    page: (request: PageRequest<"locale" | "since">) =>
      pageOf(request, (args) => prisma.subscriber.findMany(args), "createdAt"),
    find: async (id: string) =>
      audited(prisma, await asked(prisma.subscriber.findUnique({ where: { id } }))),
  };
}

function suppressionList(prisma: PrismaClient) {
  return {
    page: (request: PageRequest<"reason" | "since">) =>
      pageOf(request, (args) => prisma.suppression.findMany(args), "createdAt"),
    find: async (id: string) =>
      audited(prisma, await asked(prisma.suppression.findUnique({ where: { id } }))),
  };
}

function reconciliationList(prisma: PrismaClient) {
  return {
    page: (request: PageRequest<"source" | "status" | "actor">) =>
      pageOf(request, (args) => prisma.reconciliation.findMany(args)),
    async find(id: string) {
      const found = await asked(prisma.reconciliation.findUnique({ where: { id } }));
      return found === null ? null : plain(found);
    },
  };
}

function discrepancyList(prisma: PrismaClient) {
  return {
    page: (
      request: PageRequest<
        "source" | "kind" | "objectKind" | "status" | "externalId" | "lastRunId"
      >,
    ) => pageOf(request, (args) => prisma.discrepancy.findMany(args)),
    find: async (id: string) =>
      audited(prisma, await asked(prisma.discrepancy.findUnique({ where: { id } }))),
  };
}

function correctionList(prisma: PrismaClient) {
  return {
    page: (request: PageRequest<"status" | "kind" | "externalId" | "plannedBy" | "approvedBy">) =>
      pageOf(request, (args) => prisma.correction.findMany(args)),
    find: async (id: string) =>
      audited(prisma, await asked(prisma.correction.findUnique({ where: { id } }))),
  };
}

function auditList(prisma: PrismaClient) {
  return {
    page: (request: PageRequest<"subject" | "eventId" | "action" | "actor" | "since">) =>
      pageOf(request, (args) => prisma.auditEntry.findMany(args), "at"),
    async find(id: string) {
      const found = await asked(prisma.auditEntry.findUnique({ where: { id } }));
      return found === null ? null : plain(found);
    },
  };
}

/**
 * Everything that is kept, for a person to look at. Not on the path of any webhook.
 * What hangs on a row is fetched once for the page, never once per row.
 *
 * @throws Transient, from each of them, when the database was not to be had.
 */
export function createLists(prisma: PrismaClient) {
  return Object.freeze({
    events: eventList(prisma),
    deadLetters: deadLetterList(prisma),
    payments: paymentList(prisma),
    entitlements: entitlementList(prisma),
    incidents: incidentList(prisma),
    deployments: deploymentList(prisma),
    notifications: notificationList(prisma),
    subscribers: subscriberList(prisma),
    suppressions: suppressionList(prisma),
    reconciliations: reconciliationList(prisma),
    discrepancies: discrepancyList(prisma),
    corrections: correctionList(prisma),
    audit: auditList(prisma),
  });
}

export type Lists = ReturnType<typeof createLists>;
