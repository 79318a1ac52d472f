import { Permanent } from "../../domain/errors.js";
import type { Fetched, GatewayPage, Listed } from "../../domain/gateway.js";
import { LEDGER_KINDS, type LedgerKind } from "../../domain/ledger.js";
import type { RunCursor, RunError } from "../../domain/reconciliation.js";
import { SECOND_MS } from "../../domain/time.js";
import { objectsBorn } from "../../store/reconciliation.js";
import { Balance } from "./balance.js";
import { begin, type Done, type Step, scopeOf } from "./deps.js";
import { examine, findingOf, type Verdict } from "./examine.js";

/** Rows of ours that are fetched one by one before the run's place is written. */
const UNLISTED_MAX = 50;
/** A list that is longer is asked for anew from where it is: a cursor deep in it may break off. */
const PAGES_MAX = 50;

/** The next page of the next list: what it has is held against our rows, and our rows of its time against it. */
export async function findNext(step: Step): Promise<Done> {
  const { run } = step;
  const { cursor } = run;
  const account = cursor.accounts[Math.floor(cursor.place / LEDGER_KINDS.length)];
  const kind = LEDGER_KINDS[cursor.place % LEDGER_KINDS.length];
  if (account === undefined || kind === undefined) {
    return { cursor: begin(run, "undelivered") };
  }
  const range = { account, from: run.rangeFrom, to: cursor.to };
  try {
    const page = await step.gateway.listObjects(kind, range, cursor.next);
    return await holdAgainst(step, { kind, account }, page);
  } catch (error) {
    if (!(error instanceof Permanent)) throw error;
    if (cursor.next !== null && cursor.pages > 0) return { cursor: anew(cursor) };
    return { cursor: nextList(step), ...failed(kind, error) };
  }
}

function failed(at: string, { code, detail }: Permanent): Pick<Done, "errors" | "counts"> {
  const error: RunError = { at, code, detail: detail ?? "" };
  return { errors: [error], counts: { errors: 1 } };
}

const nextList = ({ run }: Step): RunCursor => ({
  ...begin(run, "find"),
  place: run.cursor.place + 1,
});

/** The list from the second on at which the last page ended; what was seen of that second is known. */
const anew = (cursor: RunCursor): RunCursor => ({
  ...cursor,
  to: (cursor.edge?.at ?? cursor.to) + SECOND_MS,
  next: null,
  pages: 0,
});

async function holdAgainst(
  step: Step,
  list: { kind: LedgerKind; account: string },
  page: GatewayPage<Listed>,
): Promise<Done> {
  const { cursor } = step.run;
  const known = new Set(cursor.edge?.ids);
  const isCounted = cursor.after !== "";
  const listed = page.items.filter(({ externalId }) => !known.has(externalId));
  const theirs = new Map<string, Fetched>(listed.map((item) => [item.externalId, item]));
  const found = isCounted ? { verdicts: [], errors: [] } : await examine(step, { ...list, theirs });
  const unlisted = await unlistedIn(step, list, page);
  const done = reported(step, [...found.verdicts, ...unlisted.verdicts], {
    objects: isCounted ? 0 : listed.length,
    unlisted: unlisted.count,
    errors: [...found.errors, ...unlisted.errors],
  });
  if (unlisted.after !== null) {
    return { ...done, cursor: { ...cursor, after: unlisted.after } }; // the same page again, for the rest of ours
  }
  return { ...done, cursor: afterPage(step, page) };
}

function afterPage(step: Step, page: GatewayPage<Listed>): RunCursor {
  const { cursor } = step.run;
  const at = page.items.at(-1)?.bornAt;
  if (page.next === null || at === undefined) return nextList(step);
  const ids = page.items.filter(({ bornAt }) => bornAt === at).map(({ externalId }) => externalId);
  const before = cursor.edge?.at === at ? cursor.edge.ids : [];
  const edge = { at, ids: [...new Set([...before, ...ids])] };
  const moved = { ...cursor, next: page.next, pages: cursor.pages + 1, edge, after: "" };
  const isLong = moved.pages >= PAGES_MAX && at + SECOND_MS < cursor.to;
  return isLong ? anew(moved) : moved;
}

/** Rows of ours from the time of this page that are not on it: each is asked for by its id. */
async function unlistedIn(
  step: Step,
  { kind, account }: { kind: LedgerKind; account: string },
  page: GatewayPage<Listed>,
) {
  const { run, deps, gateway } = step;
  const { cursor } = run;
  const last = page.next === null ? undefined : page.items.at(-1)?.bornAt;
  const rows = await objectsBorn(deps.database, kind, scopeOf(step, account), {
    from: last === undefined ? run.rangeFrom : last + SECOND_MS, // the rest of that second is on the next page
    to: cursor.edge === null ? cursor.to - 1 : cursor.edge.at + SECOND_MS - 1,
    without: [...(cursor.edge?.ids ?? []), ...page.items.map(({ externalId }) => externalId)],
    after: cursor.after,
    limit: UNLISTED_MAX,
  });
  const theirs = new Map<string, Fetched | null>();
  const errors: RunError[] = [];
  for (const { externalId } of rows) {
    try {
      const key = { kind, account, livemode: run.livemode, externalId };
      theirs.set(externalId, await gateway.fetchObject(key));
    } catch (error) {
      if (!(error instanceof Permanent)) throw error;
      errors.push({ at: externalId, code: error.code, detail: error.detail ?? "" });
    }
  }
  const examined = await examine(step, { kind, account, theirs, rows });
  return {
    verdicts: examined.verdicts,
    errors: [...errors, ...examined.errors],
    count: rows.length,
    after: rows.length < UNLISTED_MAX ? null : (rows.at(-1)?.externalId ?? null),
  };
}

/** Verdicts as what is written of them: findings, what is healed, and both sides of the balance. */
export function reported(
  step: Step,
  verdicts: readonly Verdict[],
  o: { objects: number; unlisted: number; errors: readonly RunError[] },
): Omit<Done, "cursor"> {
  const balance = new Balance(step.run.balance);
  const findings = verdicts.flatMap((verdict) => findingOf(step, verdict) ?? []);
  for (const { key, difference, ours, theirs } of verdicts) {
    balance.add(key.kind, ours, theirs);
    if (difference !== null) balance.explain(key.kind, ours, theirs, 1);
  }
  const { dryRun } = step.run;
  return {
    balance: balance.lines(),
    ...(dryRun ? { seen: findings } : { findings }),
    agreed: dryRun ? [] : verdicts.filter((one) => one.difference === null).map(({ key }) => key),
    errors: o.errors,
    counts: {
      pages: 1,
      objects: o.objects,
      unlisted: o.unlisted,
      found: findings.length,
      errors: o.errors.length,
    },
  };
}

/** One object in place of a range, and what the ledger has beside it. */
export async function findOne(step: Step): Promise<Done> {
  const { run, source, gateway } = step;
  const kind = source.kindOfId?.(run.onlyRef) ?? null;
  if (kind === null) throw new Permanent("invalid_request", { detail: "no kind has such an id" });
  const account = run.cursor.accounts[run.cursor.place];
  if (account === undefined) return { cursor: begin(run, "mention") };
  const cursor = { ...begin(run, "find"), place: run.cursor.place + 1 };
  const key = { kind, account, livemode: run.livemode, externalId: run.onlyRef };
  try {
    const fetched = await gateway.fetchObject(key);
    const theirs = new Map([[run.onlyRef, fetched]]);
    const { verdicts, errors } = await examine(step, { kind, account, theirs });
    const objects = fetched === null ? 0 : 1;
    return { cursor, ...reported(step, verdicts, { objects, unlisted: 0, errors }) };
  } catch (error) {
    if (!(error instanceof Permanent)) throw error;
    return { cursor, ...failed(run.onlyRef, error) };
  }
}
