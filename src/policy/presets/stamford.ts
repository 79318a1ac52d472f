import type { PolicyInput } from "../schema.js";
import { paymentDefaults } from "./payments.js";
import { runbook } from "./runbook.js";

export const stamford: PolicyInput = {
  ...runbook,
  name: "stamford",
  timeZone: "America/New_York",
  payments: { ...paymentDefaults, timeZone: "America/New_York" },
};
