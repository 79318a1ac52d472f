import type { Maintenance } from "../../src/domain/incident.js";
import { runbook } from "../../src/policy/presets/runbook.js";
import { type Policy, type PolicyInput, policySchema } from "../../src/policy/schema.js";

/** A policy of the schema that differs from the default platform's in the given parts only. */
export const policyWith = (parts: Partial<PolicyInput> = {}): Policy =>
  policySchema.parse({ ...runbook, ...parts });

export const at = (text: string): number => {
  const found = Date.parse(text);
  if (Number.isNaN(found)) throw new Error(`${text} is no time`);
  return found;
};

export const planned = (parts: Partial<Maintenance>): Maintenance => ({
  id: "mnt_1",
  rule: null,
  title: "New database",
  services: [],
  startsAt: 0,
  endsAt: 1,
  noticeAt: null,
  announcedAt: null,
  status: "scheduled",
  createdBy: "operator:anna",
  begunAt: null,
  endedAt: null,
  outcome: null,
  createdAt: 0,
  updatedAt: 0,
  version: 0,
  ...parts,
});
