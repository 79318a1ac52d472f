import { type Entitlement, type EntitlementDecision, isOfSame } from "../domain/entitlement.js";
import type { PlanBuilder } from "../domain/plan.js";
import { platformNotice } from "../domain/platform-notice.js";

/** Writes what was decided of entitlements: the rows, and of each change an audit entry and, if it is told, the platform. */
export function planEntitlements(
  plan: PlanBuilder,
  { inserts, updates, expects, changes }: EntitlementDecision,
  { tellsPlatform }: { tellsPlatform?: boolean },
): void {
  for (const row of inserts) plan.insert("entitlement", row);
  for (const { before, patch } of updates) plan.update("entitlement", before, patch);
  const joined = joinedBy({ inserts, updates, expects });
  for (const row of expects) {
    if (joined.has(row)) plan.update("entitlement", row, {});
    else plan.expect("entitlement", row);
  }
  for (const change of changes) {
    const { packageRef, startsAt, endsAt, id } = change.entitlement;
    const details = { package: packageRef, because: change.cause, startsAt, endsAt };
    plan.audit(`entitlement.${change.kind}`, id, details);
    if (tellsPlatform === true) plan.notify(platformNotice(change));
  }
}

/**
 * Of what a user has of a package and has now one more of, one row that was there before, unless one of them changes
 * anyway. It is written too: who decides of the same rows at the same time, and has not seen the new one, rests on it
 * and has to look again.
 */
function joinedBy({
  inserts,
  updates,
  expects,
}: Pick<EntitlementDecision, "inserts" | "updates" | "expects">): Set<Entitlement> {
  const next = updates.map(({ before, patch }) => ({ before, row: { ...before, ...patch } }));
  const moved = next.filter(({ before, row }) => !isOfSame(before, row)).map(({ row }) => row);
  const joined = new Set<Entitlement>();
  for (const one of [...inserts, ...moved]) {
    if (updates.some(({ before }) => isOfSame(before, one))) continue;
    const there = expects.find((row) => isOfSame(row, one));
    if (there !== undefined) joined.add(there);
  }
  return joined;
}
