import type { AttemptRow, EventRow } from "../domain/event.js";
import type { Plan } from "../domain/plan.js";
import { toStorableJson } from "./clean.js";
import type { Database } from "./database.js";
import { type BodyOf, locksOf, type Shape, shapeOf, statementOf } from "./statement.js";

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

const texts = new Map<string, string>();

function textOf(shape: Shape): string {
  const key = JSON.stringify(shape);
  const known = texts.get(key);
  if (known !== undefined) return known;
  const text = statementOf(shape);
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
  shape.inserts.length + shape.updates.length + shape.locks.length === 0;

/**
 * Writes all of a plan or none of it, in one statement. With a claim, nothing is written unless the
 * event is still runnable and still the row that was loaded.
 *
 * @returns false when the event could not be claimed: it is finished, or another worker made it first.
 * @throws Moved when a row changed since it was read, or one that was thought absent has appeared.
 */
export async function apply(
  database: Database,
  plan: Plan,
  claim: EventClaim | null = null,
): Promise<boolean> {
  const locks = locksOf(plan);
  const locked = Object.values(locks).reduce((sum, rows) => sum + rows.length, 0);
  const { inserts, updates, completes, discards } = plan;
  const shape = shapeOf(plan, claim === null ? null : bodyOf(claim));
  if (isEmpty(shape)) return true; // nothing to write, and a statement would have no use for its parameter
  const parameter = toStorableJson({
    inserts,
    updates,
    completes,
    discards,
    locks,
    locked,
    ...(claim === null
      ? {}
      : { event: claim.event, headers: claim.headers, attempt: claim.attempt }),
  });
  const text = textOf(shape);
  const values = claim === null ? [parameter] : [parameter, Buffer.from(claim.body ?? [])];
  const rows = await database.query<{ ok: boolean }>(text, values);
  return rows[0]?.ok === true;
}
