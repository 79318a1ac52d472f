import { Permanent } from "../../domain/errors.js";
import type { Maintenance } from "../../domain/incident.js";
import type { TimerRow } from "../../domain/outbox.js";
import { PlanBuilder } from "../../domain/plan.js";
import { DAY_MS, HOUR_MS, type Instant, instantOf } from "../../domain/time.js";
import { type MaintenanceWindow, occurrencesBetween } from "../../policy/calendar.js";
import { canonicalService } from "../../policy/route.js";
import type { MaintenanceRule, Policy } from "../../policy/schema.js";
import type { Database } from "../../store/database.js";
import { load, read } from "../../store/load.js";
import { applyIfStill } from "../../store/until-still.js";
import type { MaintenanceDeps } from "./deps.js";

type Occurrence = MaintenanceWindow & { rule: MaintenanceRule };

const ROWS_MAX = 1_000;

/** What touches the time, in the order of its begin. @throws Error when there are more than anybody appoints. */
async function maintenancesIn(
  database: Database,
  from: Instant,
  to: Instant,
): Promise<Maintenance[]> {
  const { rows } = await load(database, {
    rows: read(
      "maintenance",
      "t.ends_at > to_timestamp(?::float8 / 1000) AND t.starts_at < to_timestamp(?::float8 / 1000)",
      [from, to],
      { orderBy: "t.starts_at, t.id", rowsMax: ROWS_MAX },
    ),
  });
  return rows;
}

/** All of so many days back and ahead; of the policy's recurring ones also those to come that have no row yet. */
export async function listMaintenances(
  days: number,
  deps: MaintenanceDeps,
): Promise<Maintenance[]> {
  const now = deps.clock.now();
  const [from, to] = [now - days * DAY_MS, now + days * DAY_MS];
  const rows = await maintenancesIn(deps.database, from, to);
  const known = new Set(rows.map(({ rule }) => rule));
  const coming = occurrencesBetween(deps.policy, now, to).filter(
    ({ id, startsAt }) => startsAt > now && startsAt < to && !known.has(id),
  );
  return [...rows, ...coming.map((each) => rowOf(each, each.id, now))].sort(
    (a, b) => a.startsAt - b.startsAt,
  );
}

/**
 * Of its services those that no incident, deployment or policy has named: with a slip in its name a maintenance keeps nothing
 * back, and whoever is on call hears of all that it breaks.
 */
export async function unheardServices(
  { services }: { services: readonly string[] },
  { database, policy }: Pick<MaintenanceDeps, "database" | "policy">,
): Promise<string[]> {
  const named = new Set(policy.services.map(({ id }) => id));
  const asked = services
    .map((service) => canonicalService(policy, service))
    .filter((service) => !named.has(service));
  if (asked.length === 0) return [];
  const rows = await database.query<{ service: string }>(
    `SELECT service FROM unnest($1::text[]) AS asked(service)
     WHERE NOT EXISTS (SELECT 1 FROM incident i WHERE i.service = asked.service)
       AND NOT EXISTS (SELECT 1 FROM deployment d WHERE asked.service IN (d.name, d.project))`,
    [asked],
  );
  return rows.map(({ service }) => service);
}

/** What a recurring one is as a row. */
function rowOf(
  { id: rule, rule: { noticeHours, title }, startsAt, endsAt }: Occurrence,
  id: string,
  now: Instant,
): Maintenance {
  return {
    id,
    rule,
    title: title.en,
    services: [],
    startsAt,
    endsAt,
    noticeAt: noticeHours === null ? null : startsAt - noticeHours * HOUR_MS,
    announcedAt: null,
    status: "scheduled",
    createdBy: "policy",
    begunAt: null,
    endedAt: null,
    outcome: null,
    createdAt: now,
    updatedAt: now,
    version: 0,
  };
}

/**
 * One maintenance, by its id; of the policy's recurring ones also by the occurrence's own key before it has a row,
 * which it is given then.
 *
 * @throws Permanent `not_found`.
 */
export async function findMaintenance(id: string, deps: MaintenanceDeps): Promise<Maintenance> {
  const { found } = await load(deps.database, {
    found: read("maintenance", "t.id = ? OR t.rule = ?", [id, id]),
  });
  if (found[0] !== undefined) return found[0];
  const occurrence = occurrenceOf(id, deps.policy);
  if (occurrence === null) throw new Permanent("not_found", { detail: `maintenance ${id}` });
  await keepOccurrence(occurrence, deps);
  return findMaintenance(id, deps);
}

/** `weekly:2026-11-21T19:00:00.000Z` is the policy's only when its calendar has it. */
function occurrenceOf(id: string, policy: Policy): Occurrence | null {
  const at = instantOf(id.slice(id.indexOf(":") + 1));
  if (at === null) return null;
  return occurrencesBetween(policy, at, at).find((each) => each.id === id) ?? null;
}

/** Those that begin, or whose notice is due, by now, and that are not over. */
export function occurrencesDue(policy: Policy, now: Instant): Occurrence[] {
  const hours = Math.max(0, ...policy.maintenance.map(({ noticeHours }) => noticeHours ?? 0));
  return occurrencesBetween(policy, now - DAY_MS, now + hours * HOUR_MS + DAY_MS).filter(
    ({ startsAt, endsAt, rule }) =>
      startsAt - (rule.noticeHours ?? 0) * HOUR_MS <= now && endsAt > now,
  );
}

/** Makes an occurrence a row, once, whoever else does. @returns true when it was made now. */
export async function keepOccurrence(
  occurrence: Occurrence,
  { database, clock, ids }: MaintenanceDeps,
): Promise<boolean> {
  const now = clock.now();
  const key = occurrence.id;
  const row = rowOf(occurrence, ids.next("maintenance"), now);
  const requestId = ids.next("request");
  const ctx = { now, ids, actor: "system:maintenance", eventId: null, requestId };
  const plan = new PlanBuilder(ctx)
    .expectNone("maintenance", { rule: key })
    .insert("maintenance", row)
    .audit("maintenance.scheduled", row.id, { rule: key });
  return applyIfStill(database, plan.build()); // false: somebody else made it meanwhile
}

/** More than one maintenance brings, and no more than a statement carries well; others keep the end that was appointed. */
const CLOCKS_MAX = 500;

/**
 * The clocks of incidents of its services that may wait for its end, the newest first; none where it keeps nothing
 * from being told now.
 *
 * @throws Transient.
 */
export async function clocksOf(
  { services, startsAt, endsAt, begunAt }: Maintenance,
  now: Instant,
  { database }: MaintenanceDeps,
): Promise<TimerRow[]> {
  const isQuiet = (begunAt !== null || startsAt <= now) && now < endsAt;
  if (!isQuiet) return [];
  const names = JSON.stringify(services.map((name) => name.toLowerCase()));
  const { clocks } = await load(database, {
    clocks: read(
      "timer",
      `t.kind = 'incident.due' AND EXISTS (SELECT 1 FROM incident i WHERE i.id = t.subject
        AND (t.status = 'waiting' OR i.status <> 'resolved')
        AND (? = '[]' OR lower(i.service) IN (SELECT jsonb_array_elements_text(?::text::jsonb))))`,
      [names, names],
      { orderBy: "t.created_at DESC, t.id", limit: CLOCKS_MAX },
    ),
  });
  return clocks;
}
