/**
 * The nightly reconciliation looks back so far, and of what it finds the bytes must still be there to be looked at. A
 * policy that keeps them shorter is refused, and so is a month by Postgres (`signalbox_drop_bodies`).
 */
export const BODY_DAYS_MIN = 35;

/** How long the rows of a table are kept. */
export type Kept = { because: string } & (
  | { until: "for good" }
  /** Working rows, which are deleted with what they were for. */
  | { until: "done" }
  /** A person takes them out of the database, and has them elsewhere then. */
  | { until: "archived" }
  /** `null`: the policy's `retention.bodyDays`. */
  | { until: "dropped"; days: number | null; what: string }
);

const MONEY = "Money and access rest on it, and disputes come late.";
const INCIDENT = "An incident's review can be written at any time, and counts what spoke of it.";

/**
 * Every table, how long its rows are kept, and why. `sweepRetention` does what is said here, and nothing else deletes
 * what is not done. `docs/reference/retention.md` is generated from it.
 */
export const RETENTION = {
  alert: { until: "for good", because: INCIDENT },
  api_key: { until: "for good", because: "The audit trail names who acted by it." },
  attempt: {
    until: "for good",
    because:
      "What `events show` tells of an event's runs; a small part of what the event itself takes.",
  },
  audit_entry: {
    until: "archived",
    because: "Nothing of the trail is deleted by itself: a person archives it, sealed.",
  },
  audit_seal: { until: "for good", because: "It proves the trail, also what was archived of it." },
  correction: { until: "for good", because: MONEY },
  dead_letter: { until: "for good", because: "What died, and what a person decided about it." },
  deployment: {
    until: "for good",
    because: "Incidents name the one that came before them, and the good one before that.",
  },
  deployment_target: { until: "for good", because: "One row for each place." },
  discrepancy: { until: "for good", because: MONEY },
  entitlement: { until: "for good", because: MONEY },
  event: {
    until: "for good",
    because:
      "Its key makes an event done once, however late it is sent again (35 days would be the least); " +
      "notices, signals and the audit trail name it. Without its bytes it is small.",
  },
  event_body: {
    until: "dropped",
    days: null,
    what: "the month's partition whole, once all of it is past its days; what is not finished yet is kept",
    because:
      "The provider's bytes, for replays, for `events body` and for `policy diff`: the largest that is kept, and personal data.",
  },
  incident: { until: "for good", because: INCIDENT },
  incident_entry: { until: "for good", because: INCIDENT },
  incident_step: { until: "for good", because: "A step is taken once, by this row." },
  incident_task: { until: "for good", because: "What was owed after an incident, and who did it." },
  ledger_object: { until: "for good", because: MONEY },
  maintenance: { until: "for good", because: "Uptime and reviews leave it out of account." },
  metric_minute: {
    until: "dropped",
    days: 90,
    what: "minutes",
    because: "`metrics` shows 90 days; thresholds and silences look back 14 at most.",
  },
  notice: {
    until: "dropped",
    days: 90,
    what: "what was rendered (`payload`) of one that has ended; the row is kept for good",
    because:
      "The row makes a notice told once, and says who was told what. What was rendered is large and personal, and only " +
      "one that has not ended is sent by it.",
  },
  outbox: { until: "done", because: "Its receiver deletes it with what it does." },
  payment: { until: "for good", because: MONEY },
  reconciliation: { until: "for good", because: MONEY },
  reconciliation_message: { until: "done", because: "Deleted when its run ends." },
  signal: { until: "for good", because: INCIDENT },
  source_hold: {
    until: "for good",
    because: "A drain goes by the last one, and the audit trail names it.",
  },
  subscriber: {
    until: "for good",
    because: "Also of one that was removed: since when it is told nothing any more.",
  },
  subscription_version: { until: "for good", because: "What the joins of a subscription wait at." },
  suppression: {
    until: "for good",
    because: "Who gets no mail any more, until a person takes it back.",
  },
  timer: {
    until: "dropped",
    days: 90,
    what: "those of notices that have ended, with what was rendered; the others are kept for good",
    because:
      "One for each notice that is sent. Those of incidents and deployments are few, and by them a thing is told once.",
  },
} as const satisfies Readonly<Record<string, Kept>>;
