import type { Clock, Instant } from "../domain/time.js";
import { DAY_MS, HOUR_MS, instantOf } from "../domain/time.js";
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
import { readFirstWatched, readMaintenances, readOutages, readResponses } from "../store/uptime.js";

/** How a service was over the last days, beside what the policy wants of them. */
export interface UptimeWindow extends Uptime {
  days: number;
  targetPercent: number;
  /** Null: nothing of the time was looked at, or too little of it to say. */
  isMet: boolean | null;
  /** From when on something is known: before that nobody looked, and it counts neither as up nor as down. */
  coveredFrom: Instant;
  /** From then until now. */
  coveredMs: number;
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
export function readUptime(
  deps: UptimeDeps,
  days: readonly number[] = deps.policy.uptime.showDays,
): Promise<UptimeReport> {
  return uptimeSince(Number.NEGATIVE_INFINITY, deps, days);
}

/** The same for people, over what is known of the days: a platform that is minutes old has no uptime of 90 days. */
export async function reportUptime(
  deps: UptimeDeps,
  days: readonly number[] = deps.policy.uptime.showDays,
): Promise<UptimeReport> {
  const since = await readFirstWatched(deps.database);
  return uptimeSince(since ?? Number.POSITIVE_INFINITY, deps, days);
}

async function uptimeSince(
  watchedSince: Instant,
  { database, clock, policy }: UptimeDeps,
  days: readonly number[],
): Promise<UptimeReport> {
  const now = clock.now();
  const { targetDays, detectWithinMinutes, recoverWithinMinutes } = policy.uptime;
  const longest = lastDays(Math.max(targetDays, ...days), now);
  const [outages, planned, responses] = await Promise.all([
    readOutages(database, longest),
    readMaintenances(database, longest),
    readResponses(database, lastDays(targetDays, now)),
  ]);
  // What a monitor told of an earlier time is known of it too.
  const since = Math.min(now, watchedSince, ...outages.map(({ startedAt }) => startedAt));
  const windows = maintenancesBetween(policy, planned, longest.from, longest.to);
  const names = new Set([
    ...policy.services.map(({ id }) => id),
    ...outages.map(({ service }) => service),
  ]);
  return {
    services: [...names].sort().map((service) => ({
      service,
      ...serviceUptime(service, { outages, windows, policy, days, now, longest, since }),
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
  /** Before it nothing is known. */
  since: Instant;
}

function serviceUptime(service: string, known: Known): Omit<ServiceUptime, "service"> {
  const { policy, days, now, longest, since } = known;
  const outages = known.outages.filter((one) => one.service === service);
  const maintenance = known.windows
    .filter((window) => isOfService(window, service))
    .map(({ startsAt, endsAt }) => ({ from: startsAt, to: endsAt }));
  const { targetPercent, examTargetPercent } = policy.uptime;
  const windowOf = (of: number): UptimeWindow => {
    const whole = lastDays(of, now);
    const coveredFrom = Math.max(whole.from, since);
    const { percent } = uptimeOf(outages, maintenance, whole);
    return {
      ...uptimeOf(outages, maintenance, { from: coveredFrom, to: now }),
      days: of,
      targetPercent,
      isMet: isMetBy(percent, targetPercent, isCovered(coveredFrom, whole)),
      coveredFrom,
      coveredMs: now - coveredFrom,
    };
  };
  const coveredFrom = Math.max(longest.from, since);
  const covered = { from: coveredFrom, to: longest.to };
  const exams = examsIn(policy, covered);
  const { percent, ...ofExams } = uptimeIn(outages, maintenance, exams);
  return {
    isDown: outages.some(({ endedAt }) => endedAt === null),
    windows: days.map(windowOf),
    exams:
      exams.length === 0 || examTargetPercent === null
        ? null
        : {
            ...ofExams,
            percent,
            days: Math.round((longest.to - longest.from) / DAY_MS),
            targetPercent: examTargetPercent,
            isMet: isMetBy(percent, examTargetPercent, true),
            coveredFrom,
            coveredMs: longest.to - coveredFrom,
          },
  };
}

/** Measurements are dropped when the longest window is over, some minutes before or after. */
const isCovered = (coveredFrom: Instant, { from }: Span): boolean => coveredFrom <= from + HOUR_MS;

/** What was down for too long misses the whole window's target, whatever the rest of it will be; that it is met takes all of it. */
function isMetBy(percent: number | null, target: number, covered: boolean): boolean | null {
  if (percent === null) return null;
  if (percent < target) return false;
  return covered ? true : null;
}

function examsIn({ lockdown }: Policy, { from, to }: Span): Span[] {
  return lockdown.exams.flatMap((exam) => {
    const span = { from: instantOf(exam.from) ?? to, to: instantOf(exam.to) ?? from };
    const clipped = { from: Math.max(span.from, from), to: Math.min(span.to, to) };
    return clipped.to > clipped.from ? [clipped] : [];
  });
}
