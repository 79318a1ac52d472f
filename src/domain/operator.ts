import type { Instant } from "./time.js";

/** In the order of what they may: each may also what those before it may. */
export const ROLES = ["read", "operator", "approver"] as const;

/**
 * `read`: ask what a user is entitled to, nothing else; for the platform's own application.
 * `operator`: all of the admin API. `approver`: also approve what another person has proposed.
 */
export type Role = (typeof ROLES)[number];

/** True when who has `role` may do what `needed` may. */
export const maySame = (role: Role, needed: Role): boolean =>
  ROLES.indexOf(role) >= ROLES.indexOf(needed);

/** A person or program that may act here. The key itself is kept nowhere, only its hash. */
export interface ApiKey {
  id: string;
  /** Of one key at a time, because the audit trail says it. */
  name: string;
  role: Role;
  /** SHA-256 in hex. The key is 256 bits of chance, so no slow hash is needed to keep it from guessing. */
  keyHash: string;
  createdBy: string;
  createdAt: Instant;
  /** Written once an hour at most. */
  lastUsedAt: Instant | null;
  revokedBy: string | null;
  revokedAt: Instant | null;
  version: number;
}

/** Who asks, as far as a request has shown. */
export interface Caller {
  /** As the audit trail says it: `operator:anna`; `admin` for the token of the environment. */
  actor: string;
  role: Role;
}

/** The bootstrap token of the environment. It may all but approve: what needs two people needs named ones. */
export const ADMIN: Caller = Object.freeze({ actor: "admin", role: "operator" });

/** Whatever its role: an approver who acts is an operator, and a name is what tells people apart. */
export const callerOf = ({ name, role }: Pick<ApiKey, "name" | "role">): Caller => ({
  actor: `operator:${name}`,
  role,
});
