import type { PolicyName } from "../names.js";
import { type Policy, type PolicyInput, policySchema } from "../schema.js";
import { aiGurus } from "./ai-gurus.js";
import { brainbytes } from "./brainbytes.js";
import { runbook } from "./runbook.js";
import { stamford } from "./stamford.js";
import { tbat } from "./tbat.js";

/** As they are written, without what has a default. */
export const PRESETS: Readonly<Record<PolicyName, PolicyInput>> = {
  tbat,
  "ai-gurus": aiGurus,
  brainbytes,
  stamford,
  runbook,
};

const read = new Map<PolicyName, Policy>();

/** The platform's policy, whole; the same object each time. */
export function presetOf(name: PolicyName): Policy {
  const known = read.get(name) ?? policySchema.parse(PRESETS[name]);
  read.set(name, known);
  return known;
}
