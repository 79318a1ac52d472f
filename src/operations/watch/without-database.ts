import type { Channels } from "../../channels/channel.js";
import { describeError } from "../../domain/describe-error.js";
import { incidentIdOf } from "../../domain/incident.js";
import { OWN_LABELS } from "../../domain/metric.js";
import type { Notice, NoticeWay } from "../../domain/notice.js";
import type { IncidentNoticeData } from "../../domain/notice-templates.js";
import { OWN_SOURCE } from "../../domain/own-signal.js";
import { DAY_MS, type Instant, MINUTE_MS } from "../../domain/time.js";
import { maintenanceAt } from "../../policy/calendar.js";
import { insteadOf, waysOf } from "../../policy/recipients.js";
import { type Decision, decideRoute, routeOf, type SignalView } from "../../policy/route.js";
import type { Route } from "../../policy/schema.js";
import type { WatchDeps } from "./deps.js";

export interface WithoutDatabaseDeps extends WatchDeps {
  channels: Channels;
}

/** What is remembered while the database is gone, in KV because nothing else is there. */
interface Gone {
  /** The minute in which it was first missed. */
  since: Instant;
  /** How many of the route's steps were told. */
  steps: number;
  /** Who was told that it began. */
  ways: NoticeWay[];
}

const KEY = "watch:database-gone";
const KEPT_MS = 7 * DAY_MS;
/** Without KV it is not known what was told: then only in each so-manieth minute. */
const BLIND_EVERY_MINUTES = 15;
const TITLE = "No connection to the database: deliveries are taken, and nothing is worked on";
const NEXT_STEP =
  "Look at the database and its pooler, and at DATABASE_URL. What comes in is kept by the queue and worked on when it is there again. This was sent past the incidents, which need the database: it cannot be acknowledged here.";

/**
 * Looks whether the database answers. While it does not, no incident can be kept, and so none told: people are told
 * past them, by the route that the policy has for it, step by step, each once. When it is there again they are told that,
 * and the incident follows from what was measured. Twice rather than never.
 */
export async function watchDatabase(
  deps: WithoutDatabaseDeps,
): Promise<{ answers: boolean; told: number }> {
  const answers = await doesAnswer(deps);
  const now = deps.clock.now();
  const known = await recall(deps);
  if (answers) {
    if (known === null || known === "unknown") return { answers, told: 0 };
    const told = await tell("incident-resolved", known, known.ways, now, deps);
    await deps.kv.delete(KEY);
    return { answers, told: told.length };
  }
  const minute = Math.floor(now / MINUTE_MS) * MINUTE_MS;
  if (known === "unknown" && (minute / MINUTE_MS) % BLIND_EVERY_MINUTES !== 0) {
    return { answers, told: 0 };
  }
  const gone =
    known === null || known === "unknown" ? { since: minute, steps: 0, ways: [] } : known;
  const { told, steps } = await tellSteps(gone, now, deps);
  await remember({ ...gone, steps, ways: merged(gone.ways, told) }, deps);
  return { answers, told: told.length };
}

/** A single lost connection is no outage. */
async function doesAnswer({ database, log }: WithoutDatabaseDeps): Promise<boolean> {
  for (let tries = 0; tries < 2; tries += 1) {
    try {
      await database.query("SELECT 1", []);
      return true;
    } catch (error) {
      log.error("database.gone", { detail: describeError(error) });
    }
  }
  return false;
}

async function recall({ kv, log }: WithoutDatabaseDeps): Promise<Gone | null | "unknown"> {
  try {
    const text = await kv.get(KEY);
    return text === null ? null : (JSON.parse(text) as Gone);
  } catch (error) {
    log.warn("watch.not_known", { detail: describeError(error) });
    return "unknown";
  }
}

async function remember(gone: Gone, { kv, log }: WithoutDatabaseDeps): Promise<void> {
  try {
    await kv.setFor(KEY, JSON.stringify(gone), KEPT_MS);
  } catch (error) {
    log.warn("watch.not_kept", { detail: describeError(error) });
  }
}

/** The signal that the watch will raise when it can. */
export function signalWithoutDatabase(
  since: Instant,
  { policy, environment }: Pick<WithoutDatabaseDeps, "policy" | "environment">,
): SignalView {
  const threshold = policy.thresholds.find(({ metric }) => metric === "database_up")?.id;
  return {
    source: OWN_SOURCE,
    kind: "metric",
    level: "fatal",
    title: TITLE,
    service: OWN_LABELS.database,
    environment,
    tags: { metric: "database_up", ...(threshold === undefined ? {} : { threshold }) },
    occurredAt: since,
  };
}

const decisionOf = (since: Instant, deps: WithoutDatabaseDeps): Decision =>
  decideRoute(signalWithoutDatabase(since, deps), deps.policy);

async function tellSteps(
  gone: Gone,
  now: Instant,
  deps: WithoutDatabaseDeps,
): Promise<{ told: NoticeWay[]; steps: number }> {
  const { policy } = deps;
  const { route: name, severity, service } = decisionOf(gone.since, deps);
  const route = routeOf(policy, name, severity);
  const isTold = route.deliver === "immediate" || route.deliver === "delayed";
  // Planned maintenances are in the database; the policy's own are not.
  const isQuiet = maintenanceAt(policy, [], service, now) !== null;
  if (!isTold || isQuiet) return { told: [], steps: gone.steps };
  const hold = route.deliver === "delayed" ? route.holdMinutes : 0;
  const minutes = (now - gone.since) / MINUTE_MS - hold;
  const due = stepsDue(route, minutes);
  const told: NoticeWay[] = [];
  for (let nth = gone.steps; nth < due; nth += 1) {
    const step = route.steps[Math.min(nth, route.steps.length - 1)];
    if (step === undefined) continue;
    const ways = waysOf(policy, step.roles, step.channels);
    const took: NoticeWay[] = [];
    for (const way of ways) {
      const instead = insteadOf(policy, route, step.roles, way.channel, step.channels);
      took.push(...(await tellOne(way, instead, { gone, nth, now }, deps)));
    }
    told.push(...took);
    // Nobody has it: the step is still to be taken, in the next minute.
    if (ways.length > 0 && took.length === 0) return { told, steps: nth };
  }
  return { told, steps: Math.max(due, gone.steps) };
}

/** How many steps of the route have come, its repeats among them. */
function stepsDue({ steps, repeatMinutes }: Route, minutes: number): number {
  const come = steps.filter(({ afterMinutes }) => afterMinutes <= minutes).length;
  const last = steps.at(-1)?.afterMinutes;
  if (come < steps.length || last === undefined || !repeatMinutes) return come;
  return come + Math.floor((minutes - last) / repeatMinutes);
}

/** By its way, else by the first of the others that takes it. */
async function tellOne(
  way: NoticeWay,
  instead: readonly NoticeWay[],
  { gone, nth, now }: { gone: Gone; nth: number; now: Instant },
  deps: WithoutDatabaseDeps,
): Promise<NoticeWay[]> {
  const template = nth === 0 ? "incident-raised" : "incident-escalated";
  for (const each of [way, ...instead]) {
    const told = await tell(template, gone, [each], now, deps, nth);
    if (told.length > 0) return told;
  }
  return [];
}

/** Calls the channels themselves: there is nothing to keep a notice in. @returns those that took it. */
async function tell(
  template: "incident-raised" | "incident-escalated" | "incident-resolved",
  gone: Gone,
  ways: readonly NoticeWay[],
  now: Instant,
  deps: WithoutDatabaseDeps,
  nth = 0,
): Promise<NoticeWay[]> {
  const told: NoticeWay[] = [];
  for (const [i, way] of ways.entries()) {
    const channel = deps.channels[way.channel];
    if (!channel.configured) continue;
    const id = `database-gone-${gone.since}-${template}-${nth}-${way.channel}-${i}`;
    try {
      const payload = await channel.render(noticeOf(id, template, way, gone, now, deps));
      await channel.send({ idempotencyKey: id, recipient: way.recipient, payload });
      told.push(way);
    } catch (error) {
      const { channel: by } = way;
      deps.log.error("database_gone.not_told", { channel: by, detail: describeError(error) });
    }
  }
  return told;
}

function noticeOf(
  id: string,
  template: Notice["template"],
  { channel, recipient }: NoticeWay,
  gone: Gone,
  now: Instant,
  deps: WithoutDatabaseDeps,
): Notice {
  const data = dataOf(template, gone, now, deps);
  return {
    ...{ id, channel, template, recipient, data },
    ...{ cause: `database-gone:${gone.since}`, locale: "en", payload: null, status: "pending" },
    ...{ vendorId: null, eventId: null, incidentId: null, stopsAt: null, instead: [] },
    ...{ calls: 0, resends: 0, leaseUntil: null, firstCalledAt: null, errorCode: null },
    ...{ errorMessage: null, createdAt: now, sentAt: null, version: 0 },
  };
}

function dataOf(
  template: Notice["template"],
  { since }: Gone,
  now: Instant,
  deps: WithoutDatabaseDeps,
): IncidentNoticeData {
  const { policy, environment } = deps;
  const { severity, severityName, reasons } = decisionOf(since, deps);
  const isOver = template === "incident-resolved";
  return {
    // By this id the incident opens that follows from what was measured, so that a pager takes both for one.
    incidentId: incidentIdOf(since, policy.timeZone, null),
    ...{ severity, severityName, title: TITLE, service: OWN_LABELS.database, environment },
    ...{ kind: "metric", openedAt: since, timeZone: policy.timeZone, why: reasons.join(" ") },
    lastedMs: now - since,
    ...(isOver ? { resolvedAt: now, resolvedBy: "recovery" } : { nextStep: NEXT_STEP }),
    ...(template === "incident-escalated"
      ? { unansweredMinutes: Math.round((now - since) / MINUTE_MS) }
      : {}),
  };
}

const merged = (before: readonly NoticeWay[], more: readonly NoticeWay[]): NoticeWay[] => [
  ...before,
  ...more.filter(
    ({ channel, recipient }) =>
      !before.some((one) => one.channel === channel && one.recipient === recipient),
  ),
];
