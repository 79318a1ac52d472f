import type { Maintenance } from "../domain/incident.js";
import type { Severity } from "../domain/severity.js";
import { HOUR_MS, type Instant, instantOf, isoOf, MINUTE_MS } from "../domain/time.js";
import type { MaintenanceRule, Policy, Words } from "./schema.js";
import { instantAt, type LocalDate, localDate, stretchOn, weekdayOf } from "./zone.js";

/** One maintenance, as it is or will be. */
export interface MaintenanceWindow {
  /** The row's id; of a recurring one that has no row yet, its occurrence's key. */
  id: string;
  /** A recurring one's in the policy's languages; a planned one's as a person wrote it. */
  title: Words | string;
  /** Empty: all. */
  services: readonly string[];
  startsAt: Instant;
  endsAt: Instant;
}

/** What makes an occurrence of a recurring maintenance one row: `sunday:2026-11-21T19:00:00.000Z`. */
export function occurrenceKey(rule: Pick<MaintenanceRule, "id">, startsAt: Instant): string {
  return `${rule.id}:${isoOf(startsAt)}`;
}

/**
 * All maintenances that touch the time, in the order of their begin: the planned ones, and the policy's recurring
 * ones. A row of a recurring one says what became of it, so it stands for it: one that was canceled is none.
 *
 * @param to not part of it.
 */
export function maintenancesBetween(
  policy: Policy,
  planned: readonly Maintenance[],
  from: Instant,
  to: Instant,
): MaintenanceWindow[] {
  const known = new Set(planned.map(({ rule }) => rule));
  const recurring = occurrencesBetween(policy, from, to).filter(({ id }) => !known.has(id));
  const rows = planned.flatMap((row) => windowOfRow(row, policy) ?? []);
  return [...recurring, ...rows]
    .filter(({ startsAt, endsAt }) => startsAt < to && endsAt > from)
    .sort((a, b) => a.startsAt - b.startsAt || a.endsAt - b.endsAt);
}

/** The occurrences of the policy's recurring maintenances that begin on the days of the time, or the day before. */
export function occurrencesBetween(
  policy: Policy,
  from: Instant,
  to: Instant,
): (MaintenanceWindow & { rule: MaintenanceRule })[] {
  const { maintenance, timeZone } = policy;
  const found: (MaintenanceWindow & { rule: MaintenanceRule })[] = [];
  const last = localDate(to, timeZone);
  let date = localDate(from, timeZone).subtract({ days: 1 });
  for (; date.until(last).days >= 0; date = date.add({ days: 1 })) {
    for (const rule of maintenance.filter((each) => isDueOn(each, date))) {
      const { startsAt, endsAt } = stretchOn(date, rule, timeZone);
      if (endsAt <= startsAt) continue; // the clock jumps over the whole of it
      const id = occurrenceKey(rule, startsAt);
      found.push({ id, title: rule.title, services: [], startsAt, endsAt, rule });
    }
  }
  return found;
}

function isDueOn({ every, weekday }: MaintenanceRule, date: LocalDate): boolean {
  if (weekdayOf(date) !== weekday) return false;
  if (every === "week") return true;
  return date.day <= 7 && (every === "month" || date.month % 3 === 1);
}

/** When it was, or is to be; null where it is not, or was over before it began. */
function windowOfRow(row: Maintenance, { maintenance }: Policy): MaintenanceWindow | null {
  if (row.status === "canceled" && row.begunAt === null) return null;
  const startsAt = Math.min(row.startsAt, row.begunAt ?? row.startsAt);
  const endsAt = row.endedAt ?? row.endsAt;
  if (endsAt <= startsAt) return null;
  const rule = maintenance.find(({ id }) => row.rule?.startsWith(`${id}:`));
  const { id, services } = row;
  return { id, title: rule?.title ?? row.title, services, startsAt, endsAt };
}

/** Where windows follow each other without end, the stretch is told to end here; it is looked at again then. */
const STRETCH_STEPS_MAX = 60;

/**
 * The maintenance that the service is in. Those that overlap, or follow each other at once, are one stretch.
 *
 * @param service canonical, as `decideRoute` gives it.
 * @returns id and title of the first that covers the moment; begin and end of the unbroken stretch.
 */
export function maintenanceAt(
  policy: Policy,
  planned: readonly Maintenance[],
  service: string,
  at: Instant,
): Omit<MaintenanceWindow, "services"> | null {
  const ofService = planned.filter((row) => isOfService(row, service));
  const first = maintenancesBetween(policy, ofService, at, at + 1)[0];
  if (first === undefined) return null;
  let { startsAt, endsAt } = first;
  for (let step = 0; step < STRETCH_STEPS_MAX; step++) {
    const touching = maintenancesBetween(policy, ofService, startsAt - 1, endsAt + 1);
    const begin = Math.min(...touching.map((each) => each.startsAt));
    const end = Math.max(...touching.map((each) => each.endsAt));
    if (begin === startsAt && end === endsAt) break;
    startsAt = begin;
    endsAt = end;
  }
  return { id: first.id, title: first.title, startsAt, endsAt };
}

/** True when the maintenance is of the service, or of all. */
export function isOfService({ services }: { services: readonly string[] }, service: string) {
  const wanted = service.toLowerCase();
  return services.length === 0 || services.some((each) => each.toLowerCase() === wanted);
}

/** Who must agree to a deployment now, and by which rule of the policy. */
export interface Approval {
  /** The policy's id of the rule; `otherwise` in a lockdown with no exam near. */
  id: string;
  rule: Words;
  /** Null where nobody is to be asked any more, or the policy names nobody. */
  role: string | null;
  /** When the rule holds: `within 2 h before Mock Exam 3`. */
  because: string;
  lockdown: { id: string; title: Words } | null;
  exam: { id: string; title: Words } | null;
}

/**
 * The rule that holds for a deployment at this moment; null outside of lockdowns and exams. An exam's goes before
 * a lockdown's, and of two exams the nearer one's.
 */
export function approvalAt(policy: Policy, at: Instant): Approval | null {
  const { periods, otherwise } = policy.lockdown;
  const period = periods.find((each) => holds(momentsOf(each), at)) ?? null;
  const lockdown = period && { id: period.id, title: period.title };
  const near = examApprovals(policy, at)[0];
  if (near !== undefined) {
    const { exam, approval } = near;
    const { id, rule, role } = approval;
    const because = nearness(approval, exam.title.en);
    return { id, rule, role, because, lockdown, exam: { id: exam.id, title: exam.title } };
  }
  if (lockdown === null) return null;
  const because = `in the lockdown "${lockdown.title.en}"`;
  return { id: "otherwise", rule: otherwise, role: null, because, lockdown, exam: null };
}

type ExamApproval = Policy["lockdown"]["approvals"][number];

/** What each exam asks for at the moment, the nearest exam's first. */
function examApprovals({ lockdown }: Policy, at: Instant) {
  return lockdown.exams
    .flatMap((exam) => {
      const { from, to } = momentsOf(exam);
      const approval = lockdown.approvals.find(({ fromHoursBefore, untilHoursBefore }) =>
        holds(
          {
            from: from - fromHoursBefore * HOUR_MS,
            to: untilHoursBefore === null ? to : from - untilHoursBefore * HOUR_MS,
          },
          at,
        ),
      );
      return approval === undefined ? [] : [{ exam, approval }];
    })
    .sort((a, b) => a.approval.fromHoursBefore - b.approval.fromHoursBefore);
}

function nearness({ fromHoursBefore, untilHoursBefore }: ExamApproval, exam: string): string {
  if (untilHoursBefore === null) {
    return fromHoursBefore === 0 ? `during ${exam}` : `from ${fromHoursBefore} h before ${exam} on`;
  }
  if (untilHoursBefore === 0) return `within ${fromHoursBefore} h before ${exam}`;
  return `from ${fromHoursBefore} h until ${untilHoursBefore} h before ${exam}`;
}

/** `Approval: the CTO approves (within 2 h before Mock Exam 3).` */
export function approvalSentence({ rule, because }: Approval): string {
  return `Approval: ${rule.en.replace(/\.$/, "")} (${because}).`;
}

function momentsOf({ from, to }: { from: string; to: string }): { from: Instant; to: Instant } {
  return { from: readMoment(from), to: readMoment(to) };
}

function readMoment(text: string): Instant {
  const at = instantOf(text);
  if (at === null) throw new Error("a policy's moments are checked where it is read");
  return at;
}

function holds({ from, to }: { from: Instant; to: Instant }, at: Instant): boolean {
  return from <= at && at < to;
}

/** The hours in which people work on the first business day after the day of the moment. */
export function nextBusinessDay(
  { businessHours, timeZone }: Policy,
  at: Instant,
): { day: string; startsAt: Instant; endsAt: Instant } {
  const holidays = new Set(businessHours.holidays);
  let date = localDate(at, timeZone);
  // In any seven days that follow each other one is of the week's business days, and only holidays can take it.
  for (let tries = 0; tries < 7 * (holidays.size + 1); tries++) {
    date = date.add({ days: 1 });
    const day = date.toString();
    if (!businessHours.days.includes(weekdayOf(date)) || holidays.has(day)) continue;
    return { day, ...stretchOn(date, businessHours, timeZone) };
  }
  throw new Error("a policy has at least one business day");
}

/** Until when somebody must have answered. "Next business day" is kept until that day's last business hour. */
export function respondBy(policy: Policy, severity: Severity, at: Instant): Instant {
  const { respond } = policy.severities[severity];
  if (respond === "immediate") return at;
  if (respond === "next_business_day") return nextBusinessDay(policy, at).endsAt;
  return at + respond.withinMinutes * MINUTE_MS;
}

/**
 * The day that the last digest due is of: from the time of the one before until its own. Null without a digest.
 *
 * @returns `day`: the date at its end, which names it once.
 */
export function dayOf(
  { digest, timeZone }: Policy,
  now: Instant,
): { from: Instant; to: Instant; day: string } | null {
  if (digest === null) return null;
  const today = localDate(now, timeZone);
  const isDue = instantAt(today, digest.at, timeZone) <= now;
  const date = isDue ? today : today.subtract({ days: 1 });
  return {
    from: instantAt(date.subtract({ days: 1 }), digest.at, timeZone),
    to: instantAt(date, digest.at, timeZone),
    day: date.toString(),
  };
}
