import type { PolicyInput } from "../schema.js";
import { paymentDefaults } from "./payments.js";
import { runbook } from "./runbook.js";

export const aiGurus: PolicyInput = { ...runbook, name: "ai-gurus", payments: paymentDefaults };
