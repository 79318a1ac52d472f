import type { Instant } from "./time.js";

/**
 * One line of the audit trail: who did what to which of our objects, because of which event.
 * Opaque ids only, so that erasing a person keeps the trail whole.
 */
export interface AuditEntry {
  id: string;
  at: Instant;
  /** `object.past_participle`: `payment.marked_succeeded`. */
  action: string;
  /** `source:stripe`, `system:sweep`, `operator:anna`, `admin`. */
  actor: string;
  /** The id of the object. */
  subject: string;
  eventId: string | null;
  /** Before and after, a reason, a vendor's id; no personal data. */
  details: Record<string, string | number | boolean | null>;
}

/** The trail itself as the subject of an entry, and what is written before any of it leaves the database. */
export const AUDIT_TRAIL = "audit_trail";
export const AUDIT_ARCHIVED = "audit.archived";
