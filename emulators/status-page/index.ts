import { z } from "zod";
import { jsonAnswer } from "../recorder/http.js";
import type { Table } from "../recorder/store.js";
import { type Kit, startVendor, type Vendor, type VendorOptions } from "../recorder/vendor.js";

export interface StatusPageOptions extends VendorOptions {
  /** Without it, every token is taken. */
  token?: string | undefined;
}

/** An entry of the page, whichever of the two APIs made it. */
export interface StatusReport {
  id: string;
  api: "better-stack" | "statuspage";
  title: string;
  kind: "incident" | "maintenance";
  /** ISO 8601, UTC. */
  createdAt: string;
  startsAt: string | null;
  endsAt: string | null;
  /** What was said, oldest first. */
  updates: StatusUpdate[];
}

export interface StatusUpdate {
  id: string;
  /** ISO 8601, UTC. */
  at: string;
  /** The API's own word: a Statuspage incident's status, or that of Better Stack's first resource. */
  status: string | null;
  message: string;
  /** True when the sender never learnt that it was accepted. */
  answerLost: boolean;
}

export interface StatusPageRecords {
  /** Newest first. Also GET /reports.json `{data}`, and GET /reports as a page. */
  reports(): StatusReport[];
  /** Of each API, what a channel is given as its page. */
  pageUrls: { betterStack: string; statuspage: string };
}

export type StatusPageEmulator = StatusPageRecords & Vendor;

const PAGE_ID = "1000001";
const BETTER_STACK = `/api/v2/status-pages/${PAGE_ID}`;
const STATUSPAGE = `/v1/pages/${PAGE_ID}`;

const instant = z.iso.datetime({ offset: true });
const affected = z.array(
  z.object({
    status_page_resource_id: z.string().min(1),
    status: z.enum(["resolved", "degraded", "downtime", "maintenance"]),
  }),
);

/** @see https://betterstack.com/docs/uptime/api/create-a-new-status-page-report */
const ReportSchema = z
  .object({
    title: z.string().min(1),
    message: z.string().min(1),
    report_type: z.enum(["manual", "maintenance"]).default("manual"),
    affected_resources: affected.default([]),
    starts_at: instant.optional(),
    ends_at: instant.optional(),
  })
  .refine(({ report_type, ends_at }) => report_type !== "maintenance" || ends_at !== undefined, {
    error: "ends_at is required for maintenance",
  });

/** @see https://betterstack.com/docs/uptime/api/create-a-new-status-update */
const UpdateSchema = z.object({ message: z.string().min(1), affected_resources: affected });

const INCIDENT_STATUSES = [
  "investigating",
  "identified",
  "monitoring",
  "resolved",
  "scheduled",
  "in_progress",
  "verifying",
  "completed",
] as const;

/** @see https://developer.statuspage.io/#tag/incidents */
const IncidentSchema = z.object({
  incident: z.object({
    name: z.string().min(1),
    status: z.enum(INCIDENT_STATUSES),
    body: z.string().default(""),
    scheduled_for: instant.optional(),
    scheduled_until: instant.optional(),
  }),
});
const PatchSchema = z.object({
  incident: z.object({ status: z.enum(INCIDENT_STATUSES).optional(), body: z.string() }),
});

class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Better Stack's status reports and Statuspage's incidents on 127.0.0.1: one page, by either API. */
export const startStatusPageEmulator = (
  options: StatusPageOptions = {},
): Promise<StatusPageEmulator> =>
  startVendor<StatusPageRecords>(
    {
      name: "status-page",
      api: /^\/(api\/v2|v1)\//,
      faultAnswer: ({ status, retryAfterSeconds }) =>
        jsonAnswer(
          status,
          { errors: "An error of the status page" },
          retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) },
        ),
      setup: (kit) => setUp(kit, options),
    },
    options,
  );

type Context = Parameters<Parameters<Kit["app"]["post"]>[1]>[0];

function setUp(kit: Kit, { token }: StatusPageOptions): StatusPageRecords {
  const reports = kit.store.table<StatusReport>("reports");
  const all = () => reports.all().reverse();
  const api =
    (scheme: string, run: (c: Context) => Promise<Response>) =>
    async (c: Context): Promise<Response> => {
      try {
        const given = c.req.header("authorization");
        const fits =
          token === undefined ? given?.startsWith(`${scheme} `) : given === `${scheme} ${token}`;
        if (fits !== true) throw new Refused(401, "Invalid authentication credentials");
        await kit.processing();
        return await run(c);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        return c.json({ errors: error.message }, error.status);
      }
    };

  serveBetterStack(kit, reports, (run) => api("Bearer", run));
  serveStatuspage(kit, reports, (run) => api("OAuth", run));
  kit.app.get("/reports.json", (c) => c.json({ data: all() }));
  kit.app.notFound((c) => c.json({ errors: "Resource was not found" }, 404));
  return {
    reports: all,
    pageUrls: {
      betterStack: `${kit.baseUrl}${BETTER_STACK}`,
      statuspage: `${kit.baseUrl}${STATUSPAGE}`,
    },
  };
}

type Serve = (run: (c: Context) => Promise<Response>) => (c: Context) => Promise<Response>;

function serveBetterStack(kit: Kit, reports: Table<StatusReport>, api: Serve): void {
  kit.app.post(
    `${BETTER_STACK}/status-reports`,
    api(async (c) => {
      const said = readBody(ReportSchema, await c.req.text());
      const report: StatusReport = {
        ...blank(kit, reports),
        api: "better-stack",
        title: said.title,
        kind: said.report_type === "maintenance" ? "maintenance" : "incident",
        startsAt: said.starts_at ?? null,
        endsAt: said.ends_at ?? null,
      };
      const status = said.affected_resources[0]?.status ?? null;
      reports.put(report.id, withUpdate(kit, report, said.message, status));
      return c.json({ data: { id: report.id, type: "status_report", attributes: said } }, 201);
    }),
  );
  kit.app.post(
    `${BETTER_STACK}/status-reports/:id/status-updates`,
    api(async (c) => {
      const said = readBody(UpdateSchema, await c.req.text());
      const report = found(reports, c.req.param("id"), "better-stack");
      const status = said.affected_resources[0]?.status ?? null;
      const next = withUpdate(kit, report, said.message, status);
      reports.put(report.id, next);
      const id = next.updates.at(-1)?.id;
      return c.json({ data: { id, type: "status_update", attributes: said } }, 201);
    }),
  );
}

function serveStatuspage(kit: Kit, reports: Table<StatusReport>, api: Serve): void {
  kit.app.post(
    `${STATUSPAGE}/incidents`,
    api(async (c) => {
      const { incident } = readBody(IncidentSchema, await c.req.text());
      const report: StatusReport = {
        ...blank(kit, reports),
        api: "statuspage",
        title: incident.name,
        kind: incident.scheduled_for === undefined ? "incident" : "maintenance",
        startsAt: incident.scheduled_for ?? null,
        endsAt: incident.scheduled_until ?? null,
      };
      reports.put(report.id, withUpdate(kit, report, incident.body, incident.status));
      return c.json({ ...incident, id: report.id }, 201);
    }),
  );
  kit.app.patch(
    `${STATUSPAGE}/incidents/:id`,
    api(async (c) => {
      const { incident } = readBody(PatchSchema, await c.req.text());
      const report = found(reports, c.req.param("id"), "statuspage");
      const status = incident.status ?? report.updates.at(-1)?.status ?? null;
      reports.put(report.id, withUpdate(kit, report, incident.body, status));
      return c.json({ id: report.id, name: report.title, status }, 200);
    }),
  );
}

function readBody<T>(schema: z.ZodType<T>, text: string): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Refused(400, "The body is no JSON");
  }
  const read = schema.safeParse(json);
  if (!read.success) throw new Refused(422, z.prettifyError(read.error));
  return read.data;
}

function found(reports: Table<StatusReport>, id: string, api: StatusReport["api"]): StatusReport {
  const report = reports.get(id);
  if (report?.api !== api) throw new Refused(404, "Resource was not found");
  return report;
}

function blank(kit: Kit, reports: Table<StatusReport>) {
  const id = String(reports.all().length + 1);
  return { id, createdAt: new Date(kit.clock.now()).toISOString(), updates: [] };
}

function withUpdate(
  kit: Kit,
  report: StatusReport,
  message: string,
  status: string | null,
): StatusReport {
  const update = {
    id: `${report.id}-${report.updates.length + 1}`,
    at: new Date(kit.clock.now()).toISOString(),
    status,
    message,
    answerLost: kit.answerLost(),
  };
  return { ...report, updates: [...report.updates, update] };
}
