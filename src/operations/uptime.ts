import type { Clock, Instant } from "../domain/time.js";
import { DAY_MS, instantOf } from "../domain/time.js";
import {
  lastDays,
  type Outage,
  type ResponseTimes,
  responseTimes,
  type Span,
  type Uptime,
  uptimeIn,
  uptimeOf,
} from "../domain/uptime.js";
import { isOfService, type MaintenanceWindow, maintenancesBetween } from "../policy/calendar.js";
import type { Policy } from "../policy/schema.js";
import type { Database } from "../store/database.js";
import { readMaintenances, readOutages, readResponses } from "../store/uptime.js";

/** How a service was over the last days, beside what the policy wants of them. */
export interface UptimeWindow extends Uptime {
  days: number;
  targetPercent: number;
  /** Null: nothing of the time was looked at. */
  isMet: boolean | null;
}

export interface ServiceUptime {
  service: string;
  isDown: boolean;
  windows: UptimeWindow[];
  /** Over the exams of the longest of the windows; null without exams, or without a target of theirs. */
  exams: UptimeWindow | null;
}

export interface UptimeReport {
  services: ServiceUptime[];
  /** Of the incidents of the policy's window. */
  times: ResponseTimes & {
    days: number;
    detectWithinMinutes: number | null;
    recoverWithinMinutes: number | null;
  };
}

interface UptimeDeps {
  database: Database;
  clock: Clock;
  policy: Policy;
}

/**
 * Uptime of each service that a monitor has told of, or that the policy names, over these days each. A service of which no
 * outage was told in the time was up.
 *
 * @param days the windows; the policy's own when none is named.
 */
export async function readUptime(
  { database, clock, policy }: UptimeDeps,
  days: readonly number[] = policy.uptime.showDays,
): Promise<UptimeReport> {
  const now = clock.now();
  const { targetDays, detectWithinMinutes, recoverWithinMinutes } = policy.uptime;
  const longest = lastDays(Math.max(targetDays, ...days), now);
  const [outages, planned, responses] = await Promise.all([
    readOutages(database, longest),
    readMaintenances(database, longest),
    readResponses(database, lastDays(targetDays, now)),
  ]);
  const windows = maintenancesBetween(policy, planned, longest.from, longest.to);
  const names = new Set([
    ...policy.services.map(({ id }) => id),
    ...outages.map(({ service }) => service),
  ]);
  return {
    services: [...names].sort().map((service) => ({
      service,
      ...serviceUptime(service, { outages, windows, policy, days, now, longest }),
    })),
    times: {
      ...responseTimes(responses),
      days: targetDays,
      detectWithinMinutes,
      recoverWithinMinutes,
    },
  };
}

interface Known {
  outages: readonly Outage[];
  windows: readonly MaintenanceWindow[];
  policy: Policy;
  days: readonly number[];
  now: Instant;
  longest: Span;
}

function serviceUptime(service: string, known: Known): Omit<ServiceUptime, "service"> {
  const { policy, days, now, longest } = known;
  const outages = known.outages.filter((one) => one.service === service);
  const maintenance = known.windows
    .filter((window) => isOfService(window, service))
    .map(({ startsAt, endsAt }) => ({ from: startsAt, to: endsAt }));
  const { targetPercent, examTargetPercent } = policy.uptime;
  const judged = (uptime: Uptime, of: number, target: number): UptimeWindow => ({
    ...uptime,
    days: of,
    targetPercent: target,
    isMet: uptime.percent === null ? null : uptime.percent >= target,
  });
  const exams = examsIn(policy, longest);
  const longestDays = Math.round((longest.to - longest.from) / DAY_MS);
  return {
    isDown: outages.some(({ endedAt }) => endedAt === null),
    windows: days.map((of) =>
      judged(uptimeOf(outages, maintenance, lastDays(of, now)), of, targetPercent),
    ),
    exams:
      exams.length === 0 || examTargetPercent === null
        ? null
        : judged(uptimeIn(outages, maintenance, exams), longestDays, examTargetPercent),
  };
}

function examsIn({ lockdown }: Policy, { from, to }: Span): Span[] {
  return lockdown.exams.flatMap((exam) => {
    const span = { from: instantOf(exam.from) ?? to, to: instantOf(exam.to) ?? from };
    const clipped = { from: Math.max(span.from, from), to: Math.min(span.to, to) };
    return clipped.to > clipped.from ? [clipped] : [];
  });
}
