import { createHash } from "node:crypto";
import { Permanent } from "../../domain/errors.js";
import type { Fetched, KeptEvent } from "../../domain/gateway.js";
import type { Discrepancy, RunCursor, RunError, RunStep } from "../../domain/reconciliation.js";
import { DAY_MS, SECOND_MS } from "../../domain/time.js";
import {
  endedEvents,
  objectsByIds,
  openFindings,
  outstandingEvents,
} from "../../store/reconciliation.js";
import { Balance } from "./balance.js";
import { agrees, ourSide } from "./compare.js";
import { begin, type Done, type Step, scopeOf } from "./deps.js";
import { examine, findingOf, type Verdict } from "./examine.js";
import { groupBy } from "./group-by.js";

/** The source keeps events for 30 days; a margin, because its clock is its own. */
const EVENTS_KEPT_MS = 30 * DAY_MS - 60 * SECOND_MS;
/** Sent at once: enough for the queue to be busy, and few enough for its answer. */
const AT_ONCE = 16;
const PAGE_ROWS = 100;
/** What was sent and does not end for so long is left to the queue's retries, and to the next run. */
const STANDING_MS_MAX = 60 * SECOND_MS;
const LOOK_AGAIN_MS = 500;

/** A page of what the source could not deliver, each under its own id: what was here already happens no second time. */
export async function sendUndelivered(step: Step): Promise<Done> {
  const { run, gateway, deps, source } = step;
  const { cursor } = run;
  const account = cursor.accounts[cursor.place];
  const from = Math.max(run.rangeFrom, deps.clock.now() - EVENTS_KEPT_MS);
  if (account === undefined) return { cursor: begin(run, "await_undelivered") };
  const nextAccount = { ...begin(run, "undelivered"), place: cursor.place + 1 };
  if (from >= run.rangeTo) return { cursor: nextAccount };
  let page: Awaited<ReturnType<typeof gateway.listUndelivered>>;
  try {
    page = await gateway.listUndelivered({ account, from, to: run.rangeTo }, cursor.next);
  } catch (error) {
    if (!(error instanceof Permanent)) throw error;
    return { cursor: nextAccount, ...errorsOf([errorAt("undelivered events", error)]) };
  }
  const keys = await Promise.all(page.items.map(({ body }) => eventKeyOf(step, body)));
  const here = await endedEvents(deps.database, source.id, keys);
  const missing = page.items.filter((_, n) => !here.has(keys[n] ?? ""));
  const sent = run.dryRun ? [] : await sendAll(step, missing.map(bodyOf));
  return {
    cursor: page.next === null ? nextAccount : { ...cursor, next: page.next },
    sent,
    counts: {
      undelivered: page.items.length,
      undeliveredHere: page.items.length - missing.length,
      pages: 1,
    },
  };
}

const bodyOf = ({ body }: KeptEvent): object => body as object;

async function eventKeyOf({ source }: Step, body: unknown): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  return (await source.identify(new Headers(), bytes)).eventKey;
}

async function sendAll({ deps, source }: Step, bodies: readonly object[]): Promise<string[]> {
  const keys: string[] = [];
  for (let n = 0; n < bodies.length; n += AT_ONCE) {
    const some = bodies.slice(n, n + AT_ONCE);
    const sent = await Promise.all(some.map((body) => deps.sendEvent(source, body)));
    keys.push(...sent.map(({ eventKey }) => eventKey));
  }
  return keys;
}

/** Waits until what was sent has ended, or stands still for too long. */
export function awaiting(next: RunStep): (step: Step) => Promise<Done> {
  return async ({ run, deps }) => {
    const outstanding = run.dryRun ? 0 : await outstandingEvents(deps.database, run);
    const now = deps.clock.now();
    const hasMoved = outstanding !== run.cursor.outstanding;
    const movedAt = hasMoved ? now : run.cursor.movedAt;
    if (outstanding === 0 || now - movedAt > STANDING_MS_MAX) {
      return { cursor: { ...begin(run, next), movedAt: now } };
    }
    return { cursor: { ...run.cursor, outstanding, movedAt }, waitMs: LOOK_AGAIN_MS };
  };
}

/** What the events did not heal is mentioned, so that it is fetched and joined like any change. */
export async function mentionOpen(step: Step): Promise<Done> {
  return throughOpen(step, "await_mentioned", async (open) => {
    const { healed, left } = await healedSince(step, open);
    const bodies = left
      .filter(({ kind }) => kind !== "missing_there")
      .map((one) => step.source.mention(keyOf(one), mentionOf(one, step)));
    const sent = await sendAll(step, bodies);
    return { closed: healed, sent, counts: { mentioned: sent.length, healed: healed.length } };
  });
}

/** What is still open is fetched once more: it is healed, or the source has moved on, or it remains. */
export async function judgeOpen(step: Step): Promise<Done> {
  return throughOpen(step, "check", async (open) => {
    const { healed, left } = await healedSince(step, open);
    const verdicts: (Verdict & { before: Discrepancy })[] = [];
    const errors: RunError[] = [];
    for (const before of left.filter(({ kind }) => kind !== "missing_there")) {
      const judged = await fetchedNow(step, before);
      errors.push(...judged.errors);
      verdicts.push(...judged.verdicts.map((verdict) => ({ ...verdict, before })));
    }
    const balance = new Balance(step.run.balance);
    healInBalance(balance, open, healed);
    for (const { key, before, difference, ours, theirs } of verdicts) {
      balance.explain(key.kind, before.ours, before.theirs, -1);
      balance.heal(key.kind, before.ours, ours);
      balance.moved(key.kind, before.theirs, theirs);
      if (difference !== null) balance.explain(key.kind, ours, theirs, 1);
    }
    const closed = verdicts.filter(
      ({ difference, before }) => difference !== before.kind, // what is another difference now has a row of its own
    );
    const agreeing = verdicts.filter(({ difference }) => difference === null);
    return {
      closed: [...healed, ...closed.map(({ before }) => before.id)],
      findings: verdicts.flatMap((verdict) => findingOf(step, verdict) ?? []),
      balance: balance.lines(),
      errors,
      counts: { healed: healed.length + agreeing.length, errors: errors.length },
    };
  });
}

function healInBalance(
  balance: Balance,
  open: readonly Discrepancy[],
  healed: readonly string[],
): void {
  for (const { id, objectKind, ours, theirs } of open) {
    if (!healed.includes(id)) continue;
    balance.explain(objectKind, ours, theirs, -1);
    balance.heal(objectKind, ours, theirs);
  }
}

async function fetchedNow(step: Step, open: Discrepancy) {
  const { objectKind: kind, account, externalId } = open;
  try {
    const fetched: Fetched | null = await step.gateway.fetchObject(keyOf(open));
    return await examine(step, { kind, account, theirs: new Map([[externalId, fetched]]) });
  } catch (error) {
    if (!(error instanceof Permanent)) throw error;
    return { verdicts: [], errors: [errorAt(externalId, error)] };
  }
}

/** Goes through this run's open findings, a page at a time, and then to the next step. */
async function throughOpen(
  step: Step,
  next: RunStep,
  work: (open: readonly Discrepancy[]) => Promise<Omit<Done, "cursor">>,
): Promise<Done> {
  const { run, deps } = step;
  if (run.dryRun) return { cursor: begin(run, next) };
  const page = { after: run.cursor.after, limit: PAGE_ROWS };
  const open = await openFindings(deps.database, run.id, page);
  if (open.length === 0) return { cursor: begin(run, next) };
  const cursor: RunCursor = { ...run.cursor, after: open.at(-1)?.id ?? "" };
  const done = await work(open);
  const balance = done.balance ?? balanceAfter(step, open, done.closed ?? []);
  return { ...done, balance, cursor };
}

function balanceAfter({ run }: Step, open: readonly Discrepancy[], closed: readonly string[]) {
  const balance = new Balance(run.balance);
  healInBalance(balance, open, closed);
  return balance.lines();
}

const keyOf = ({ objectKind, account, livemode, externalId }: Discrepancy) => ({
  kind: objectKind,
  account,
  livemode,
  externalId,
});

/** Of these, whose rows are now what the source said when they were found. */
async function healedSince(step: Step, open: readonly Discrepancy[]) {
  const healed = new Set<string>();
  const groups = groupBy(open, ({ objectKind, account }) => `${objectKind} ${account}`);
  for (const group of groups.values()) {
    const [first] = group;
    if (first === undefined) continue;
    const { objectKind, account } = first;
    const scope = scopeOf(step, account);
    const ids = group.map(({ externalId }) => externalId);
    const rows = await objectsByIds(step.deps.database, objectKind, scope, ids);
    const byId = new Map(rows.map((row) => [row.externalId, row]));
    for (const one of group) {
      const row = byId.get(one.externalId);
      const ours = row === undefined ? null : ourSide(row);
      if (one.kind !== "altered_here" && agrees(ours, one.theirs)) healed.add(one.id);
    }
  }
  return {
    healed: [...healed],
    left: open.filter(({ id }) => !healed.has(id)),
  };
}

/** The same finding gives the same event, so that it is worked on once; another content, or another run, another one. */
function mentionOf(open: Discrepancy, { run, deps }: Step): { id: string; at: number } {
  const of = [run.id, open.objectKind, open.account, open.externalId, open.theirs, open.ours];
  const hash = createHash("sha256").update(JSON.stringify(of)).digest("hex");
  return { id: `mention_${hash.slice(0, 40)}`, at: deps.clock.now() };
}

const errorAt = (at: string, { code, detail }: Permanent): RunError => ({
  at,
  code,
  detail: detail ?? "",
});

const errorsOf = (errors: readonly RunError[]): Pick<Done, "errors" | "counts"> => ({
  errors,
  counts: { errors: errors.length },
});
