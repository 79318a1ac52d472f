import type { PolicyInput } from "../schema.js";
import { paymentDefaults } from "./payments.js";
import { runbook } from "./runbook.js";

export const brainbytes: PolicyInput = {
  ...runbook,
  name: "brainbytes",
  timeZone: "Asia/Manila",
  payments: { ...paymentDefaults, timeZone: "Asia/Manila", currency: "PHP" },
};
