import type { Hono } from "hono";
import { z } from "zod";
import { idOf, notFound } from "./bodies.js";
import type { AdminEnv } from "./env.js";
import { parsed } from "./requests.js";
import { text } from "./schemas.js";

const LOCALES = ["en", "th"] as const;
const DOCUMENTS = ["notice", "review"] as const;

export const reportQuery = z.strictObject({
  locale: z
    .enum(LOCALES, { error: `must be one of ${LOCALES.join(", ")}` })
    .default("en")
    .meta({ description: "What sources and people wrote stays as they wrote it" }),
});

const incidentDocument = z
  .object({
    incidentId: text,
    locale: text,
    markdown: text.meta({
      description: "What only people know is marked with who is to fill it in",
    }),
  })
  .meta({ id: "IncidentDocument" });

const SUMMARIES = {
  notice: "The notice of an incident: how it stands, what was done, what comes, who was told",
  review: "The review after an incident, filled in as far as it is known",
} as const;

/** For the documentation; a test holds it to what is served. */
export const incidentReportRoutes = DOCUMENTS.map((document) => ({
  method: "get" as const,
  path: `/incidents/{id}/${document}`,
  summary: SUMMARIES[document],
  query: reportQuery,
  status: 200,
  answer: z.object({ data: incidentDocument }),
  problems: [400, 404],
}));

export interface IncidentReportOperations {
  /** Markdown; null when there is no such incident. */
  reportIncident(
    id: string,
    document: (typeof DOCUMENTS)[number],
    locale: (typeof LOCALES)[number],
  ): Promise<string | null>;
}

/** An incident as a document for people. */
export function serveIncidentReports(
  app: Hono<AdminEnv>,
  { operations }: { operations: IncidentReportOperations },
): void {
  for (const document of DOCUMENTS) {
    app.get(`/incidents/:id/${document}`, async (c) => {
      const incidentId = idOf(c, "incident");
      const { locale } = parsed(reportQuery, c.req.query());
      const markdown = await operations.reportIncident(incidentId, document, locale);
      if (markdown === null) throw notFound("incident", incidentId);
      return c.json({ data: incidentDocument.parse({ incidentId, locale, markdown }) });
    });
  }
}
