import type { EntitlementDecision } from "../domain/entitlement.js";
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
  for (const row of expects) {
    // What comes after a row changes it too: who decides of that row at the same time, and has not seen this one, has to look again.
    const isFollowed = inserts.some(
      ({ userRef, packageRef }) => userRef === row.userRef && packageRef === row.packageRef,
    );
    if (isFollowed) plan.update("entitlement", row, {});
    else plan.expect("entitlement", row);
  }
  for (const change of changes) {
    const { packageRef, startsAt, endsAt, id } = change.entitlement;
    const details = { package: packageRef, because: change.cause, startsAt, endsAt };
    plan.audit(`entitlement.${change.kind}`, id, details);
    if (tellsPlatform === true) plan.notify(platformNotice(change));
  }
}
