import type { Hono } from "hono";
import { z } from "zod";
import type { AuditFault, ExportedSeal, VerifiedSlice } from "../operations/audit-trail/index.js";
import type { ListedSeal } from "../store/audit-seals.js";
import { jsonOf, limited, notFound } from "./bodies.js";
import type { AdminEnv } from "./env.js";
import { afterOf, cursorOf, cursorParam, limitParam, parsed, reasonField } from "./requests.js";
import { oneOf, text, time } from "./schemas.js";

/** What there is to do with the trail's seals. */
export interface AuditOperations {
  /** The newest first. */
  listSeals(before: number | null, limit: number): Promise<ListedSeal[]>;
  findSeal(number: number): Promise<ListedSeal | undefined>;
  /** With how far it is archived, and the entries that no seal holds yet. */
  verifyAudit(after: number): Promise<
    VerifiedSlice & {
      archivedThrough: number;
      waiting: { count: number; oldestAt: number | null; waitsMs: number };
    }
  >;
  /** After the last archived seal unless told. */
  exportAudit(after: number | null): Promise<{ seals: ExportedSeal[]; keptDays: number | null }>;
  archiveAudit(request: {
    through: number;
    hash: string;
    reason: string;
    actor: string;
  }): Promise<{ through: number; entries: number; isDone: boolean }>;
}

const NUMBER_MAX = 2_000_000_000;
const numberError = "must be the number of a seal";
const sealNumber = z.coerce.number({ error: numberError }).int(numberError);
const fromNone = sealNumber.min(0, numberError).max(NUMBER_MAX, numberError);
const existing = sealNumber.min(1, numberError).max(NUMBER_MAX, numberError);

const listQuery = z.strictObject({ limit: limitParam, cursor: cursorParam });
const sealPath = z.strictObject({ number: existing });
const verifyQuery = z.strictObject({
  after: fromNone
    .default(0)
    .meta({ description: "The last seal that was verified; give `through` of the answer before" }),
});
const exportQuery = z.strictObject({
  after: fromNone
    .meta({ description: "After this seal; unless told, after the last one that is archived" })
    .optional(),
});
const hashError = "must be the hash of the seal `through`, in hex";
const archiveBody = z
  .strictObject({
    through: existing.meta({ description: "The last seal whose entries are in the archive" }),
    hash: z.string({ error: hashError }).regex(/^[0-9a-f]{64}$/, hashError),
    reason: reasonField,
  })
  .meta({ id: "ArchivedTrail" });

const seal = z
  .object({
    number: z.int().meta({ description: "From 1 on, without a gap" }),
    hash: text.meta({
      description:
        "SHA-256, in hex, of number, previousHash, settledBefore and the digest of each entry, a line each",
    }),
    previousHash: text.meta({ description: "Of the seal before; empty for the first" }),
    settledBefore: text.meta({
      description: "Every entry that was recorded before is in this seal or an earlier one",
    }),
    entries: z.int(),
    recordedAt: time,
    archivedAt: time.nullable(),
    archivedBy: text.nullable(),
  })
  .meta({ id: "AuditSeal" });

const exported = seal
  .extend({
    lines: z.array(text).meta({ description: "Of each entry that is there: JSON, names in order" }),
    mayBeArchived: z
      .boolean()
      .meta({ description: "As old as the policy (retention.auditDays) wants entries kept" }),
  })
  .meta({ id: "ExportedSeal" });

const FAULT_KINDS: readonly AuditFault["kind"][] = [
  "entry_changed",
  "entry_missing",
  "entry_added",
  "seal_changed",
  "seal_missing",
  "archived_by_nobody",
];
const verified = z
  .object({
    through: z.int(),
    seals: z.int(),
    entries: z.int(),
    archived: z.int().meta({ description: "Seals of which only the chain is here" }),
    faults: z.array(
      z.object({ kind: oneOf(...FAULT_KINDS), seal: z.int(), entryId: text.nullable() }),
    ),
    isEnd: z.boolean().meta({ description: "There is no later seal" }),
    archivedThrough: z.int().meta({ description: "The last seal whose entries are in an archive" }),
    waiting: z
      .object({
        count: z.int(),
        oldestAt: time.nullable(),
        waitsMs: z
          .int()
          .meta({ description: "How long the oldest waits, by the database's clock" }),
      })
      .meta({ description: "Entries that no seal holds yet; a sweep seals each minute" }),
  })
  .meta({ id: "VerifiedTrail" });

const archived = z
  .object({
    through: z.int(),
    entries: z.int().meta({ description: "Deleted by this call" }),
    isDone: z.boolean().meta({ description: "False: ask again for the rest" }),
  })
  .meta({ id: "ArchivedSeals" });

/** For the documentation; a test holds it to what is served. */
export const auditRoutes = [
  {
    method: "get" as const,
    path: "/audit-seals",
    summary: "List: the audit trail's seals, newest first",
    query: listQuery,
    status: 200,
    answer: z.object({ data: z.array(seal), nextCursor: text.nullable() }),
    problems: [400],
  },
  {
    method: "get" as const,
    path: "/audit-seals/verify",
    summary: "Hold a piece of the audit trail against its seals; call it until isEnd",
    query: verifyQuery,
    status: 200,
    answer: z.object({ data: verified }),
    problems: [400],
  },
  {
    method: "get" as const,
    path: "/audit-seals/export",
    summary:
      "Seals with the lines of their entries, oldest first, for an archive; empty at the end",
    query: exportQuery,
    status: 200,
    answer: z.object({
      data: z.array(exported),
      keptDays: z.int().nullable().meta({ description: "Of the policy; null: for good" }),
    }),
    problems: [400],
  },
  {
    method: "get" as const,
    path: "/audit-seals/{number}",
    summary: "One seal of the audit trail",
    status: 200,
    answer: z.object({ data: seal }),
    problems: [400, 404],
  },
  {
    method: "post" as const,
    path: "/audit-seals/archive",
    summary:
      "Delete entries that are in an archive and older than the policy keeps them; the seals stay. Call it until isDone",
    body: archiveBody,
    status: 200,
    answer: z.object({ data: archived }),
    problems: [400, 404, 409, 413],
  },
];

export function serveAuditTrail(
  app: Hono<AdminEnv>,
  { operations }: { operations: AuditOperations },
): void {
  const list = "audit-seals";
  app.get(`/${list}`, async (c) => {
    const { limit, cursor } = parsed(listQuery, c.req.query());
    const after = afterOf(list, cursor);
    const rows = await operations.listSeals(after === null ? null : Number(after), limit + 1);
    const data = rows.slice(0, limit).map((row) => seal.parse(row));
    const last = data.at(-1);
    const isMore = rows.length > limit && last !== undefined;
    return c.json({ data, nextCursor: isMore ? cursorOf(list, String(last.number)) : null });
  });
  app.get(`/${list}/verify`, async (c) => {
    const { after } = parsed(verifyQuery, c.req.query());
    return c.json({ data: verified.parse(await operations.verifyAudit(after)) });
  });
  app.get(`/${list}/export`, async (c) => {
    const { after = null } = parsed(exportQuery, c.req.query());
    const { seals, keptDays } = await operations.exportAudit(after);
    const data = seals.map((row) => exported.parse(row));
    return c.json({ data, keptDays });
  });
  app.get(`/${list}/:number`, async (c) => {
    const { number } = parsed(sealPath, { number: c.req.param("number") });
    const found = await operations.findSeal(number);
    if (found === undefined) throw notFound("seal", String(number));
    return c.json({ data: seal.parse(found) });
  });
  app.post(`/${list}/archive`, limited, async (c) => {
    const asked = parsed(archiveBody, await jsonOf(c));
    const done = await operations.archiveAudit({ ...asked, actor: c.var.caller.actor });
    return c.json({ data: archived.parse(done) });
  });
}
