import type { Ids } from "../domain/ids.js";
import type { Incident } from "../domain/incident.js";
import type { TemplateData } from "../domain/notice-templates.js";
import { PlanBuilder } from "../domain/plan.js";
import type { Clock, Instant } from "../domain/time.js";
import { dayOf } from "../policy/calendar.js";
import { languageOnCall, waysOf } from "../policy/recipients.js";
import { routeOf } from "../policy/route.js";
import type { Policy } from "../policy/schema.js";
import type { Database } from "../store/database.js";
import {
  readDayCounts,
  readMetricsOfDay,
  readPagedOfDay,
  readPaymentsOfDay,
} from "../store/digest.js";
import { load, read } from "../store/load.js";
import { applyIfStill } from "../store/until-still.js";
import { sectionsOf, tellsAnything } from "./digest-sections.js";
import { lineOf } from "./incidents/notice-data.js";
import type { Relay } from "./relay-outbox.js";

export interface DigestDeps {
  database: Database;
  policy: Policy;
  clock: Clock;
  ids: Ids;
  relay: Relay;
  /** The payments that count; null: all. */
  livemode: boolean | null;
}

/** The worst of a day are told each by each; the rest is a number. */
const LINES_MAX = 100;

/**
 * Tells the day's incidents and figures to the roles that the policy names, once for each day and receiver: called
 * again, or after a time in which nobody called it, it sends the last day that is due and has not been sent. Of a
 * day with nothing to tell nothing is sent, and a line in the audit trail says so.
 *
 * @returns how many receivers are told now.
 * @throws Transient when the database is not to be had.
 */
export async function sendDigest(deps: DigestDeps): Promise<number> {
  const { database, policy, clock, ids } = deps;
  const window = dayOf(policy, clock.now());
  if (window === null || policy.digest === null) return 0;
  const cause = `digest:${window.day}`;
  const { told, skipped } = await load(database, {
    told: read("notice", "t.cause = ? AND t.template = 'incident-digest'", [cause]),
    skipped: read("auditEntry", "t.subject = ?", [cause], { limit: 1 }),
  });
  if (skipped.length > 0) return 0;
  const known = new Set(told.map(({ channel, recipient }) => `${channel} ${recipient}`));
  const ways = waysOf(policy, policy.digest.roles, policy.digest.channels);
  const left = ways.filter(({ channel, recipient }) => !known.has(`${channel} ${recipient}`));
  if (left.length === 0) return 0;
  const data = await digestOf(window, deps);
  const requestId = ids.next("request");
  const actor = "system:digest";
  const plan = new PlanBuilder({ now: clock.now(), ids, actor, eventId: null, requestId });
  if (data === null) plan.audit("digest.skipped", cause, { because: "nothing to tell" });
  else {
    const locale = languageOnCall(policy);
    for (const way of left)
      plan.notify({ ...way, template: "incident-digest", cause, locale, data });
  }
  const built = plan.build();
  if (!(await applyIfStill(database, built))) return 0; // another sweep is at it
  await deps.relay(built.inserts.outbox ?? []);
  return data === null ? 0 : left.length;
}

type Window = NonNullable<ReturnType<typeof dayOf>>;

/** Null when there is nothing to tell. */
async function digestOf(
  { day, from, to }: Window,
  { database, policy, livemode }: DigestDeps,
): Promise<TemplateData["incident-digest"] | null> {
  const [incidents, paged, metrics, payments, counts] = await Promise.all([
    incidentsOf(from, to, database),
    readPagedOfDay(database, { from, to }),
    readMetricsOfDay(database, { from, to }),
    readPaymentsOfDay(database, { from, to, livemode }),
    readDayCounts(database, { from, to }),
  ]);
  const listed = incidents.filter((incident) => isForDigest(incident, policy));
  const sections = sectionsOf({ metrics, payments, counts }, policy);
  if (listed.length === 0 && !tellsAnything(sections)) return null;
  const lines = listed.slice(0, LINES_MAX).map((incident) => lineOf(incident, policy, to));
  return {
    ...{ day, from, to, timeZone: policy.timeZone, count: listed.length },
    // Of these it has no line; without their number it would call a night of pages a quiet one.
    toldAtOnce: incidents.filter((one) => paged.has(one.id) && !isForDigest(one, policy)).length,
    incidents: JSON.stringify(lines),
    sections: JSON.stringify(sections),
  };
}

const INCIDENTS_MAX = 5_000;

/** Those that lasted into the day or began in it, the worst first. */
async function incidentsOf(from: Instant, to: Instant, database: Database): Promise<Incident[]> {
  const { rows } = await load(database, {
    rows: read(
      "incident",
      `t.opened_at < to_timestamp(?::float8 / 1000)
        AND (t.resolved_at IS NULL OR t.resolved_at >= to_timestamp(?::float8 / 1000))`,
      [to, from],
      { orderBy: "t.severity, t.opened_at", limit: INCIDENTS_MAX },
    ),
  });
  return rows;
}

function isForDigest(incident: Incident, policy: Policy): boolean {
  const { deliver, inDigest } = routeOf(policy, incident.route, incident.severity);
  return deliver === "digest" || inDigest;
}
