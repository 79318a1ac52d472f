import type { SignalKind, SignalLevel } from "./facts.js";
import type { Severity } from "./severity.js";
import type { Instant } from "./time.js";

export const INCIDENT_STATUSES = ["open", "acknowledged", "resolved"] as const;
/** open → acknowledged → resolved, → open again (or acknowledged) when it comes back within the policy's window. */
export type IncidentStatus = (typeof INCIDENT_STATUSES)[number];

/** Who ended it when nobody did: its alerts are over. */
export const BY_RECOVERY = "recovery";

/**
 * One of ours has said that it is over, by the command line or the API. Where a source names somebody, or itself, it has
 * seen it end, and it may come back as what it was.
 */
export const isEndedByUs = ({ resolvedBy }: { resolvedBy: string | null }): boolean =>
  resolvedBy !== null && /^(admin$|operator:)/.test(resolvedBy);

/**
 * One outage, whatever sources speak of it: one or more alerts. Its row changes at a transition only; signals,
 * steps and entries are inserts.
 */
export interface Incident {
  /** `INC-YYYYMMDD-HHMM` of its opening on the policy's clock, with `-2`, `-3`… where that is taken. */
  id: string;
  /** What its alerts agree in, by the policy's `grouping.by`: `service=web`. */
  correlationKey: string;
  /** The n-th of its key, from 1; unique, because it is decided on there being none later. */
  ordinal: number;
  /** Of the alert that it began with. */
  kind: SignalKind;
  title: string;
  service: string;
  environment: string | null;
  /** Trouble of this very deployment: told up to a cap, or telling of it would feed it. */
  ours: boolean;
  /** About a figure or a rule of ours, no outage: only others of its kind and service join it, and users are not told. */
  aside: boolean;
  /** The worst of its alerts. */
  severity: Severity;
  /** The policy's rule that set it, and how it is told. */
  rule: string;
  route: string;
  status: IncidentStatus;
  url: string | null;
  openedAt: Instant;
  acknowledgedAt: Instant | null;
  acknowledgedBy: string | null;
  resolvedAt: Instant | null;
  resolvedBy: string | null;
  /** Since when none of its alerts is open; null while one is, also where a person has ended it all the same. */
  greenSince: Instant | null;
  /** Since when its route runs, and the how-many-eth it is: a worse alert, or its coming back, begins it anew. */
  routedAt: Instant;
  routings: number;
  reopenedAt: Instant | null;
  reopenings: number;
  /** The deployment that went to its service shortly before, and the good one before that; ids of `deployment`. */
  suspectId: string | null;
  lastGoodId: string | null;
  createdAt: Instant;
  updatedAt: Instant;
  version: number;
}

/**
 * One trouble as its source knows it: a monitor's outage, an issue, a threshold that is crossed. The source
 * says when it begins and ends; the incident ends with its last.
 */
export interface Alert {
  id: string;
  /** Null while only an end or an acknowledgement of it has come: its beginning brings the incident. */
  incidentId: string | null;
  /** The source's own name for the trouble. */
  groupKey: string;
  /** The n-th of its group, from 1; unique, because it is decided on there being none later. */
  ordinal: number;
  source: string;
  kind: SignalKind;
  level: SignalLevel | null;
  title: string;
  service: string | null;
  environment: string | null;
  severity: Severity;
  rule: string;
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

/** One event's word on an alert. */
export interface Signal {
  id: string;
  alertId: string;
  /** Null where the alert had none yet. */
  incidentId: string | null;
  eventId: string;
  kind: "raised" | "acknowledged" | "resolved";
  level: SignalLevel | null;
  title: string;
  occurredAt: Instant;
}

export const ENTRY_KINDS = ["transition", "decision", "step", "note", "check"] as const;
/** A line of an incident's timeline, beside its signals and notices. */
export interface IncidentEntry {
  id: string;
  incidentId: string;
  at: Instant;
  kind: (typeof ENTRY_KINDS)[number];
  /** `operator:anna`, `source:stripe`, `system:incidents`. */
  actor: string;
  /** A sentence for people. */
  text: string;
}

/**
 * Something that an incident's clock asked for, taken once: `page:1:0` (the first step of its first
 * routing), `users:3`, `executives`.
 * Unique by (incident, step), so that a timer that comes late, twice or out of order takes nothing twice.
 */
export interface IncidentStep {
  id: string;
  incidentId: string;
  step: string;
  takenAt: Instant;
}

/** What is owed after an incident: root cause, documents, prevention. */
export interface IncidentTask {
  id: string;
  incidentId: string;
  /** The policy's id of the task; unique within the incident. */
  task: string;
  title: string;
  role: string;
  dueAt: Instant;
  doneAt: Instant | null;
  doneBy: string | null;
  createdAt: Instant;
  version: number;
}

/** Who is told of trouble as a user: by address, in their language, of these services (empty: of all). */
export interface Subscriber {
  id: string;
  email: string;
  locale: string;
  services: readonly string[];
  createdAt: Instant;
  removedAt: Instant | null;
  version: number;
}

export const MAINTENANCE_STATUSES = [
  "scheduled",
  "begun",
  "verifying",
  "completed",
  "failed",
  "canceled",
] as const;
/** A maintenance by appointment; the policy's recurring ones are rows from their notice, or their begin, on. */
export interface Maintenance {
  id: string;
  /** Of a recurring one: the policy's id and its begin, which makes it one row; else null. */
  rule: string | null;
  title: string;
  /** Empty: all. */
  services: readonly string[];
  startsAt: Instant;
  endsAt: Instant;
  /** When users are to be told; null: they are not. */
  noticeAt: Instant | null;
  /** When they were. */
  announcedAt: Instant | null;
  status: (typeof MAINTENANCE_STATUSES)[number];
  createdBy: string;
  begunAt: Instant | null;
  endedAt: Instant | null;
  outcome: string | null;
  createdAt: Instant;
  updatedAt: Instant;
  version: number;
}

const MINUTE_PARTS = ["year", "month", "day", "hour", "minute"] as const;

const formats = new Map<string, Intl.DateTimeFormat>();

/** Made once for a zone: making one takes a millisecond, and each signal of a storm asks. */
function minuteFormat(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat("en-u-ca-gregory-nu-latn", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
  });
  formats.set(timeZone, made);
  return made;
}

/**
 * `INC-20261121-0305`: the minute of its opening on the platform's clock. `-2`, `-3`… for the further ones of a minute.
 *
 * @param last of those that opened in the same minute, the id with the highest number; null where there is none.
 */
export function incidentIdOf(openedAt: Instant, timeZone: string, last: string | null): string {
  const parts = minuteFormat(timeZone).formatToParts(openedAt);
  const [year, month, day, hour, minute] = MINUTE_PARTS.map(
    (type) => parts.find((part) => part.type === type)?.value ?? "",
  );
  const base = `INC-${year}${month}${day}-${hour}${minute}`;
  if (last === null || !last.startsWith(base)) return base;
  const nth = last === base ? 1 : Number(last.slice(base.length + 1));
  return `${base}-${nth + 1}`;
}
