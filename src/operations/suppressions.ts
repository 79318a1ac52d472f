import type { Ids } from "../domain/ids.js";
import type { Suppression, SuppressionReason } from "../domain/notice.js";
import { PlanBuilder } from "../domain/plan.js";
import type { Clock } from "../domain/time.js";
import { apply } from "../store/apply.js";
import type { Database } from "../store/database.js";
import { load, read } from "../store/load.js";
import { recipientHash } from "../store/recipient-hash.js";
import { deleteSuppressions } from "../store/suppressions.js";
import { untilStill } from "../store/until-still.js";

export interface SuppressionDeps {
  database: Database;
  clock: Clock;
  ids: Ids;
}

/** Of an operator, who knows the address; it is hashed here and goes no further. */
export interface SuppressionRequest {
  email: string;
  /** Why, for the audit trail. */
  because: string;
  actor: string;
}

/** Of an address: what holds, and whether mail that its reader is owed, and other mail, would be sent. */
export interface SuppressionState {
  suppressions: Suppression[];
  sends: { transactional: boolean; other: boolean };
}

type Added = SuppressionRequest & { reason: "manual" | "unsubscribed" };
/** Without a reason: for whatever it is there. */
type Removed = SuppressionRequest & { reason?: SuppressionReason | undefined };

/** What an operator may do to the list, both safe to repeat. */
export interface SuppressionOperations {
  addSuppression(request: Added): Promise<Suppression>;
  removeSuppressions(request: Removed): Promise<Suppression[]>;
  checkSuppression(email: string): Promise<SuppressionState>;
}

async function kept(database: Database, hash: string): Promise<Suppression[]> {
  const { rows } = await load(database, {
    rows: read("suppression", "t.recipient_hash = ?", [hash], { orderBy: "t.id" }),
  });
  return rows;
}

/** @throws Transient when the database is not to be had. */
export async function checkSuppression(
  email: string,
  { database }: Pick<SuppressionDeps, "database">,
): Promise<SuppressionState> {
  const suppressions = await kept(database, recipientHash(email));
  return {
    suppressions,
    sends: {
      transactional: suppressions.every(({ reason }) => reason === "unsubscribed"),
      other: suppressions.length === 0,
    },
  };
}

/**
 * Puts a recipient on the list for a reason. Doing it again changes nothing and is not told twice.
 *
 * @returns the row as it stands, and whether it is new.
 * @throws Transient when the database is not to be had.
 */
export function suppress(
  who: { hash: string; reason: SuppressionReason },
  said: { actor: string; details: Readonly<Record<string, string>> },
  { database, clock, ids }: SuppressionDeps,
): Promise<{ suppression: Suppression; isNew: boolean }> {
  const { hash, reason } = who;
  return untilStill("the suppression", async () => {
    const known = (await kept(database, hash)).find((row) => row.reason === reason);
    if (known !== undefined) return { suppression: known, isNew: false };
    const now = clock.now();
    const id = ids.next("suppression");
    const suppression = { id, recipientHash: hash, reason, eventId: null, createdAt: now };
    const requestId = ids.next("request");
    const plan = new PlanBuilder({ now, ids, actor: said.actor, eventId: null, requestId })
      .insert("suppression", suppression)
      .audit("suppression.added", id, { reason, ...said.details });
    await apply(database, plan.build()); // moved: somebody else put it there meanwhile
    return { suppression, isNew: true };
  });
}

/** `manual` stops all mail to the address, `unsubscribed` only what one may do without. */
export async function addSuppression(
  { email, because, actor, reason }: Added,
  deps: SuppressionDeps,
): Promise<Suppression> {
  const who = { hash: recipientHash(email), reason };
  return (await suppress(who, { actor, details: { because } }, deps)).suppression;
}

/**
 * Takes an address off the list, for one reason or for all. Of one that is not there nothing is done or told.
 *
 * @returns what was taken off.
 */
export async function removeSuppressions(
  {
    email,
    because,
    actor,
    reason,
  }: SuppressionRequest & { reason?: SuppressionReason | undefined },
  { database, clock, ids }: SuppressionDeps,
): Promise<Suppression[]> {
  const all = await kept(database, recipientHash(email));
  const chosen = all.filter((row) => reason === undefined || row.reason === reason);
  const entries = chosen.map((row) => ({
    id: ids.next("audit"),
    at: clock.now(),
    action: "suppression.removed",
    actor,
    subject: row.id,
    eventId: null,
    details: { reason: row.reason, because },
  }));
  const gone = await deleteSuppressions(database, entries);
  return chosen.filter(({ id }) => gone.includes(id));
}
