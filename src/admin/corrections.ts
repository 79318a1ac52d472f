import type { Hono } from "hono";
import { z } from "zod";
import {
  CORRECTION_KINDS,
  CORRECTION_STATUSES,
  type Correction,
  nextStepOf,
} from "../domain/correction.js";
import { decimalOf } from "../domain/money.js";
import { type Instant, instantOf, isoOf } from "../domain/time.js";
import {
  AFFECTED_DIFFERENCES,
  type AffectedPage,
  type Money,
} from "../operations/corrections/affected.js";
import type { ApplyRequest } from "../operations/corrections/apply.js";
import type { OneRequest } from "../operations/corrections/plan.js";
import type { SettleCorrection } from "../operations/corrections/settle.js";
import { idOf, jsonOf, limited } from "./bodies.js";
import type { AdminEnv } from "./env.js";
import { afterOf, cursorOf, cursorParam, parsed, reasonField, settleBody } from "./requests.js";
import { auditEntry } from "./schemas.js";

const text = z.string();
const time = z
  .number()
  .transform(isoOf)
  .pipe(z.iso.datetime())
  .meta({ description: "ISO 8601, UTC" });
const oneOf = (...values: readonly string[]) => z.string().meta({ enum: [...values] });

const correctionFields = z.object({
  id: text.meta({ description: "Also the key under which the source does it once" }),
  source: text,
  discrepancyId: text.nullable(),
  kind: oneOf(...CORRECTION_KINDS),
  account: text,
  livemode: z.boolean(),
  externalId: text.meta({ description: "The payment's, at the source" }),
  amountMinor: z.int().nullable(),
  amount: text.nullable().meta({ description: "Decimal; null is all that is left of a refund" }),
  currency: text.nullable(),
  userRef: text.nullable(),
  packageRef: text.nullable(),
  status: oneOf(...CORRECTION_STATUSES),
  reason: text,
  plannedBy: text,
  approvedBy: text.nullable(),
  appliedBy: text.nullable(),
  begunAt: time.nullable(),
  vendorRef: text.nullable().meta({ description: "What the source calls what it did" }),
  error: text.nullable().meta({ description: "Why it failed" }),
  nextStep: text.nullable().meta({ description: "What to do now that it has failed" }),
  createdAt: time,
  updatedAt: time,
  appliedAt: time.nullable(),
});
type Derived = Pick<Correction, "amountMinor" | "currency" | "status" | "source" | "externalId">;
const withAmount = <S extends z.ZodType>(schema: S) =>
  z.preprocess((given) => {
    const row = given as Derived;
    const { amountMinor, currency } = row;
    const isSaid = amountMinor !== null && currency !== null;
    const amount = isSaid ? decimalOf({ amountMinor, currency }) : null;
    return { ...row, amount, nextStep: nextStepOf(row) };
  }, schema);
export const correction = withAmount(correctionFields).meta({ id: "Correction" });
export const correctionDetail = withAmount(
  correctionFields.extend({ audit: z.array(auditEntry) }),
).meta({ id: "CorrectionDetail" });

const money = z
  .preprocess(
    (given) => {
      const side = given as Money | null;
      if (side === null) return null;
      const decimal = (amountMinor: number) => decimalOf({ amountMinor, currency: side.currency });
      const { amountMinor, receivedMinor, refundedMinor } = side;
      return {
        ...side,
        amount: decimal(amountMinor),
        received: decimal(receivedMinor),
        refunded: decimal(refundedMinor),
      };
    },
    z
      .object({
        state: text,
        amountMinor: z.int(),
        receivedMinor: z.int(),
        refundedMinor: z.int(),
        currency: text,
        amount: text,
        received: text,
        refunded: text,
      })
      .nullable(),
  )
  .meta({ id: "AffectedMoney" });

export const affectedPayment = z
  .object({
    paymentId: text.nullable().meta({ description: "Null: it is not here" }),
    account: text,
    livemode: z.boolean(),
    externalId: text,
    userRef: text.nullable(),
    ours: money,
    theirs: money.meta({ description: "What the source says now" }),
    entitlement: z
      .object({
        id: text,
        userRef: text,
        packageRef: text,
        status: text,
        endsAt: time.nullable(),
      })
      .nullable(),
    should: z
      .object({
        userRef: text,
        packageRef: text,
        months: z.int().nullable(),
        revoked: text.nullable(),
      })
      .nullable()
      .meta({ description: "What it should give, by this release and what the source says now" }),
    mails: z.array(z.object({ id: text, template: text, status: text, createdAt: time })),
    differs: z.boolean(),
    differences: z.array(oneOf(...AFFECTED_DIFFERENCES)),
    proposal: oneOf(...CORRECTION_KINDS).nullable(),
    discrepancyId: text.nullable(),
    waits: z.boolean().meta({ description: "The source is held, so it need not be here yet" }),
    error: text.nullable(),
  })
  .meta({ id: "AffectedPayment" });

const PAGE_DEFAULT = 25;
const PAGE_MAX = 100;
const timeError = "must be an ISO 8601 time with its offset, as 2026-11-21T03:00:00Z";
const moment = z.iso
  .datetime({ offset: true, error: timeError })
  .transform((given) => instantOf(given) ?? 0);
const limitError = `must be a whole number from 1 to ${PAGE_MAX}`;
const pageFields = {
  source: text
    .max(100)
    .optional()
    .meta({ description: "The one with a ledger, where there is one" }),
  from: moment.meta({ description: "Touched at this time or later" }),
  to: moment.meta({ description: "And before this time" }),
  cursor: cursorParam,
  limit: z.coerce
    .number({ error: limitError })
    .int({ error: limitError })
    .min(1, limitError)
    .max(PAGE_MAX, limitError)
    .default(PAGE_DEFAULT),
};
export const affectedQuery = z.strictObject(pageFields);
export const planBody = z
  .strictObject({ ...pageFields, reason: reasonField })
  .meta({ id: "PlanCorrections" });

const shortText = z
  .string()
  .trim()
  .min(1, "must not be empty")
  .max(255, "may have 255 characters at most");
export const correctionBody = z
  .strictObject({
    source: pageFields.source,
    payment: z.string().regex(/^\w{1,200}$/, "must be the source's id of a payment"),
    kind: z.enum(CORRECTION_KINDS, { error: `must be one of ${CORRECTION_KINDS.join(", ")}` }),
    reason: reasonField,
    account: z
      .string()
      .regex(/^\w{0,200}$/, "must be a connected account's id")
      .default("")
      .meta({ description: "The connected account; empty for our own" }),
    amount: z
      .string({ error: "must be a decimal as text, as 499.00" })
      .max(20)
      .optional()
      .meta({ description: "Of a refund, a decimal; all that is left without it" }),
    user: shortText.optional().meta({ description: "Of a grant; the payment's without it" }),
    package: shortText.optional().meta({ description: "Of a grant; the payment's without it" }),
  })
  .meta({ id: "NewCorrection" });

const maybeReason = z.strictObject({ reason: settleBody.shape.reason.optional() });
export const approveBody = maybeReason.meta({ id: "ApproveCorrection" });
export const applyBody = z
  .strictObject({
    reason: reasonField,
    tell: z
      .boolean({ error: "must be true or false" })
      .default(false)
      .meta({ description: "Tell the payer by mail, once for this correction" }),
  })
  .meta({ id: "ApplyCorrection" });

interface Paging {
  source: string | undefined;
  from: Instant;
  to: Instant;
  after: string;
  limit: number;
}

export interface CorrectionOperations {
  listAffected(request: Paging): Promise<AffectedPage>;
  planCorrections(
    request: Paging & { actor: string; reason: string },
  ): Promise<{ planned: Correction[]; seen: number; nextAfter: string | null }>;
  planOne(
    request: Omit<OneRequest, "source"> & { source: string | undefined },
  ): Promise<Correction>;
  approveCorrection(request: SettleCorrection): Promise<Correction>;
  rejectCorrection(request: SettleCorrection): Promise<Correction>;
  applyCorrection(request: ApplyRequest): Promise<Correction>;
}

const AFFECTED = "payments-affected";
type Asked = z.output<typeof affectedQuery>;
const pagingOf = ({ cursor, ...asked }: Asked): Paging => ({
  ...asked,
  source: asked.source,
  after: afterOf(AFFECTED, cursor) ?? "",
});
const next = (after: string | null) => (after === null ? null : cursorOf(AFFECTED, after));

/** What was touched in a time beside its source, and what puts it right. Before the lists: `affected` is no id. */
export function serveCorrections(
  app: Hono<AdminEnv>,
  { operations }: { operations: CorrectionOperations },
): void {
  app.get("/payments/affected", async (c) => {
    const asked = parsed(affectedQuery, c.req.query());
    const { lines, nextAfter, subscriptions } = await operations.listAffected(pagingOf(asked));
    const data = lines.map((line) =>
      affectedPayment.parse({ ...line, differs: line.differences.length > 0 }),
    );
    return c.json({ data, subscriptions, nextCursor: next(nextAfter) });
  });
  app.post("/corrections/plan", limited, async (c) => {
    const { reason, ...asked } = parsed(planBody, await jsonOf(c));
    const by = { reason, actor: c.var.caller.actor };
    const page = await operations.planCorrections({ ...pagingOf(asked), ...by });
    const data = page.planned.map((row) => correction.parse(row));
    return c.json({ data, seen: page.seen, nextCursor: next(page.nextAfter) });
  });
  app.post("/corrections", limited, async (c) => {
    const { package: packageRef, user, ...asked } = parsed(correctionBody, await jsonOf(c));
    const { actor } = c.var.caller;
    const planned = await operations.planOne({
      ...asked,
      source: asked.source,
      packageRef,
      userRef: user,
      actor,
    });
    return c.json({ data: correction.parse(planned) }, 201);
  });
  for (const [verb, act] of [
    ["approve", operations.approveCorrection],
    ["reject", operations.rejectCorrection],
  ] as const) {
    app.post(`/corrections/:id/${verb}`, limited, async (c) => {
      const id = idOf(c, "correction");
      const { reason = null } = parsed(approveBody, await jsonOf(c));
      const settled = await act({ id, reason, caller: c.var.caller });
      return c.json({ data: correction.parse(settled) });
    });
  }
  app.post("/corrections/:id/apply", limited, async (c) => {
    const id = idOf(c, "correction");
    const asked = parsed(applyBody, await jsonOf(c));
    const applied = await operations.applyCorrection({ id, ...asked, caller: c.var.caller });
    return c.json({ data: correction.parse(applied) });
  });
}

const one = z.object({ data: correction });
const affectedAnswer = z.object({
  data: z.array(affectedPayment),
  subscriptions: z.int().nullable().meta({
    description:
      "Touched too, and not in this list: what they give; with the first page, null where there were too many entries to count them",
  }),
  nextCursor: text.nullable(),
});
const settleRoute = (verb: string, summary: string, body: z.ZodType) => ({
  method: "post" as const,
  path: `/corrections/{id}/${verb}`,
  summary,
  body,
  status: 200,
  answer: one,
  problems: [400, 404, 409, 413],
});

/** For the description of the API. */
export const correctionRoutes = [
  {
    method: "get" as const,
    path: "/payments/affected",
    summary:
      "Payments that were touched in a time, what they give and the mails about them, beside what the source says now",
    query: affectedQuery,
    status: 200,
    answer: affectedAnswer,
    problems: [400, 409],
  },
  {
    method: "post" as const,
    path: "/corrections/plan",
    summary: "Plan what puts right a page of the affected; what waits already is not planned again",
    body: planBody,
    status: 200,
    answer: z.object({
      data: z.array(correction),
      seen: z.int().meta({ description: "Payments of the page" }),
      nextCursor: text.nullable(),
    }),
    problems: [400, 409, 413],
  },
  {
    method: "post" as const,
    path: "/corrections",
    summary: "Plan one correction by hand",
    body: correctionBody,
    status: 201,
    answer: one,
    problems: [400, 404, 409, 413],
  },
  settleRoute(
    "approve",
    "Approve what another person has planned; needs the role approver",
    approveBody,
  ),
  settleRoute("reject", "Give a correction up that was not begun", approveBody),
  settleRoute(
    "apply",
    "Do it, once: at the source under the correction's own key, then in the ledger; repeat it when it broke off",
    applyBody,
  ),
];
