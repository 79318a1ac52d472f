import type { Ids } from "./ids.js";
import type { Instant } from "./time.js";

export const ENTITLEMENT_STATUSES = ["active", "expired", "revoked"] as const;
export type EntitlementStatus = (typeof ENTITLEMENT_STATUSES)[number];

/** What an entitlement comes from: a payment, or a subscription, of which there is one entitlement each. */
export type Origin = { paymentId: string } | { subscriptionId: string };

/**
 * What one payment or subscription gives one user: a row each, so that two never overwrite each other. `active` is
 * in force while now is in [startsAt, endsAt); one that waits for another to end is active and starts later.
 */
export interface Entitlement {
  id: string;
  account: string;
  livemode: boolean;
  userRef: string;
  packageRef: string;
  /** Of this user's for this package: unique, so that two that are granted at once notice each other. */
  ordinal: number;
  /** One of these two is set. */
  paymentId: string | null;
  subscriptionId: string | null;
  /** What the gateway calls the payment or subscription: it orders what was paid at one moment. */
  originRef: string;
  status: EntitlementStatus;
  /** When it was granted here; `paidAt` is when it was paid, and orders the windows. */
  grantedAt: Instant;
  paidAt: Instant;
  startsAt: Instant;
  /** Null: never. */
  endsAt: Instant | null;
  /** How long a payment lasts; null is forever, and for a subscription, whose end is its own period's. */
  months: number | null;
  /** The last reminder that was planned, as days before the end; null: none for this end yet. */
  warnedDays: number | null;
  revokedAt: Instant | null;
  revokedBecause: string | null;
  updatedAt: Instant;
  version: number;
}

/** What a payment or subscription gives as it is now. */
export interface Grant {
  origin: Origin;
  originRef: string;
  account: string;
  livemode: boolean;
  userRef: string;
  packageRef: string;
  /** Of a subscription when it began. */
  paidAt: Instant;
  /** Of a payment; null is forever. */
  months: number | null;
  /** Of a subscription, grace included; null is open. */
  endsAt: Instant | null;
  /** Why it gives nothing any more; null while it does. */
  revoked: string | null;
}

export type ChangeKind =
  | "granted"
  /** It was revoked before it was ever granted. */
  | "withheld"
  /** Its window moved. */
  | "changed"
  | "revoked"
  | "restored"
  | "expired";

/** What changed for a user, each to be told once. */
export interface EntitlementChange {
  kind: ChangeKind;
  /** As it is after the change; of one that went to somebody else, as its former user sees it. */
  entitlement: Entitlement;
  /** What its user has of its package now, from whatever. */
  access: Access;
  /** One word: `paid`, `subscribed`, `moved`, `rescheduled`, `ended`, or why it was revoked. */
  cause: string;
}

/** Whether a user has a package, and until when without a gap; null is forever, or not at all. */
export interface Access {
  active: boolean;
  endsAt: Instant | null;
}

export interface EntitlementDecision {
  inserts: Entitlement[];
  updates: { before: Entitlement; patch: Partial<Entitlement> }[];
  /** Rows that the windows were computed from, and that say the same afterwards. */
  expects: Entitlement[];
  changes: EntitlementChange[];
}

export interface EntitlementFacts {
  grants: readonly Grant[];
  /** Origins that turned out to give nothing at all, and to nobody. */
  withdrawn?: readonly Origin[];
  /**
   * All rows of each user and package that a grant names; all rows of these origins, and where one of those is of
   * another user or package all of that one's too. Rows that are missing here would be laid over each other.
   */
  rows: readonly Entitlement[];
}

type Terms = Omit<Grant, "account" | "livemode">;
interface Item {
  before: Entitlement | null;
  terms: Terms;
  account: string;
  livemode: boolean;
}
interface Window {
  startsAt: Instant;
  endsAt: Instant | null;
}

/**
 * Folds grants into the rows. What comes out depends on what was granted and not on the order in which it came:
 * payments for one user and package that last for some months are laid end to end, in the order in which they were
 * paid; when one is revoked, the later ones move up. Months are counted from the beginning of such a run, so that two
 * of six are a year, also where a month is short. What lasts forever, and a subscription, whose period is its own,
 * stand beside the run. Applying the decision twice changes nothing the second time.
 */
export function decideEntitlements(
  { grants, withdrawn = [], rows }: EntitlementFacts,
  { ids, now }: { ids: Ids; now: Instant },
): EntitlementDecision {
  const runs = new Map<string, Item[]>();
  for (const item of itemsOf(grants, withdrawn, rows)) {
    const { account, livemode, terms } = item;
    const key = keyOf({ account, livemode, userRef: terms.userRef, packageRef: terms.packageRef });
    runs.set(key, [...(runs.get(key) ?? []), item]);
  }
  const moves = [...runs].flatMap(([key, run]) => {
    const taken = rows.filter((row) => keyOf(row) === key).map(({ ordinal }) => ordinal);
    return movesOf(run, { ids, now, ordinal: Math.max(0, ...taken) });
  });
  const decision: EntitlementDecision = { inserts: [], updates: [], expects: [], changes: [] };
  for (const move of moves) {
    decideRow(move, decision);
    for (const change of changesOf(move)) {
      const { entitlement } = change;
      const same = moves.flatMap(({ next }) => (isOfSame(next, entitlement) ? [next] : []));
      decision.changes.push({ access: accessOf(same, now), ...change });
    }
  }
  return decision;
}

/** What a user has of a package, from all their entitlements for it. */
export function accessOf(rows: readonly Entitlement[], now: Instant): Access {
  const windows = rows.filter((row) => row.status === "active");
  let until = now;
  for (const { startsAt, endsAt } of windows.sort((a, b) => a.startsAt - b.startsAt)) {
    if (startsAt > until) break;
    if (endsAt === null) return { active: true, endsAt: null };
    until = Math.max(until, endsAt);
  }
  return until > now ? { active: true, endsAt: until } : { active: false, endsAt: null };
}

/** True for two entitlements of one user for one package. */
export const isOfSame = (a: Key, b: Key): boolean => keyOf(a) === keyOf(b);

type Key = Pick<Entitlement, "account" | "livemode" | "userRef" | "packageRef">;
const keyOf = ({ account, livemode, userRef, packageRef }: Key): string =>
  JSON.stringify([account, livemode, userRef, packageRef]);

export const originKey = (origin: Origin): string =>
  "paymentId" in origin ? `payment ${origin.paymentId}` : `subscription ${origin.subscriptionId}`;

export function originOf(row: Pick<Entitlement, "paymentId" | "subscriptionId">): Origin {
  const { paymentId, subscriptionId } = row;
  if (paymentId !== null) return { paymentId };
  return { subscriptionId: subscriptionId ?? "" };
}

function termsOf(row: Entitlement): Terms {
  const { originRef, userRef, packageRef, paidAt, months, endsAt } = row;
  const revoked = row.status === "revoked" ? (row.revokedBecause ?? "refunded") : null;
  return { origin: originOf(row), originRef, userRef, packageRef, paidAt, months, endsAt, revoked };
}

function itemsOf(
  grants: readonly Grant[],
  withdrawn: readonly Origin[],
  rows: readonly Entitlement[],
): Item[] {
  const items = new Map<string, Item>();
  for (const row of rows) {
    const { account, livemode } = row;
    const item = { before: row, terms: termsOf(row), account, livemode };
    items.set(originKey(originOf(row)), item);
  }
  for (const { account, livemode, ...terms } of grants) {
    const key = originKey(terms.origin);
    items.set(key, { before: items.get(key)?.before ?? null, terms, account, livemode });
  }
  for (const origin of withdrawn) {
    const item = items.get(originKey(origin));
    if (item !== undefined)
      item.terms = { ...item.terms, revoked: item.terms.revoked ?? "withdrawn" };
  }
  return [...items.values()].sort(inOrder);
}

/** By when they were paid; of one moment by what the gateway calls them: our own ids know only the order of arrival. */
function inOrder({ terms: a }: Item, { terms: b }: Item): number {
  if (a.paidAt !== b.paidAt) return a.paidAt - b.paidAt;
  const [first, second] = [a.originRef + originKey(a.origin), b.originRef + originKey(b.origin)];
  return first < second ? -1 : 1;
}

/** A row as it was and as it is to be. */
interface Move {
  before: Entitlement | null;
  next: Entitlement;
}

/** @param ordinal the last one that is taken: one that leaves in this very plan keeps its own until it has left. */
function movesOf(
  run: readonly Item[],
  { ids, now, ordinal }: { ids: Ids; now: Instant; ordinal: number },
): Move[] {
  const windows = windowsOf(run.map(({ terms }) => terms));
  let last = ordinal;
  return run.map(({ before, terms, account, livemode }, index) => {
    const { origin, revoked, endsAt: _, ...kept } = terms;
    const window = windows[index] ?? windowAlone(terms);
    const stays = before?.userRef === terms.userRef && before.packageRef === terms.packageRef;
    if (!stays) last += 1;
    const next: Entitlement = {
      id: before?.id ?? ids.next("entitlement"),
      account,
      livemode,
      ...kept,
      ordinal: stays ? before.ordinal : last,
      paymentId: "paymentId" in origin ? origin.paymentId : null,
      subscriptionId: "subscriptionId" in origin ? origin.subscriptionId : null,
      status: statusOf(before, window, revoked, now),
      grantedAt: before?.grantedAt ?? now,
      ...window,
      warnedDays: before?.endsAt === window.endsAt ? before.warnedDays : null,
      revokedAt: revoked === null ? null : (before?.revokedAt ?? now),
      revokedBecause: revoked,
      updatedAt: now,
      version: before === null ? 0 : before.version + 1,
    };
    return { before, next };
  });
}

/** Of all that are live and last for some months, one run after the other; anything else by itself. */
function windowsOf(run: readonly Terms[]): Window[] {
  let from: Instant = 0;
  let months = 0;
  let end = Number.NEGATIVE_INFINITY;
  return run.map((terms) => {
    const { paidAt } = terms;
    if (terms.months === null || terms.revoked !== null) return windowAlone(terms);
    if (paidAt >= end) [from, months, end] = [paidAt, 0, paidAt];
    const startsAt = end;
    months += terms.months;
    end = addMonths(from, months);
    return { startsAt, endsAt: end };
  });
}

/** What a revoked one would have had: it does not depend on what else there was when it was revoked. */
function windowAlone({ origin, paidAt, months, endsAt }: Terms): Window {
  if ("subscriptionId" in origin) return { startsAt: paidAt, endsAt };
  return { startsAt: paidAt, endsAt: months === null ? null : addMonths(paidAt, months) };
}

/**
 * The same day and time of day so many calendar months later, in UTC, as the gateway counts its periods; where that
 * month has no such day its last: 31 August and six months is 28 or 29 February.
 */
export function addMonths(at: Instant, months: number): Instant {
  const from = new Date(at);
  const month = from.getUTCMonth() + months;
  const days = new Date(Date.UTC(from.getUTCFullYear(), month + 1, 0)).getUTCDate();
  const day = Math.min(from.getUTCDate(), days);
  const midnight = Date.UTC(from.getUTCFullYear(), from.getUTCMonth(), from.getUTCDate());
  return Date.UTC(from.getUTCFullYear(), month, day) + (at - midnight);
}

/** That an end has come is the sweep's to say, which tells the user; only of a window that is moved it is said here. */
function statusOf(
  before: Entitlement | null,
  { startsAt, endsAt }: Window,
  revoked: string | null,
  now: Instant,
): EntitlementStatus {
  if (revoked !== null) return "revoked";
  const moved = before?.startsAt !== startsAt || before.endsAt !== endsAt;
  if (before !== null && !moved && before.status !== "revoked") return before.status;
  return endsAt !== null && endsAt <= now ? "expired" : "active";
}

const DECIDED = [
  "userRef",
  "packageRef",
  "originRef",
  "status",
  "paidAt",
  "startsAt",
  "endsAt",
  "months",
  "revokedBecause",
] as const satisfies readonly (keyof Entitlement)[];

function decideRow({ before, next }: Move, decision: EntitlementDecision): void {
  if (before === null) decision.inserts.push(next);
  else if (DECIDED.every((field) => before[field] === next[field])) decision.expects.push(before);
  else {
    const { id: _id, version: _version, ...patch } = next;
    decision.updates.push({ before, patch });
  }
}

type Change = Omit<EntitlementChange, "access">;

function changesOf({ before, next }: Move): Change[] {
  if (before === null) return [newChange(next)];
  if (!isOfSame(before, next)) {
    const { userRef, packageRef, ordinal, startsAt, endsAt } = before;
    const left = { userRef, packageRef, ordinal, startsAt, endsAt };
    const gone: Entitlement = { ...next, ...left, status: "revoked", revokedAt: next.updatedAt };
    const lost: Change = { kind: "revoked", entitlement: gone, cause: "moved" };
    return [...(before.status === "active" ? [lost] : []), newChange(next)];
  }
  const change = (kind: ChangeKind, cause: string) => [{ kind, entitlement: next, cause }];
  if (before.status !== next.status) {
    if (next.status === "revoked") return change("revoked", next.revokedBecause ?? "withdrawn");
    if (next.status === "expired") return change("expired", "ended");
    if (before.status === "revoked") return change("restored", "restored");
    return change("changed", "rescheduled");
  }
  const moved = before.startsAt !== next.startsAt || before.endsAt !== next.endsAt;
  return moved && next.status !== "revoked" ? change("changed", "rescheduled") : [];
}

function newChange(next: Entitlement): Change {
  const { status, revokedBecause, paymentId } = next;
  if (status === "revoked") {
    return { kind: "withheld", entitlement: next, cause: revokedBecause ?? "withdrawn" };
  }
  if (status === "expired") return { kind: "expired", entitlement: next, cause: "ended" };
  const cause = paymentId === null ? "subscribed" : "paid";
  return { kind: "granted", entitlement: next, cause };
}

/** True while it gives access: what waits for another to end does not yet, what is past its end not any more. */
export const isInForce = (
  { status, startsAt, endsAt }: Pick<Entitlement, "status" | "startsAt" | "endsAt">,
  now: Instant,
): boolean => status === "active" && startsAt <= now && (endsAt === null || now < endsAt);
