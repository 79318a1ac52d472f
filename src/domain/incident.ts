import type { SignalKind, SignalLevel } from "./facts.js";
import type { Severity } from "./severity.js";
import type { Instant } from "./time.js";

/** open → acknowledged → resolved. A signal after the end opens a new incident. */
export type IncidentStatus = "open" | "acknowledged" | "resolved";

/** One outage is one incident. Its row changes at a transition only; signals and entries are inserts. */
export interface Incident {
  id: string;
  groupKey: string;
  /** The n-th of its group, from 1; unique, because it is decided on there being none later. */
  ordinal: number;
  kind: SignalKind;
  title: string;
  /** Null while only an end or an acknowledgement of it has come: its beginning names it. */
  service: string | null;
  environment: string | null;
  /** Trouble of this very deployment: told up to a cap, or telling of it would feed it. */
  ours: boolean;
  severity: Severity;
  status: IncidentStatus;
  url: string | null;
  openedAt: Instant;
  acknowledgedAt: Instant | null;
  acknowledgedBy: string | null;
  resolvedAt: Instant | null;
  resolvedBy: string | null;
  createdAt: Instant;
  updatedAt: Instant;
  version: number;
}

/** One event's word on an incident. */
export interface Signal {
  id: string;
  incidentId: string;
  eventId: string;
  kind: "raised" | "acknowledged" | "resolved";
  level: SignalLevel | null;
  title: string;
  occurredAt: Instant;
}

/** A line of an incident's timeline. */
export interface IncidentEntry {
  id: string;
  incidentId: string;
  at: Instant;
  text: string;
}
