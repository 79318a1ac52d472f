import { moneyOf } from "../output.js";
import {
  AUDIT_COLUMNS,
  type Column,
  column,
  DISCREPANCY_COLUMNS,
  errorOf,
  FINDING_COLUMNS,
  NOTIFICATION_COLUMNS,
  SEVERITY,
  status,
  time,
} from "./resources.js";

/** Tables inside of what `show` prints, by the field that holds them. */
export const SECTIONS: Readonly<Record<string, { title: string; columns: readonly Column[] }>> = {
  attemptLog: {
    title: "Attempts",
    columns: [
      time("Started", "startedAt"),
      status("Outcome", "outcome"),
      column("Took", (row) => `${row.durationMs} ms`),
      column("Error", errorOf),
      column("Id", "id"),
    ],
  },
  notifications: { title: "Notifications", columns: NOTIFICATION_COLUMNS },
  objects: {
    title: "At the gateway",
    columns: [
      time("Born", "bornAt"),
      column("Kind", "kind"),
      column("External id", "externalId"),
      status("State", "state"),
      column("Amount", ({ amount, currency }) =>
        amount === null ? "" : moneyOf(String(amount), String(currency)),
      ),
      column("Charge", "chargeRef"),
      time("State as of", "stateAsOf"),
    ],
  },
  findings: { title: "Found", columns: FINDING_COLUMNS },
  discrepancies: { title: "Discrepancies", columns: DISCREPANCY_COLUMNS },
  audit: { title: "Audit trail", columns: AUDIT_COLUMNS },
  signalLog: {
    title: "Signals",
    columns: [
      time("Occurred", "occurredAt"),
      status("Kind", "kind"),
      column("Level", "level"),
      column("Title", "title"),
      column("Event", "eventId"),
    ],
  },
  timeline: {
    title: "Timeline",
    columns: [
      time("At", "at"),
      column("Who", "actor"),
      // Whole: what is decided of an incident ends with who is told, and when.
      { head: "What", of: "text", charsMax: 1_000, wrapAt: 110 },
    ],
  },
  alertLog: {
    title: "Alerts",
    columns: [
      time("Opened", "openedAt"),
      time("Over", "resolvedAt"),
      status("Status", "status"),
      SEVERITY,
      column("Source", "source"),
      column("Title", "title"),
      column("Rule", "rule"),
    ],
  },
  tasks: {
    title: "Owed after it",
    columns: [
      time("Due", "dueAt"),
      column("Task", "task"),
      column("Title", "title"),
      column("Role", "role"),
      time("Done", "doneAt"),
      column("By", "doneBy"),
    ],
  },
};
