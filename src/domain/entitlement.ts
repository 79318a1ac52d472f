import { isFullyRefunded, type Payment } from "./payment.js";
import type { Instant } from "./time.js";

/** What a payment without a named package buys. */
export const DEFAULT_PACKAGE = "standard";

/** What one payment gives one user. One row per payment, so that two payments never make one vanish. */
export interface Entitlement {
  id: string;
  paymentId: string;
  account: string;
  livemode: boolean;
  userRef: string;
  packageRef: string;
  status: "active" | "revoked";
  grantedAt: Instant;
  revokedAt: Instant | null;
  updatedAt: Instant;
  version: number;
}

/** What the payment, as it is now, entitles to; null while "paid" or "who" is not known. */
export function entitledBy(
  payment: Payment,
): Pick<Entitlement, "userRef" | "packageRef" | "status"> | null {
  if (payment.state !== "succeeded" || payment.userRef === null) return null;
  return {
    userRef: payment.userRef,
    packageRef: payment.packageRef ?? DEFAULT_PACKAGE,
    status: isFullyRefunded(payment) ? "revoked" : "active",
  };
}
