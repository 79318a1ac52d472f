import { setTimeout as wait } from "node:timers/promises";
import { describeError } from "../../domain/describe-error.js";
import { Permanent, Transient } from "../../domain/errors.js";
import {
  NO_COUNTS,
  type Reconciliation,
  type RunCounts,
  type RunCursor,
  type RunStep,
} from "../../domain/reconciliation.js";
import { DAY_MS, HOUR_MS, type Instant, isoOf, MINUTE_MS, SECOND_MS } from "../../domain/time.js";
import {
  accountsKnown,
  commitPage,
  findRunning,
  insertRun,
  lastBeginning,
  leaseRun,
  readRun,
  releaseRun,
  waitingRuns,
} from "../../store/reconciliation.js";
import { unexplained } from "./balance.js";
import { checkLedger } from "./check.js";
import type { Done, ReconcileDeps, Step } from "./deps.js";
import { findNext, findOne } from "./find.js";
import { awaiting, judgeOpen, mentionOpen, sendUndelivered } from "./heal.js";

export type { ReconcileDeps } from "./deps.js";

export interface RunRequest {
  source: string;
  actor: string;
  from: Instant;
  to: Instant;
  dryRun: boolean;
  /** One object's id in place of the range. */
  only?: string | undefined;
}

/** Longer than any one page takes; a page renews it. */
const LEASE_MS = 90 * SECOND_MS;
/** A gateway that does not answer for so long ends the run. */
const STALLED_MS_MAX = 30 * MINUTE_MS;
const RETRY_WAIT_MS = SECOND_MS;
const ERRORS_KEPT_MAX = 50;
const SEEN_KEPT_MAX = 100;

/**
 * Begins a run; what is asked for while the same is running is that run.
 *
 * @throws Permanent `invalid_request` where the source keeps no ledger, no key is set for it, or nothing can lie in
 * the range: a run of nothing would look like a ledger that is right.
 */
export async function startRun(request: RunRequest, deps: ReconcileDeps): Promise<Reconciliation> {
  const { source, actor, from, to, dryRun, only = "" } = request;
  const gateway = deps.gatewayOf(source);
  const known = deps.sourceById(source);
  if (known?.readObject === undefined) {
    throw new Permanent("invalid_request", { detail: `source: ${source} has no ledger` });
  }
  if (gateway === undefined) {
    throw new Permanent("invalid_request", { detail: `no key is set to ask ${source} with` });
  }
  if (only !== "" && (known.kindOfId?.(only) ?? null) === null) {
    throw new Permanent("invalid_request", { detail: `object: ${source} has no such ids` });
  }
  const now = deps.clock.now();
  if (only === "") mustHoldTime(from, to, now);
  const livemode = gateway.sees(true);
  const accounts = ["", ...(await accountsKnown(deps.database, livemode))];
  const run: Reconciliation = {
    id: deps.ids.next("reconciliation"),
    source,
    actor,
    status: "running",
    dryRun,
    livemode,
    rangeFrom: from,
    rangeTo: to,
    onlyRef: only,
    cursor: {
      step: "find",
      accounts,
      place: 0,
      to,
      next: null,
      pages: 0,
      edge: null,
      after: "",
      movedAt: now,
      outstanding: 0,
    },
    counts: NO_COUNTS,
    balance: [],
    errors: [],
    startedAt: now,
    updatedAt: now,
    endedAt: null,
    leaseUntil: now,
    version: 0,
  };
  const made = await insertRun(deps.database, run);
  const begun = made ?? (await findRunning(deps.database, run));
  if (begun === null) throw new Transient("database_busy", { detail: "a run has just ended" });
  if (made !== null) {
    const { id } = made;
    deps.log.info("reconciliation.started", { id, source, actor, dryRun, from, to, only });
  }
  return begun;
}

function mustHoldTime(from: Instant, to: Instant, now: Instant): void {
  if (from >= to) {
    const detail = `from: must be before to; it is ${isoOf(from)}, and to is ${isoOf(to)}`;
    throw new Permanent("invalid_request", { detail });
  }
  if (from >= now) {
    const detail = `from: must be in the past; it is ${isoOf(from)}, a day before to unless told`;
    throw new Permanent("invalid_request", { detail });
  }
}

const STEPS: Readonly<Record<RunStep, (step: Step) => Promise<Done>>> = {
  find: (step) => (step.run.onlyRef === "" ? findNext(step) : findOne(step)),
  undelivered: sendUndelivered,
  await_undelivered: awaiting("mention"),
  mention: mentionOpen,
  await_mentioned: awaiting("judge"),
  judge: judgeOpen,
  check: checkLedger,
};

/**
 * Goes on with a run for as long as the budget lasts, page by page; each page is written before the next, so that a
 * crash costs one. Somebody else's run under way is left alone.
 *
 * @returns the run as it is now; null when there is none of this id.
 */
export async function continueRun(
  id: string,
  deps: ReconcileDeps,
  { budgetMs }: { budgetMs: number },
): Promise<Reconciliation | null> {
  const began = deps.clock.now();
  const leased = await leaseRun(deps.database, id, { now: began, until: began + LEASE_MS });
  if (leased === null) return readRun(deps.database, id);
  let run = leased;
  const left = (): number => began + budgetMs - deps.clock.now();
  while (run.status === "running" && left() > 0) {
    const done = await stepOf(run, deps);
    const written =
      done.cursor === run.cursor && done.waitMs !== undefined ? run : await write(run, done, deps);
    if (written === null) return readRun(deps.database, id); // somebody else goes on with it
    run = written;
    const { waitMs } = done;
    if (waitMs === undefined) continue;
    if (waitMs >= left()) break;
    await wait(waitMs);
  }
  if (run.status === "running") await releaseRun(deps.database, run);
  return run;
}

/** One step; a gateway that does not answer is waited for, and in the end what the run fails of. */
async function stepOf(run: Reconciliation, deps: ReconcileDeps): Promise<Done> {
  try {
    return await STEPS[run.cursor.step](partsOf(run, deps));
  } catch (error) {
    if (error instanceof Transient && error.code !== "gateway_unavailable") throw error;
    const code = error instanceof Permanent || error instanceof Transient ? error.code : "internal";
    const stoodMs = deps.clock.now() - run.cursor.movedAt;
    if (error instanceof Transient && stoodMs < STALLED_MS_MAX) {
      const waitMs = (error.retryAfterSeconds ?? 0) * SECOND_MS || RETRY_WAIT_MS;
      return { cursor: run.cursor, waitMs };
    }
    const detail = describeError(error);
    const at = run.cursor.step;
    deps.log.error("reconciliation.broke", { id: run.id, step: at, detail });
    return {
      cursor: run.cursor,
      errors: [{ at, code, detail }],
      counts: { errors: 1 },
      status: "failed",
    };
  }
}

function partsOf(run: Reconciliation, deps: ReconcileDeps): Step {
  const gateway = deps.gatewayOf(run.source);
  const source = deps.sourceById(run.source);
  const { readObject, mention } = source ?? {};
  const isWhole = readObject !== undefined && mention !== undefined && gateway?.sees(run.livemode);
  if (source === undefined || gateway === undefined || !isWhole) {
    throw new Permanent("gateway_refused", {
      detail: "the key that the run began with is set no more",
    });
  }
  return { run, deps, gateway, source: { ...source, readObject, mention } };
}

async function write(
  before: Reconciliation,
  done: Done,
  deps: ReconcileDeps,
): Promise<Reconciliation | null> {
  const now = deps.clock.now();
  const movedAt = done.waitMs === undefined ? now : done.cursor.movedAt;
  const run: Reconciliation = {
    ...before,
    cursor: { ...done.cursor, movedAt, ...seenSince(before, done) },
    status: done.status ?? "running",
    counts: summed(before.counts, done.counts ?? {}),
    balance: done.balance ?? before.balance,
    errors: [...before.errors, ...(done.errors ?? [])].slice(0, ERRORS_KEPT_MAX),
    updatedAt: now,
    endedAt: done.status === undefined ? null : now,
    leaseUntil: now + LEASE_MS,
  };
  const written = await commitPage(deps.database, {
    run,
    findings: done.findings ?? [],
    agreed: done.agreed ?? [],
    closed: done.closed ?? [],
    sent: done.sent ?? [],
  });
  if (written !== null && written.status !== "running") tell(written, deps);
  return written;
}

/** What a dry run has found up to now, with what the page adds. */
function seenSince({ cursor, dryRun }: Reconciliation, { seen = [] }: Done): Partial<RunCursor> {
  if (!dryRun) return {};
  const more = seen.map(({ kind, account, externalId, difference, ours, theirs, proposal }) => ({
    kind: difference,
    objectKind: kind,
    account,
    externalId,
    ours,
    theirs,
    proposal,
  }));
  return { findings: [...(cursor.findings ?? []), ...more].slice(0, SEEN_KEPT_MAX) };
}

function summed(counts: RunCounts, more: Partial<RunCounts>): RunCounts {
  const entries = Object.entries(counts).map(([name, count]: [string, number]) => [
    name,
    count + (more[name as keyof RunCounts] ?? 0),
  ]);
  return Object.fromEntries(entries) as RunCounts;
}

function tell(
  { id, source, status, counts, balance, errors }: Reconciliation,
  { log }: ReconcileDeps,
) {
  const rest = unexplained(balance);
  const fields = {
    id,
    source,
    status,
    ...counts,
    unexplained: rest.length,
    firstError: errors[0]?.code,
  };
  if (status === "succeeded" && rest.length === 0) log.info("reconciliation.ended", fields);
  else log.error("reconciliation.ended", fields);
}

/** What the timer begins, and when. The newest minutes are left out: their events are still on their way. */
const SCHEDULES = [
  { actor: "cron:nightly", everyMs: DAY_MS, backMs: 35 * DAY_MS },
  { actor: "cron:hourly", everyMs: HOUR_MS, backMs: 3 * HOUR_MS },
] as const;
const UNDER_WAY_MS = 2 * MINUTE_MS;
/** The nightly run begins in the quiet of the night, UTC; this is its hour. */
const NIGHT_MS = 2 * HOUR_MS;

/**
 * Begins the runs that are due, and goes on with those that nobody goes on with. For a timer that comes each minute.
 *
 * @returns how many were begun and went on.
 */
export async function reconcileDue(
  sources: readonly string[],
  deps: ReconcileDeps,
  { budgetMs }: { budgetMs: number },
): Promise<{ begun: number; wentOn: number }> {
  const endsAt = deps.clock.now() + budgetMs;
  let begun = 0;
  for (const source of sources) {
    if (deps.gatewayOf(source) === undefined) continue;
    begun += await beginDue(source, deps);
  }
  let wentOn = 0;
  for (const id of await waitingRuns(deps.database, deps.clock.now())) {
    const leftMs = endsAt - deps.clock.now();
    if (leftMs <= 0) break;
    await continueRun(id, deps, { budgetMs: leftMs });
    wentOn += 1;
  }
  return { begun, wentOn };
}

async function beginDue(source: string, deps: ReconcileDeps): Promise<number> {
  let begun = 0;
  for (const { actor, everyMs, backMs } of SCHEDULES) {
    const now = deps.clock.now();
    const offsetMs = everyMs === DAY_MS ? NIGHT_MS : 0;
    const dueAt = Math.floor((now - offsetMs) / everyMs) * everyMs + offsetMs;
    const last = await lastBeginning(deps.database, source, actor);
    if (last !== null && last >= dueAt) continue;
    const to = dueAt - UNDER_WAY_MS; // the same for whoever comes at this minute
    await startRun({ source, actor, from: to - backMs, to, dryRun: false }, deps);
    begun += 1;
  }
  return begun;
}
