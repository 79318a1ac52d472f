import { Permanent } from "../../domain/errors.js";
import type { Maintenance } from "../../domain/incident.js";
import type { TimerRow } from "../../domain/outbox.js";
import { type Plan, PlanBuilder } from "../../domain/plan.js";
import { HOUR_MS, type Instant, isoOf, MINUTE_MS } from "../../domain/time.js";
import { windClock } from "../../handlers/incident-plan.js";
import { canonicalService } from "../../policy/route.js";
import { apply } from "../../store/apply.js";
import { applyIfStill, untilStill } from "../../store/until-still.js";
import { raiseOwn } from "../raise-own.js";
import type { MaintenanceDeps } from "./deps.js";
import { clocksOf, findMaintenance } from "./rows.js";
import { tellPageOf, tellUsersOf } from "./tell.js";
import { type Verified, verifyServices } from "./verify.js";

export interface ScheduleRequest {
  title: string;
  /** Empty: all. */
  services: readonly string[];
  startsAt: Instant;
  endsAt: Instant;
  /** How long before users are told; sooner where that time is over. Null: they are not. */
  noticeHours: number | null;
  actor: string;
}
/** Who does it to which maintenance, and in their own words why. */
export interface MaintenanceAct {
  id: string;
  actor: string;
  because?: string | undefined;
}
type Status = Maintenance["status"];

/** Begins the name of the trouble that a failed maintenance is. */
export const FAILURE = "maintenance:";

const LONGEST_MS = 7 * 24 * HOUR_MS;

/** @throws Permanent `invalid_request` for a time that is over, or too short or long. */
export async function scheduleMaintenance(
  { title, services, startsAt, endsAt, noticeHours, actor }: ScheduleRequest,
  { database, clock, ids, policy }: MaintenanceDeps,
): Promise<Maintenance> {
  const now = clock.now();
  if (endsAt <= now) throw invalid("startsAt: it would be over already");
  if (endsAt - startsAt < MINUTE_MS || endsAt - startsAt > LONGEST_MS) {
    throw invalid("duration: must be from a minute to seven days");
  }
  const row: Maintenance = {
    id: ids.next("maintenance"),
    rule: null,
    title,
    services: [...new Set(services.map((name) => canonicalService(policy, name)))],
    startsAt,
    endsAt,
    noticeAt: noticeHours === null ? null : startsAt - noticeHours * HOUR_MS,
    announcedAt: null,
    status: "scheduled",
    createdBy: actor,
    begunAt: null,
    endedAt: null,
    outcome: null,
    createdAt: now,
    updatedAt: now,
    version: 0,
  };
  const details = { startsAt: isoOf(startsAt), endsAt: isoOf(endsAt), noticeHours };
  const ctx = { now, ids, actor, eventId: null, requestId: ids.next("request") };
  const plan = new PlanBuilder(ctx)
    .insert("maintenance", row)
    .audit("maintenance.scheduled", row.id, details);
  await apply(database, plan.build());
  return row;
}

const invalid = (detail: string): Permanent => new Permanent("invalid_request", { detail });

/** From which statuses an act leads to which. What is there already is left as it is. */
const ACTS = {
  begin: { from: ["scheduled"], to: "begun" },
  verify: { from: ["begun"], to: "verifying" },
  complete: { from: ["begun", "verifying"], to: "completed" },
  fail: { from: ["begun", "verifying"], to: "failed" },
  cancel: { from: ["scheduled", "begun", "verifying"], to: "canceled" },
} as const satisfies Record<string, { from: readonly Status[]; to: Status }>;
type Act = keyof typeof ACTS;

/** It begins, by a person before or after its time, or by the clock. Alerts of its services are kept, and not told, from now on. */
export async function beginMaintenance(
  act: MaintenanceAct,
  deps: MaintenanceDeps,
): Promise<Maintenance> {
  const row = await moveOn("begin", act, deps, (now) => ({ begunAt: now }));
  await tellPageOf(row, "begun", deps);
  return row;
}

/**
 * Looks at its services. When they are well it is completed; else it is left as being verified, with what was found.
 */
export async function verifyMaintenance(
  act: MaintenanceAct,
  deps: MaintenanceDeps,
): Promise<{ maintenance: Maintenance; verified: Verified }> {
  const row = await moveOn("verify", act, deps, () => ({}));
  const verified = await verifyServices(row, deps);
  const { outcome, good } = verified;
  if (good) {
    return { maintenance: await completeMaintenance({ ...act, because: outcome }, deps), verified };
  }
  const maintenance = await noteOutcome({ ...act, because: outcome }, deps);
  return { maintenance, verified };
}

/** It is over, and all is well: by what was looked at, or because a person says so. */
export async function completeMaintenance(
  act: MaintenanceAct,
  deps: MaintenanceDeps,
): Promise<Maintenance> {
  const row = await moveOn("complete", act, deps, (now) => ({
    endedAt: now,
    outcome: act.because ?? "completed",
  }));
  await tellEnd(row, deps);
  return row;
}

/**
 * It is over, and all is not well: an incident. Written first, for what is told while it lasts waits for its end; the sweep
 * tells what was written and not told.
 */
export async function failMaintenance(
  act: MaintenanceAct,
  deps: MaintenanceDeps,
): Promise<Maintenance> {
  const row = await moveOn("fail", act, deps, (now) => ({
    endedAt: now,
    outcome: act.because ?? "failed",
  }));
  await raiseFailure(row, deps);
  await tellEnd(row, deps);
  return row;
}

/** It does not take place, or no further. Whoever was told that it comes, or has begun, is told so. */
export async function cancelMaintenance(
  act: MaintenanceAct,
  deps: MaintenanceDeps,
): Promise<Maintenance> {
  const row = await moveOn("cancel", act, deps, (now) => ({
    endedAt: now,
    outcome: act.because ?? "canceled",
  }));
  await tellEnd(row, deps);
  return row;
}

/**
 * Users are told the end of what they were told of: the status page of all that has begun, by mail of what was announced
 * and is canceled. Doing it again tells nobody twice.
 */
export async function tellEnd(row: Maintenance, deps: MaintenanceDeps): Promise<void> {
  const { status, announcedAt, begunAt } = row;
  if (status === "canceled") {
    if (announcedAt !== null) await tellUsersOf(row, status, deps);
    else if (begunAt !== null) await tellPageOf(row, status, deps);
  } else if (status === "completed" || status === "failed") await tellPageOf(row, status, deps);
}

/** The same event however often it is told. */
export async function raiseFailure(
  { id, rule, title, services, outcome, endedAt }: Maintenance,
  deps: MaintenanceDeps,
): Promise<void> {
  await raiseOwn(
    {
      kind: "raised",
      at: endedAt ?? deps.clock.now(),
      groupKey: `${FAILURE}${id}`,
      signalKind: "maintenance",
      level: "error",
      title: `Maintenance "${title}" has failed: ${outcome ?? "nobody said why"}`,
      service: services[0] ?? deps.policy.name,
      environment: "production",
      url: null,
      tags: {
        maintenance: id,
        ...(rule === null ? {} : { rule: rule.slice(0, rule.indexOf(":")) }),
      },
    },
    deps,
  );
}

function demand(act: Act, row: Maintenance): void {
  const { from, to } = ACTS[act];
  if ((from as readonly Status[]).includes(row.status)) return;
  const detail = `The maintenance is ${row.status}; ${act} makes it ${to} from ${from.join(" or ")}.`;
  throw new Permanent("conflict", { detail });
}

/**
 * With its end the clocks of its services' incidents are looked at: what waits for the end that was appointed is due now.
 *
 * @throws Permanent `not_found`; `conflict` when it is past that.
 */
function moveOn(
  act: Act,
  { id, actor, because }: MaintenanceAct,
  deps: MaintenanceDeps,
  fields: (now: Instant) => Partial<Maintenance>,
): Promise<Maintenance> {
  const { to } = ACTS[act];
  return untilStill(`maintenance ${id}`, async () => {
    const row = await findMaintenance(id, deps);
    if (row.status === to) return row;
    demand(act, row);
    const now = deps.clock.now();
    const next = { ...row, ...fields(now), status: to, updatedAt: now };
    const clocks = next.endedAt === null ? [] : await clocksOf(row, now, deps);
    const plan = planOf(row, next, { actor, because }, deps, clocks);
    await apply(deps.database, plan);
    await deps.relay(plan.inserts.outbox ?? []);
    return { ...next, version: row.version + 1 };
  });
}

/**
 * Of one that was ended before its time: an incident that opened in that moment may have had its clock wound to the end
 * that was appointed, by a look that had not seen the other one. @throws Transient
 */
export async function windLate(row: Maintenance, deps: MaintenanceDeps): Promise<void> {
  const now = deps.clock.now();
  const clocks = await clocksOf(row, now, deps);
  const late = clocks.filter(({ status, dueAt }) => status === "waiting" && dueAt > now);
  if (late.length > 0) await written(row, row, { actor: "system:maintenance" }, deps, late);
}

/** What a look found, while it is looked at again. */
async function noteOutcome(act: MaintenanceAct, deps: MaintenanceDeps): Promise<Maintenance> {
  const row = await findMaintenance(act.id, deps);
  if (row.outcome === act.because) return row; // one that waits for a person is looked at each minute
  const next = { ...row, outcome: act.because ?? null, updatedAt: deps.clock.now() };
  const isWritten = await written(row, next, act, deps);
  return isWritten ? { ...next, version: row.version + 1 } : findMaintenance(act.id, deps);
}

async function written(
  row: Maintenance,
  next: Maintenance,
  act: Pick<MaintenanceAct, "actor" | "because">,
  deps: MaintenanceDeps,
  clocks: readonly TimerRow[] = [],
): Promise<boolean> {
  const plan = planOf(row, next, act, deps, clocks);
  if (!(await applyIfStill(deps.database, plan))) return false;
  await deps.relay(plan.inserts.outbox ?? []);
  return true;
}

function planOf(
  row: Maintenance,
  next: Maintenance,
  { actor, because }: Pick<MaintenanceAct, "actor" | "because">,
  { clock, ids }: MaintenanceDeps,
  clocks: readonly TimerRow[],
): Plan {
  const ctx = { now: clock.now(), ids, actor, eventId: null, requestId: ids.next("request") };
  const plan = new PlanBuilder(ctx).update("maintenance", row, next);
  if (next.status !== row.status) {
    const details = { before: row.status, after: next.status, because: because ?? null };
    plan.audit(`maintenance.${next.status}`, row.id, details);
  }
  for (const timer of clocks) windClock(plan, timer.subject, timer, ctx);
  return plan.build();
}

/** Users are told that it is coming; once, and noted when all of them are. */
export async function announceMaintenance(
  row: Maintenance,
  deps: MaintenanceDeps,
): Promise<number> {
  const told = await tellUsersOf(row, "scheduled", deps);
  const next = { ...row, announcedAt: deps.clock.now() };
  await written(row, next, { actor: "system:maintenance" }, deps);
  return told;
}
