import type { PrismaClient } from "../../generated/prisma/client.js";
import {
  auditOf,
  DETAIL_ROWS_MAX,
  keyedBy,
  type PageArgs,
  type PageRequest,
  pageOf,
} from "./list-page.js";
import { plain } from "./plain.js";
import { asked } from "./prisma.js";

type IncidentFilter = "status" | "severity" | "service" | "environment" | "kind" | "since";

/** An id is its minute on the platform's clock, and `-10` would sort before `-2`: the times are the place in the list. */
const NEWEST = [{ openedAt: "desc" }, { createdAt: "desc" }, { id: "desc" }] as const;

/** A service is found however it is written: people do not know its capitals. */
function incidentsOf(
  prisma: PrismaClient,
  { where: { id, service, ...exact }, take }: PageArgs<IncidentFilter, "openedAt">,
) {
  // It becomes a pattern: `my_shop` is not to find my-shop.
  const written = service?.replace(/[\\%_]/g, "\\$&");
  return prisma.incident.findMany({
    where: {
      ...exact,
      ...(written === undefined ? {} : { service: { equals: written, mode: "insensitive" } }),
      // By id, as an offset would count another one where the filter no longer fits the cursor's.
      ...(id === undefined ? {} : { NOT: { id: id.lt } }),
    },
    orderBy: [...NEWEST],
    take,
    ...(id === undefined ? {} : { cursor: { id: id.lt } }),
  });
}

/** Outages, each with how many signals spoke of it; one of them with all that is known of it. */
export function incidentList(prisma: PrismaClient) {
  const counted = async <Row extends { id: string }>(rows: readonly Row[]) => {
    const where = { incidentId: { in: rows.map(({ id }) => id) } };
    const by = ["incidentId" as const];
    const _count = { _all: true } as const;
    const [signals, alerts] = await Promise.all([
      asked(prisma.signal.groupBy({ by, where, _count })),
      asked(prisma.alert.groupBy({ by, where, _count })),
    ]);
    const signalsById = keyedBy(signals, ({ incidentId }) => incidentId);
    const alertsById = keyedBy(alerts, ({ incidentId }) => incidentId);
    return rows.map((row) => ({
      ...row,
      signals: signalsById.get(row.id)?._count._all ?? 0,
      alerts: alertsById.get(row.id)?._count._all ?? 0,
    }));
  };
  return {
    async page(request: PageRequest<IncidentFilter>) {
      const page = await pageOf(request, (args) => incidentsOf(prisma, args), "openedAt");
      return { ...page, rows: await counted(page.rows) };
    },
    async find(id: string) {
      const found = await asked(prisma.incident.findUnique({ where: { id } }));
      const [incident] = found === null ? [] : await counted([plain(found)]);
      if (incident === undefined) return null;
      return { ...incident, ...(await partsOf(incident)), audit: await auditOf(prisma, [id]) };
    },
  };

  async function partsOf({ id, suspectId, lastGoodId }: IncidentRefs) {
    const where = { incidentId: id };
    const take = DETAIL_ROWS_MAX;
    const deployments = [suspectId, lastGoodId].filter((ref) => ref !== null);
    const [alerts, signals, timeline, notices, tasks, known] = await Promise.all([
      asked(prisma.alert.findMany({ where, orderBy: { openedAt: "desc" }, take })),
      asked(prisma.signal.findMany({ where, orderBy: { occurredAt: "desc" }, take })),
      asked(prisma.incidentEntry.findMany({ where, orderBy: { id: "desc" }, take })),
      asked(prisma.notice.findMany({ where, orderBy: { id: "desc" }, take })),
      asked(prisma.incidentTask.findMany({ where, orderBy: { dueAt: "asc" } })),
      asked(prisma.deployment.findMany({ where: { id: { in: deployments } } })),
    ]);
    const deployment = (ref: string | null) => {
      const row = known.find((one) => one.id === ref);
      return row === undefined ? null : plain(row);
    };
    return {
      suspect: deployment(suspectId),
      lastGood: deployment(lastGoodId),
      tasks: tasks.map(plain),
      alertLog: alerts.map(plain),
      timeline: timeline.map(plain),
      notifications: notices.map(plain),
      signalLog: signals.map(plain),
    };
  }
}

interface IncidentRefs {
  id: string;
  suspectId: string | null;
  lastGoodId: string | null;
}
