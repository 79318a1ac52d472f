import { type Access, accessOf, type Entitlement, type EntitlementChange } from "./entitlement.js";
import { DAY_MS, type Instant } from "./time.js";

export interface Reminder {
  entitlement: Entitlement;
  /** Days before the end: the last step of the policy that has been reached. */
  days: number;
}

export interface ExpiryDecision {
  updates: { before: Entitlement; patch: Partial<Entitlement> }[];
  expects: Entitlement[];
  changes: EntitlementChange[];
  /** The user has lost the package: the one that ended last; null while they have it by another. */
  lost: Entitlement | null;
  /** Of the package's end, and of no other's: what is followed by another one is not the user's concern. */
  reminder: Reminder | null;
}

/**
 * What the time has made of all that one user has for one package: ends that have come, and the one reminder that is due.
 * The rows keep what was decided, so that the next look finds nothing.
 *
 * @param warnDays of the policy. Steps that were missed are not made up for. A subscription renews itself, or was
 *   canceled by its user: it ends without a reminder.
 */
export function decideExpiry(
  rows: readonly Entitlement[],
  { now, warnDays }: { now: Instant; warnDays: readonly number[] },
): ExpiryDecision {
  const decision: ExpiryDecision = {
    ...{ updates: [], expects: [], changes: [], lost: null, reminder: null },
  };
  const isOver = (row: Entitlement): boolean =>
    row.status === "active" && row.endsAt !== null && row.endsAt <= now;
  const after = rows.map(
    (row): Entitlement =>
      isOver(row) ? { ...row, status: "expired", updatedAt: now, version: row.version + 1 } : row,
  );
  const access = accessOf(after, now);
  for (const [i, before] of rows.entries()) {
    const next = after[i] ?? before;
    const days = isOver(before) ? null : stepOf(before, access, { now, warnDays });
    if (isOver(before)) {
      const { status, updatedAt } = next;
      decision.updates.push({ before, patch: { status, updatedAt } });
      decision.changes.push({ kind: "expired", entitlement: next, access, cause: "ended" });
      if (!access.active && (next.endsAt ?? 0) >= (decision.lost?.endsAt ?? 0))
        decision.lost = next;
    } else if (days !== null) {
      decision.updates.push({ before, patch: { warnedDays: days, updatedAt: now } });
      const entitlement = { ...before, version: before.version + 1 };
      decision.reminder ??= { entitlement, days };
    } else decision.expects.push(before);
  }
  return decision;
}

function stepOf(
  { paymentId, status, endsAt, warnedDays }: Entitlement,
  access: Access,
  { now, warnDays }: { now: Instant; warnDays: readonly number[] },
): number | null {
  if (paymentId === null || status !== "active" || endsAt === null) return null;
  if (access.endsAt !== endsAt) return null;
  const reached = warnDays.filter((days) => endsAt - now <= days * DAY_MS);
  const step = Math.min(...reached);
  return reached.length > 0 && (warnedDays === null || warnedDays > step) ? step : null;
}
