import type { AttemptRow, EventRow } from "../domain/event.js";
import type { Plan, PlanTable } from "../domain/plan.js";
import { Batches } from "./batches.js";
import { toStorableJson } from "./clean.js";
import type { Database } from "./database.js";
import { listed } from "./row-lists.js";
import {
  type BodyOf,
  locksOf,
  mostRowsOf,
  rowsLimitOf,
  type Shape,
  shapeOf,
  statementOf,
} from "./statement.js";

/** What comes with an event's plan: its row as it is to be, its bytes, and this run of the worker. */
export interface EventClaim {
  event: EventRow;
  headers: Readonly<Record<string, string>>;
  /** Null when the bytes are lost: nothing is kept, so that a redelivery's can be. */
  body: Uint8Array | null;
  /** True when the event was there before: its bytes may be kept already, or not yet. */
  known?: boolean;
  attempt: AttemptRow;
}

/** A plan on its way, with what decides which others it may share a statement with. */
interface Asked {
  plan: Plan;
  claim: EventClaim | null;
  shape: Shape;
  shapeKey: string;
  locks: ReturnType<typeof locksOf>;
  mostRows: number;
}

/** Past this a statement's size is what costs, and its memory is the function's. */
const BODY_BYTES_MAX = 1_000_000;

const texts = new Map<string, string>();

function textOf({ shape, shapeKey }: Asked, rows: number): string {
  const key = `${rowsLimitOf(rows)} ${shapeKey}`;
  const known = texts.get(key);
  if (known !== undefined) return known;
  const text = statementOf(shape, rows);
  texts.set(key, text);
  return text;
}

/** Most events are new, and their statement need not look for the bytes of an earlier run. */
function bodyOf(claim: EventClaim): BodyOf {
  if (claim.body === null) return "none";
  return claim.known === true ? "missing" : "new";
}

const isEmpty = (shape: Shape): boolean =>
  !shape.claimsEvent &&
  !shape.completes &&
  !shape.discards &&
  shape.inserts.length + shape.updates.length + shape.locks.length + shape.absences.length === 0;

const waiting = new WeakMap<Database, Batches<Asked, boolean>>();

function batchesOf(database: Database): Batches<Asked, boolean> {
  const known = waiting.get(database);
  if (known !== undefined) return known;
  const made = new Batches<Asked, boolean>({
    written: (asked) => written(database, asked),
    companions: companionsOf,
  });
  waiting.set(database, made);
  return made;
}

/**
 * Writes all of a plan or none of it, in one statement, which it may share with plans of other rows that
 * come at the same time. With a claim, nothing is written unless the event is still runnable and still the
 * row that was loaded.
 *
 * @returns false when the event could not be claimed: it is finished, or another worker made it first.
 * @throws Moved when a row changed since it was read, or one that was thought absent has appeared.
 */
export async function apply(
  database: Database,
  plan: Plan,
  claim: EventClaim | null = null,
): Promise<boolean> {
  const shape = shapeOf(plan, claim === null ? null : bodyOf(claim));
  if (isEmpty(shape)) return true; // nothing to write, and a statement would have no use for its parameter
  const shapeKey = JSON.stringify(shape);
  const mostRows = mostRowsOf(plan);
  return batchesOf(database).add({ plan, claim, shape, shapeKey, locks: locksOf(plan), mostRows });
}

/** Whatever a plan writes: Postgres would lose a second write of a row by the same statement. */
function rowsOf({ plan, claim }: Asked): string[] {
  const rows = [...plan.completes.map((id) => `outbox ${id}`)];
  for (const id of plan.discards) rows.push(`event ${id}`);
  if (claim !== null) {
    const { id, source, eventKey } = claim.event;
    rows.push(`event ${id}`, `key ${source} ${eventKey}`, `attempt ${claim.attempt.id}`);
  }
  for (const tables of [plan.inserts, plan.updates]) {
    for (const [table, list] of Object.entries(tables)) {
      for (const { id } of list as { id: string }[]) rows.push(`${table} ${id}`);
    }
  }
  return rows;
}

/**
 * What a plan only rests on, with the version that it read. Any number may rest on the same: the signals of one
 * outage all do on its incident, and would else wait for each other's statement.
 */
function groundsOf({ plan }: Asked): [row: string, version: number][] {
  return Object.entries(plan.expects).flatMap(([table, list]) =>
    list.map(({ id, version }): [string, number] => [`${table} ${id}`, version]),
  );
}

const bytesOf = ({ claim }: Asked): number => claim?.body?.length ?? 0;

function companionsOf(first: Asked): (next: Asked) => boolean {
  const taken = new Set(rowsOf(first));
  const grounds = new Map(groundsOf(first));
  let bytes = bytesOf(first);
  return (next) => {
    if (next.shapeKey !== first.shapeKey || bytes + bytesOf(next) > BODY_BYTES_MAX) return false;
    const rows = rowsOf(next);
    if (rows.some((row) => taken.has(row) || grounds.has(row))) return false;
    const own = groundsOf(next);
    const isMoved = ([row, version]: (typeof own)[number]): boolean =>
      taken.has(row) || (grounds.get(row) ?? version) !== version;
    if (own.some(isMoved)) return false;
    for (const row of rows) taken.add(row);
    for (const [row, version] of own) grounds.set(row, version);
    bytes += bytesOf(next);
    return true;
  };
}

function written(database: Database, asked: readonly Asked[]): () => Promise<boolean[]> {
  const [first] = asked;
  if (first === undefined) throw new Error("nothing to write");
  const mostRows = asked.reduce((sum, one) => sum + one.mostRows, 0);
  const bodies = asked.map(({ claim }) => claim?.body ?? new Uint8Array(0));
  const parameter = toStorableJson(parameterOf(asked));
  const values = first.shape.claimsEvent ? [parameter, Buffer.concat(bodies)] : [parameter];
  const text = textOf(first, mostRows);
  return async () => {
    const rows = await database.query<{ p: number; ok: boolean }>(text, values);
    const done = asked.map(() => false);
    for (const { p, ok } of rows) done[p] = ok;
    return done;
  };
}

type ListsByTable = Record<string, unknown[][]>;

/** The rows of all plans, each kind in a list of its own; `p` tells a row's plan. */
function parameterOf(asked: readonly Asked[]) {
  const plans: unknown[][] = [];
  const events: unknown[][] = [];
  const attempts: unknown[][] = [];
  const completes: unknown[][] = [];
  const discards: unknown[][] = [];
  const [inserts, updates]: [ListsByTable, ListsByTable] = [{}, {}];
  const [locks, absences]: [ListsByTable, ListsByTable] = [{}, {}];
  const gather = (into: ListsByTable, tables: object, p: number, as?: "locks"): void => {
    for (const [table, rows] of Object.entries(tables) as [PlanTable, object[]][]) {
      into[table] ??= [];
      for (const row of rows) into[table].push(listed(as ?? table, row, p));
    }
  };
  let from = 1; // as substr counts
  for (const [p, { plan, claim, locks: locked }] of asked.entries()) {
    const count = Object.values(locked).reduce((sum, rows) => sum + rows.length, 0);
    const bytes = claim?.body?.length ?? 0;
    const { headers, event } = claim ?? {};
    plans.push(listed("plans", { locked: count, eventId: event?.id, headers, from, bytes }, p));
    from += bytes;
    if (claim !== null) {
      events.push(listed("events", claim.event, p));
      attempts.push(listed("attempts", claim.attempt, p));
    }
    gather(inserts, plan.inserts, p);
    gather(updates, plan.updates, p);
    gather(locks, locked, p, "locks");
    gather(absences, plan.absences, p);
    for (const id of plan.completes) completes.push(listed("ids", { id }, p));
    for (const id of plan.discards) discards.push(listed("ids", { id }, p));
  }
  return { plans, events, attempts, inserts, updates, locks, absences, completes, discards };
}
