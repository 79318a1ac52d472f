import type { PolicyInput } from "../schema.js";
import { paymentDefaults } from "./payments.js";
import { runbook } from "./runbook.js";

export const tbat: PolicyInput = {
  ...runbook,
  name: "tbat",
  timeZone: "Asia/Bangkok",
  payments: {
    ...paymentDefaults,
    defaultPackage: "ADVANCED",
    monthsOf: { ADVANCED: 6 },
    defaultLocale: "th",
    timeZone: "Asia/Bangkok",
    currency: "THB",
  },
};
