import type { PaymentPolicy } from "../payments.js";

/** What a platform means by its payments where it does not say otherwise. */
export const paymentDefaults: PaymentPolicy = {
  metadataKeys: {
    user: ["userId", "user_id", "userRef", "user"],
    package: ["package", "packageId", "package_id", "plan"],
    order: ["orderId", "order_id", "order"],
    locale: ["locale", "language"],
  },
  packageOf: {},
  defaultPackage: "standard",
  defaultMonths: null,
  monthsOf: {},
  fullRefund: "revoke",
  partialRefund: "keep",
  lostDispute: "revoke",
  openDispute: "keep",
  canceledSubscription: "at_period_end",
  graceDays: 7,
  warnDays: [14, 3],
  defaultLocale: "en",
  timeZone: "UTC",
  currency: "USD",
};
