import type { Hono } from "hono";
import { z } from "zod";
import { LEDGER_KINDS } from "../domain/ledger.js";
import { decimalOf } from "../domain/money.js";
import {
  type BalanceLine,
  DISCREPANCY_KINDS,
  DISCREPANCY_STATUSES,
  PROPOSAL_KINDS,
  type Reconciliation,
  RUN_STATUSES,
  RUN_STEPS,
} from "../domain/reconciliation.js";
import { DAY_MS, type Instant, instantOf, isoOf } from "../domain/time.js";
import { idOf, jsonOf, limited, notFound } from "./bodies.js";
import type { AdminEnv } from "./env.js";
import { parsed } from "./requests.js";

const time = z
  .number()
  .transform(isoOf)
  .pipe(z.iso.datetime())
  .meta({ description: "ISO 8601, UTC" });
const text = z.string();
const oneOf = (...values: readonly string[]) => z.string().meta({ enum: [...values] });
const count = z.int();

const amounts = z.object({
  count,
  sumMinor: z.int(),
  sum: text.meta({ description: "As a decimal of the currency" }),
});

const balanceLine = z.object({
  kind: oneOf(...LEDGER_KINDS),
  currency: text,
  state: text,
  ours: amounts,
  theirs: amounts,
  difference: amounts.meta({ description: "Theirs less ours" }),
  unexplained: amounts.meta({
    description: "Of the difference, what no open discrepancy makes up: nothing, or a defect",
  }),
});

const sideFields = z
  .object({
    state: text,
    amountMinor: z.int().nullable(),
    amount: text.nullable().meta({ description: "The same as a decimal", example: "1999.00" }),
    currency: text.nullable(),
    fields: z.array(text).optional().meta({ description: "What differs" }),
  })
  .nullable();

interface SideAmount {
  amountMinor: number | null;
  currency: string | null;
}

const side = z.preprocess((given) => {
  if (given === null) return null;
  const { amountMinor, currency } = given as SideAmount;
  const isSaid = amountMinor !== null && currency !== null;
  const amount = isSaid ? decimalOf({ amountMinor, currency }) : null;
  return { ...(given as SideAmount), amount };
}, sideFields);

const proposal = z.object({
  kind: oneOf(...PROPOSAL_KINDS),
  words: text,
  amountMinor: z.int().optional(),
});

const finding = z
  .object({
    kind: oneOf(...DISCREPANCY_KINDS),
    objectKind: oneOf(...LEDGER_KINDS),
    account: text,
    externalId: text,
    ours: side,
    theirs: side,
    proposal,
  })
  .meta({ id: "Finding" });

/** A row as the database has it, which is the run but for the type of its JSON. */
type Row = Omit<Reconciliation, "endedAt"> & { endedAt: Instant | null };

export const reconciliation = z
  .preprocess(
    (row) => {
      const run = row as Row;
      const { cursor, balance } = run;
      const lines = balance.map(lineOf);
      const isBalanced = lines.every(
        ({ unexplained: { count: n, sumMinor } }) => n === 0 && sumMinor === 0,
      );
      const ends = run.endedAt ?? run.updatedAt;
      const durationMs = ends - run.startedAt;
      const progress = run.status === "running" ? progressOf(run) : 1;
      return {
        ...run,
        step: cursor.step,
        progress,
        balanced: isBalanced,
        balance: lines,
        findings: cursor.findings ?? [],
        durationMs,
      };
    },
    z.object({
      id: text,
      source: text,
      actor: text,
      status: oneOf(...RUN_STATUSES),
      dryRun: z.boolean(),
      livemode: z.boolean(),
      rangeFrom: time,
      rangeTo: time,
      onlyRef: text.meta({ description: "One object in place of the range; empty for all" }),
      step: oneOf(...RUN_STEPS),
      progress: z.number().meta({ description: "From 0 to 1" }),
      counts: z.record(z.string(), count),
      balanced: z.boolean().meta({
        description: "Every difference is made up by open discrepancies, to the last minor unit",
      }),
      balance: z.array(balanceLine),
      findings: z.array(finding).meta({
        description: "Of a dry run, what it found (the first 100); another writes discrepancies",
      }),
      errors: z.array(z.object({ at: text, code: text, detail: text })),
      startedAt: time,
      updatedAt: time,
      endedAt: time.nullable(),
      durationMs: z.int(),
    }),
  )
  .meta({ id: "Reconciliation" });

function lineOf({ kind, currency, state, ours, theirs, explained }: BalanceLine) {
  const withSum = (side: { count: number; sumMinor: number }) => ({
    ...side,
    sum: decimalOf({ amountMinor: side.sumMinor, currency }),
  });
  const less = (a: BalanceLine["ours"], b: BalanceLine["ours"]) => ({
    count: a.count - b.count,
    sumMinor: a.sumMinor - b.sumMinor,
  });
  const difference = less(theirs, ours);
  return {
    kind,
    currency,
    state,
    ours: withSum(ours),
    theirs: withSum(theirs),
    difference: withSum(difference),
    unexplained: withSum(less(difference, explained)),
  };
}

/** Listing is most of the work; of a list, how far back in time it has come. */
const LISTING_SHARE = 0.9;

function progressOf({ cursor, rangeFrom, rangeTo }: Row): number {
  const { step, place, accounts, edge } = cursor;
  if (step !== "find") {
    const at = RUN_STEPS.indexOf(step);
    return LISTING_SHARE + ((1 - LISTING_SHARE) * at) / RUN_STEPS.length;
  }
  const span = Math.max(1, rangeTo - rangeFrom);
  const within = edge === null ? 0 : Math.min(1, Math.max(0, (rangeTo - edge.at) / span));
  return (LISTING_SHARE * (place + within)) / (accounts.length * LEDGER_KINDS.length);
}

export const discrepancy = z
  .object({
    id: text,
    source: text,
    kind: oneOf(...DISCREPANCY_KINDS),
    objectKind: oneOf(...LEDGER_KINDS),
    account: text,
    livemode: z.boolean(),
    externalId: text,
    status: oneOf(...DISCREPANCY_STATUSES),
    ours: side,
    theirs: side,
    proposal,
    firstRunId: text,
    lastRunId: text,
    foundAt: time,
    updatedAt: time,
    closedAt: time.nullable(),
  })
  .meta({ id: "Discrepancy" });

const timeParam = z
  .string({ error: "must be an ISO 8601 time" })
  .refine((given) => instantOf(given) !== null, { error: "must be an ISO 8601 time" })
  .optional();

export const reconcileBody = z
  .strictObject({
    source: z
      .string()
      .optional()
      .meta({ description: "The one with a ledger, where there is one" }),
    from: timeParam.meta({ description: "A day before `to` unless told" }),
    to: timeParam.meta({ description: "Now unless told" }),
    dryRun: z
      .boolean({ error: "must be true or false" })
      .optional()
      .meta({ description: "Only look: send nothing, and write no discrepancy" }),
    object: z
      .string()
      .regex(/^\w{1,200}$/, "must be the source's id of an object")
      .optional()
      .meta({ description: "Only this object" }),
  })
  .meta({ id: "Reconcile" });

export interface ReconcileOperations {
  startReconciliation(request: {
    source: string | undefined;
    actor: string;
    from: Instant;
    to: Instant;
    dryRun: boolean;
    only: string | undefined;
  }): Promise<Reconciliation>;
  /** Goes on with a run for some seconds; null when there is none. */
  continueReconciliation(id: string): Promise<Reconciliation | null>;
}

/** Runs are begun here, and go on with each call, or by the timer. */
export function serveReconciliations(
  app: Hono<AdminEnv>,
  { operations, clock }: { operations: ReconcileOperations; clock: { now(): Instant } },
): void {
  app.post("/reconciliations", limited, async (c) => {
    const asked = parsed(reconcileBody, await jsonOf(c));
    const to = instantOf(asked.to) ?? clock.now();
    const from = instantOf(asked.from) ?? to - DAY_MS;
    const run = await operations.startReconciliation({
      source: asked.source,
      actor: c.var.caller.actor,
      from,
      to,
      dryRun: asked.dryRun ?? false,
      only: asked.object,
    });
    return c.json({ data: reconciliation.parse(run) }, 202);
  });
  app.post("/reconciliations/:id/continue", limited, async (c) => {
    const id = idOf(c, "reconciliation");
    const run = await operations.continueReconciliation(id);
    if (run === null) throw notFound("reconciliation", id);
    return c.json({ data: reconciliation.parse(run) });
  });
}

/** For the description of the API. */
export const reconciliationRoutes = [
  {
    method: "post" as const,
    path: "/reconciliations",
    summary:
      "Begin to compare the ledger with its source; the same asked for twice while it runs is one run",
    body: reconcileBody,
    status: 202,
    answer: z.object({ data: reconciliation }),
    problems: [400, 413],
  },
  {
    method: "post" as const,
    path: "/reconciliations/{id}/continue",
    summary: "Go on with a run for some seconds; without it, it goes on each minute",
    status: 200,
    answer: z.object({ data: reconciliation }),
    problems: [404],
  },
];
