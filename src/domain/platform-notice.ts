import type { ChangeKind, EntitlementChange } from "./entitlement.js";
import type { TemplateData } from "./notice-templates.js";
import type { NoticeRequest } from "./plan.js";

type Type = TemplateData["entitlement-changed"]["type"];

/** A restored one is granted to an application that knows only whether its user has the package. */
const TYPES: Readonly<Record<ChangeKind, Type>> = {
  granted: "entitlement.granted",
  restored: "entitlement.granted",
  changed: "entitlement.changed",
  revoked: "entitlement.revoked",
  withheld: "entitlement.revoked",
  expired: "entitlement.expired",
};

/**
 * The word of a change to the platform's own application. Its cause is the row's version after the change: whoever
 * decides on the same rows again gives it the same cause, and a change back to what was before is told too.
 */
export function platformNotice(change: EntitlementChange): NoticeRequest {
  const { kind, entitlement, access, cause } = change;
  const data = {
    type: TYPES[kind],
    at: entitlement.updatedAt,
    entitlementId: entitlement.id,
    version: entitlement.version,
    livemode: entitlement.livemode,
    account: entitlement.account,
    userId: entitlement.userRef,
    package: entitlement.packageRef,
    status: entitlement.status,
    startsAt: entitlement.startsAt,
    endsAt: entitlement.endsAt,
    ordinal: entitlement.ordinal,
    cause,
    accessActive: access.active,
    accessEndsAt: access.endsAt,
  } satisfies TemplateData["entitlement-changed"];
  return {
    channel: "platform",
    template: "entitlement-changed",
    cause: `entitlement:${entitlement.id} v${entitlement.version} ${kind}`,
    recipient: "platform",
    locale: "en",
    data,
  };
}
