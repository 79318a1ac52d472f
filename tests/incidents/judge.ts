import { MINUTE_MS } from "../../src/domain/time.js";
import type { Policy } from "../../src/policy/schema.js";
import type { Database } from "../../src/store/database.js";
import { type Diary, routeIn, type Seen, type Stretch, wantedOf } from "./model.js";
import type { Arrival } from "./recorder.js";
import type { World } from "./world.js";

interface NoticeRow {
  id: string;
  incident: string | null;
  cause: string;
  template: string;
  channel: string;
  recipient: string;
  status: string;
  stops: string | null;
  instead_of: string | null;
  /** Its service refuses it for good: a person has it as a dead letter. */
  dead: boolean;
  /** When its end without an arrival was written; null of one that arrived. */
  failed_at: number | null;
  at: number;
}
interface Books {
  notices: NoticeRow[];
  steps: { incident: string; step: string; at: number }[];
  entries: { incident: string; kind: string; at: number; text: string }[];
  alerts: { incident: string | null; status: string }[];
  transitions: { incident: string; action: string; n: number }[];
  incidents: { id: string; status: string; at: number; reopenings: number }[];
  subscribers: { email: string; services: string[] }[];
  left: number;
  timers: number;
}

const ms = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8`;

async function readBooks(database: Database, now: number): Promise<Books> {
  const all = async <T>(sql: string): Promise<T[]> => (await database.pool.query(sql)).rows as T[];
  const [notices, steps, entries, alerts, transitions, incidents, subscribers, rest] =
    await Promise.all([
      all<NoticeRow>(`SELECT id, incident_id AS incident, cause, template, channel, recipient, status,
        stops_at AS stops, data ->> 'insteadOf' AS instead_of, ${ms("created_at")} AS at, EXISTS (
          SELECT 1 FROM dead_letter d WHERE d.notice_id = notice.id) AS dead,
        (SELECT max(${ms("a.at")}) FROM audit_entry a WHERE a.subject = notice.id
          AND a.action IN ('notice.failed', 'notice.unknown')) AS failed_at FROM notice`),
      all<Books["steps"][number]>(
        `SELECT incident_id AS incident, step, ${ms("taken_at")} AS at FROM incident_step`,
      ),
      all<Books["entries"][number]>(
        `SELECT incident_id AS incident, kind, ${ms("at")} AS at, text FROM incident_entry`,
      ),
      all<Books["alerts"][number]>("SELECT incident_id AS incident, status FROM alert"),
      all<Books["transitions"][number]>(
        `SELECT subject AS incident, action, count(*)::int AS n FROM audit_entry
         WHERE action ~ '^incident.(opened|acknowledged|resolved|reopened|open)$' GROUP BY 1, 2`,
      ),
      all<Books["incidents"][number]>(
        `SELECT id, status, ${ms("created_at")} AS at, reopenings FROM incident`,
      ),
      all<Books["subscribers"][number]>("SELECT email, services FROM subscriber"),
      all<{ left: number; timers: number }>(
        `SELECT (SELECT count(*)::int FROM outbox o WHERE o.message ->> 'type' = 'notice.due.v1') AS left,
          (SELECT count(*)::int FROM timer WHERE status = 'waiting' AND ${ms("due_at")} <= ${now}) AS timers`,
      ),
    ]);
  const [{ left, timers } = { left: 0, timers: 0 }] = rest;
  return { notices, steps, entries, alerts, transitions, incidents, subscribers, left, timers };
}

export interface Case {
  world: World;
  diary: Diary;
  policy: Policy;
  database: Database;
  arrivals: readonly Arrival[];
  /** Nothing went wrong in it: then all is told in time. */
  isCalm: boolean;
}

/** All that a history must not have done. Empty where it holds. */
export async function judge(one: Case): Promise<string[]> {
  const books = await readBooks(one.database, one.world.now);
  return [
    ...one.world.troubles,
    ...pagesAfterEnd(one, books),
    ...missedSteps(one, books),
    ...missedPages(one, books),
    ...twice(books),
    ...lateSteps(one),
    ...earlySteps(one, books),
    ...storms(one, books),
    ...users(one, books),
    ...untold(books),
    ...atRest(books),
  ];
}

/** A page's reserve that began when its incident was known to be acknowledged, or over. */
function pagesAfterEnd({ world, diary }: Case, { notices }: Books): string[] {
  const byId = new Map(notices.map((notice) => [notice.id, notice]));
  return world.reserves.flatMap(({ noticeId, began }) => {
    const notice = byId.get(noticeId);
    if (notice?.incident == null || notice.stops === null) return [];
    const stopped = (diary.stretches.get(notice.incident) ?? []).find(
      ({ state, from, to }) =>
        from < began &&
        began < to &&
        (state.status === "resolved" ||
          (state.status === "acknowledged" && notice.stops === "acknowledged")),
    );
    if (stopped === undefined) return [];
    return [
      `${notice.template} of ${notice.incident} left by ${notice.channel} though it was ${stopped.state.status}`,
    ];
  });
}

const before = ({ storm }: Policy, incidents: Books["incidents"], at: number) =>
  incidents.filter((one) => one.at < at && one.at >= at - storm.minutes * MINUTE_MS);

/** True of an incident that came after so many others that all are told as one. */
const inStorm = (policy: Policy, incidents: Books["incidents"], at: number): boolean =>
  before(policy, incidents, at).length >= policy.storm.incidents;

/** What is routed anew later, because it is worse or has come back, is told by itself. */
const isToldTogether = (
  policy: Policy,
  incidents: Books["incidents"],
  { createdAt, routedAt }: Pick<Seen, "createdAt" | "routedAt">,
): boolean =>
  inStorm(policy, incidents, createdAt) && routedAt - createdAt < policy.storm.minutes * MINUTE_MS;

/** The state in which a step of a routing was decided: `page:2:0` belongs to the second. */
const routedIn = (stretches: readonly Stretch[], step: string): Seen | undefined => {
  const routing = Number(/^page:(\d+):/.exec(step)?.[1]);
  return stretches.find(({ state }) => state.routings === routing)?.state;
};

/** After a sweep that came to its end nothing is left that was due before it. */
function missedSteps({ world, diary, policy }: Case, { steps, incidents }: Books): string[] {
  const taken = new Map(steps.map(({ incident, step, at }) => [`${incident} ${step}`, at]));
  const found = new Set<string>();
  for (const { at, began, ended } of world.sweeps) {
    for (const [id, stretches] of diary.stretches) {
      const { state } = stretches.find(({ from, to }) => from < began && ended < to) ?? {};
      if (state === undefined) continue;
      const together = isToldTogether(policy, incidents, state);
      for (const wanted of wantedOf(state, policy, at, together)) {
        const takenAt = taken.get(`${id} ${wanted.step}`);
        if (takenAt === undefined || takenAt > at)
          found.add(`${id} (${state.status}): ${wanted.step} is missed`);
      }
    }
  }
  return [...found];
}

const wasStopped = (stretches: readonly Stretch[], { at, stops }: NoticeRow): boolean =>
  stretches.some(
    ({ state, toAt }) =>
      toAt >= at &&
      (state.status === "resolved" ||
        (state.status === "acknowledged" && stops === "acknowledged")),
  );

/** Somebody had it, or it was over, before its service refused it: then it goes no other way either. */
const failedTooLate = (
  stretches: readonly Stretch[],
  { at: planned, failed_at: at, stops }: NoticeRow,
): boolean =>
  at !== null &&
  stretches.some(
    ({ state, fromAt, toAt }) =>
      toAt >= planned &&
      fromAt <= at + MINUTE_MS &&
      (state.status === "resolved" ||
        (state.status === "acknowledged" && stops === "acknowledged")),
  );

/** Each page that was decided has gone by its channel, or by the one instead, unless somebody had it before. */
function missedPages(one: Case, { notices, steps, incidents }: Books): string[] {
  const { diary, policy, isCalm, arrivals } = one;
  const found: string[] = [];
  const arrived = new Map(arrivals.map(({ noticeId, at }) => [noticeId, at]));
  for (const { incident, step, at } of steps.filter(({ step }) => step.startsWith("page:"))) {
    const stretches = diary.stretches.get(incident) ?? [];
    const routed = routedIn(stretches, step);
    if (routed !== undefined && isToldTogether(policy, incidents, routed)) continue;
    const sent = notices.filter(({ cause }) => cause === `incident:${incident} ${step}`);
    const states = stretches.filter(({ state }) => state.status === "open" && state.routedAt <= at);
    const ways = states
      .flatMap(({ state }) => wantedOf(state, policy, at, false))
      .find((wanted) => wanted.step === step)?.ways;
    for (const { channel, recipient } of ways ?? []) {
      const own = sent.find((n) => n.channel === channel && n.recipient === recipient);
      if (own === undefined) found.push(`${incident} ${step}: nothing for ${channel} ${recipient}`);
    }
    for (const notice of sent) {
      const name = `${incident} ${step} by ${notice.channel}`;
      if (isCalm && notice.status === "sent" && (arrived.get(notice.id) ?? 0) > at + MINUTE_MS) {
        found.push(`${name}: came late`);
      }
      if (["sent", "delivered"].includes(notice.status)) continue;
      if (notice.status === "canceled" && wasStopped(stretches, notice)) continue;
      if (failedTooLate(stretches, notice)) continue;
      // Where the step itself goes by all that the route could fall back on, what it said there is what went.
      const own = sent.filter((n) => n.instead_of === null).map(({ channel }) => channel);
      const isUsedUp = states.every(({ state }) =>
        routeIn(policy, state).fallback.every((channel) => own.includes(channel)),
      );
      const others = sent.filter(
        (n) =>
          n.id !== notice.id &&
          ["sent", "canceled"].includes(n.status) &&
          (n.instead_of !== null || (isUsedUp && n.channel !== notice.channel)),
      );
      if (others.length === 0)
        found.push(`${name}: ended as ${notice.status}, and nothing went instead`);
    }
  }
  return found;
}

/** Each step once, each notice once, and what a service got twice it was asked twice for. */
function twice({ steps, notices }: Books): string[] {
  const names = [
    ...steps.map(({ incident, step }) => `step ${incident} ${step}`),
    ...notices.map((n) => `notice ${n.cause} ${n.template} ${n.channel} ${n.recipient}`),
  ];
  const seen = new Set<string>();
  return names.flatMap((name) => {
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    return [`${name}: twice`];
  });
}

const ONLY_WHILE_OPEN = /^(page|acknowledge|first_response):/;
const ONLY_UNTIL_OVER = /^(executives$|users:)/;

/** Nothing is decided of what is known to be over, nor a page of what somebody has. */
function lateSteps({ world, diary }: Case): string[] {
  return world.taken.flatMap(({ incidentId, step, began }) => {
    const state = (diary.stretches.get(incidentId) ?? []).find(
      ({ from, to }) => from < began && began < to,
    )?.state;
    if (state === undefined || state.status === "open") return [];
    const isOver = state.status === "resolved";
    if (!ONLY_WHILE_OPEN.test(step) && !(isOver && ONLY_UNTIL_OVER.test(step))) return [];
    return [`${incidentId}: ${step} was taken though it was ${state.status}`];
  });
}

/** Nobody is told sooner than the policy says: not within a hold, nor in a maintenance. */
function earlySteps({ diary, policy }: Case, { steps, incidents }: Books): string[] {
  return steps.flatMap(({ incident, step, at }) => {
    if (!/^(page|users):/.test(step) && step !== "executives") return [];
    const stretches = diary.stretches.get(incident) ?? [];
    const wanted = stretches
      .filter(({ state }) => state.routedAt <= at)
      .flatMap(({ state }) =>
        wantedOf(state, policy, at, isToldTogether(policy, incidents, state)),
      );
    if (wanted.some((one) => one.step === step)) return [];
    return [`${incident}: ${step} was taken too early`];
  });
}

const stormOf = (policy: Policy, incidents: Books["incidents"], at: number): string => {
  const ms = policy.storm.minutes * MINUTE_MS;
  const first = Math.min(...before(policy, incidents, at).map((one) => one.at));
  return `storm:${Math.floor(first / ms) * ms}`;
};

/** Of many at once people get one summary for each time, and nobody is left without; nor without its end. */
function storms({ policy, diary }: Case, { notices, steps, incidents }: Books): string[] {
  const told = incidents.filter(
    ({ id, at }) =>
      inStorm(policy, incidents, at) &&
      steps.some(({ incident, step }) => incident === id && step.startsWith("page:")),
  );
  const ms = policy.storm.minutes * MINUTE_MS;
  const unended = [...new Set(told.map(({ at }) => stormOf(policy, incidents, at)))].flatMap(
    (storm) => {
      const had = notices.filter(
        (n) =>
          n.template === "incident-storm" && n.cause.startsWith(`${storm} `) && n.status === "sent",
      );
      return had
        .filter(({ channel }) => channel !== "sms")
        .filter(
          ({ channel, recipient }) =>
            !notices.some(
              (n) =>
                n.cause.startsWith(`${storm} over`) &&
                n.channel === channel &&
                n.recipient === recipient &&
                (n.status === "sent" || n.dead),
            ),
        )
        .map(
          ({ channel, recipient }) => `${storm}: ${channel} ${recipient} does not hear of its end`,
        );
    },
  );
  const without = told.flatMap(({ id, at: created }) => {
    const stretches = diary.stretches.get(id) ?? [];
    const isTogether = (step: string): boolean => {
      const routed = routedIn(stretches, step);
      return routed !== undefined && isToldTogether(policy, incidents, routed);
    };
    const pages = steps.filter((one) => one.incident === id && isTogether(one.step));
    const found = pages
      .filter(({ at }) => {
        const time = `${stormOf(policy, incidents, created)} ${Math.floor(at / ms) * ms} `;
        return !notices.some(({ cause }) => cause.startsWith(time));
      })
      .map(({ step }) => `${id}: no summary tells its ${step}`);
    if (pages.some(({ step }) => notices.some((n) => n.cause === `incident:${id} ${step}`))) {
      found.push(`${id}: told by itself in a storm`);
    }
    return found;
  });
  return [...unended, ...without];
}

/** Who reads of a service hears of each word to users, and of the end. */
function users(
  { diary, policy }: Case,
  { steps, notices, subscribers, incidents }: Books,
): string[] {
  const found: string[] = [];
  for (const { id, at, status, reopenings } of incidents) {
    // Of a storm each reader hears once, and of its end when all of it is over.
    const isStorm = inStorm(policy, incidents, at);
    const about = isStorm ? stormOf(policy, incidents, at) : `incident:${id}`;
    const service = diary.stretches.get(id)?.[0]?.state.service ?? "";
    const readers = subscribers.filter(
      (s) => s.services.length === 0 || s.services.includes(service),
    );
    const words = steps.filter(
      (one) => one.incident === id && /^users(_resolved)?:/.test(one.step),
    );
    for (const { step } of words) {
      const isEnd = step.startsWith("users_resolved:");
      const heard = words.some((one) => one.step.startsWith("users:"));
      if (isStorm && isEnd && !heard) continue; // another one's users were told
      for (const { email } of readers) {
        const told = notices.some(
          (n) =>
            (isStorm && isEnd
              ? n.cause.startsWith(`${about} users_resolved:`)
              : [`${about} ${step}`, `incident:${id} ${step}`].includes(n.cause)) &&
            n.recipient === email &&
            (n.status === "sent" || n.dead),
        );
        if (!told) found.push(`${id} ${step}: ${email} does not hear of it`);
      }
    }
    const others = subscribers.filter((s) => !readers.includes(s)).map(({ email }) => email);
    if (notices.some((n) => n.incident === id && others.includes(n.recipient))) {
      found.push(`${id}: somebody hears of a service that is not theirs`);
    }
    const toldUsers = words.some(({ step }) => step.startsWith("users:"));
    if (
      status === "resolved" &&
      toldUsers &&
      !words.some(({ step }) => step === `users_resolved:${reopenings}`)
    ) {
      found.push(`${id}: users were told of it, and not of its end`);
    }
  }
  return found;
}

/** The timeline has a line for each step and each transition, and says when a channel was not to be had. */
function untold({ steps, entries, transitions, notices, incidents }: Books): string[] {
  const found: string[] = [];
  for (const { id } of incidents) {
    const of = entries.filter(({ incident }) => incident === id);
    const pages = steps.filter(({ incident, step }) => incident === id && step.startsWith("page:"));
    const lines = of.filter(
      ({ kind, text }) => kind === "step" && /^(.+ told by |told with the storm)/.test(text),
    );
    if (lines.length < pages.length)
      found.push(`${id}: ${pages.length} pages, ${lines.length} lines`);
    const changes = transitions
      .filter(({ incident }) => incident === id)
      .reduce((sum, { n }) => sum + n, 0);
    const changed = of.filter(({ kind }) => kind === "transition").length;
    if (changed < changes) found.push(`${id}: ${changes} transitions, ${changed} lines`);
    const redirected = notices.filter((n) => n.incident === id && n.instead_of !== null);
    const said = of.filter(({ text }) => text.includes("could not be reached")).length;
    if (redirected.length > 0 && said === 0)
      found.push(`${id}: told another way, and the timeline does not say so`);
  }
  return found;
}

/** When all is over nothing waits, and each incident is over with its alerts. */
function atRest({ notices, incidents, alerts, left, timers }: Books): string[] {
  const found: string[] = [];
  const waiting = notices.filter(({ status }) => status === "pending" || status === "sending");
  if (waiting.length > 0)
    found.push(
      `${waiting.length} notices wait for ever: ${waiting[0]?.channel} ${waiting[0]?.status}`,
    );
  if (left > 0) found.push(`${left} messages lie in the outbox`);
  if (timers > 0) found.push(`${timers} timers are overdue`);
  for (const { id, status } of incidents) {
    const open = alerts.filter((one) => one.incident === id && one.status !== "resolved").length;
    if (status !== "resolved" && open === 0)
      found.push(`${id} is ${status} though nothing of it burns`);
  }
  return found;
}
