import type { Deployment } from "../../domain/deployment.js";
import { Permanent } from "../../domain/errors.js";
import type { Incident, IncidentStep, IncidentTask, Maintenance } from "../../domain/incident.js";
import type { ChannelId, NoticeWay } from "../../domain/notice.js";
import type { TimerRow } from "../../domain/outbox.js";
import { DAY_MS, type Instant, MINUTE_MS } from "../../domain/time.js";
import type { Policy } from "../../policy/schema.js";
import type { Database } from "../../store/database.js";
import { load, type Read, read } from "../../store/load.js";

/** How many there are of it, and whether a person has spoken. */
interface Counts {
  signals: number;
  alerts: number;
  notes: number;
}

/** The incidents that came with it, shortly before or after. */
export interface Storm {
  /** Names it: the first moment of its time. */
  id: string;
  /** So many came before this one, within the policy's time, that all are told as one. Fewer are read by people. */
  isOn: boolean;
  /** All of the storm's time until now. */
  incidents: Incident[];
  count: number;
  /** Of these, how many are not over. */
  open: number;
  /** Who has been told so much of it already, and of its end. */
  told: NoticeWay[];
  toldOver: NoticeWay[];
}

/** All that an incident's clock is decided on. */
export interface IncidentRows {
  incident: Incident;
  steps: IncidentStep[];
  timer: TimerRow | undefined;
  tasks: IncidentTask[];
  planned: Maintenance[];
  suspect: Deployment | undefined;
  lastGood: Deployment | undefined;
  counts: Counts;
  /** The event that it began with: what is told of it belongs to that. */
  eventId: string | null;
  /** Each way by which somebody was told of it while it lasted. */
  told: NoticeWay[];
  storm: Storm;
}

/**
 * What is taken once, or asked for as the first of its kind. All others add up, to thousands where an incident lasts
 * or flaps for months, and only the last of them are asked for.
 */
const FOR_GOOD =
  "(t.step IN ('page:1:0', 'executives', 'users:0', 'tasks') OR t.step LIKE 'task_due:%')";
const STEPS_MAX = 2_000;
const PLANNED_MAX = 1_000;
/** A storm's summary names the worst; the rest is a number. */
const STORM_INCIDENTS_MAX = 20;

const asked = <Row>(sql: string, params: readonly unknown[]): Read<Row> => ({ sql, params });

const countsOf = (id: string): Read<Counts> =>
  asked(
    `SELECT json_build_array(json_build_object(
       'signals', (SELECT count(*) FROM signal s WHERE s.incident_id = ?),
       'alerts', (SELECT count(*) FROM alert a WHERE a.incident_id = ?),
       'notes', (SELECT count(*) FROM incident_entry e WHERE e.incident_id = ? AND e.kind = 'note')))`,
    [id, id, id],
  );

const CREATED =
  "t.created_at >= to_timestamp(?::float8 / 1000) AND t.created_at < to_timestamp(?::float8 / 1000)";
const howMany = (where: string, params: readonly unknown[]): Read<{ n: number }> =>
  asked(
    `SELECT json_build_array(json_build_object('n', (SELECT count(*) FROM incident t WHERE ${where})))`,
    params,
  );

const waysTold = (where: string, params: readonly unknown[]): Read<NoticeWay> =>
  asked(
    `SELECT coalesce(json_agg(json_build_object('channel', w.channel, 'recipient', w.recipient)), '[]')
     FROM (SELECT DISTINCT n.channel, n.recipient FROM notice n WHERE ${where}) w`,
    params,
  );

/** The time that storms are counted by: told once in each. */
export function stormTimeOf(
  { createdAt }: Pick<Incident, "createdAt">,
  { storm }: Pick<Policy, "storm">,
): { from: Instant; to: Instant } {
  const ms = storm.minutes * MINUTE_MS;
  const from = Math.floor(createdAt / ms) * ms;
  return { from, to: from + ms };
}

/**
 * What a summary tells: the storm as it is in the time that is now, how bad the incident is that asks for it, and
 * how far it has grown. So that who is told before it grows, worsens or goes on is told again, and not for each.
 */
export function stormCause(
  { severity }: Pick<Incident, "severity">,
  count: number,
  now: Instant,
  policy: Pick<Policy, "storm">,
): string {
  const { from } = stormTimeOf({ createdAt: now }, policy);
  const doublings = Math.floor(Math.log2(Math.max(1, count / policy.storm.incidents)));
  return `storm:${from} ${severity} ${doublings}`;
}
export const stormOverCause = (stormId: string): string => `storm:${stormId} over`;

/** @throws Permanent `not_found`; Transient. */
export async function readIncident(id: string, database: Database): Promise<Incident> {
  const { incident } = await load(database, { incident: read("incident", "t.id = ?", [id]) });
  const found = incident[0];
  if (found === undefined)
    throw new Permanent("not_found", { detail: `There is no incident ${id}.` });
  return found;
}

/** @throws Permanent `not_found`; Transient. */
export async function loadIncident(
  id: string,
  policy: Policy,
  now: Instant,
  database: Database,
): Promise<IncidentRows> {
  const incident = await readIncident(id, database);
  const { suspectId, lastGoodId } = incident;
  const rows = await load(database, {
    forGood: read("incidentStep", `t.incident_id = ? AND ${FOR_GOOD}`, [id]),
    lately: read("incidentStep", `t.incident_id = ? AND NOT ${FOR_GOOD}`, [id], {
      orderBy: "t.taken_at DESC, t.id DESC",
      limit: STEPS_MAX,
    }),
    timer: read("timer", "t.kind = 'incident.due' AND t.subject = ?", [id]),
    tasks: read("incidentTask", "t.incident_id = ?", [id]),
    planned: read(
      "maintenance",
      "t.ends_at > to_timestamp(?::float8 / 1000) AND t.starts_at < to_timestamp(?::float8 / 1000)",
      [now - 7 * DAY_MS, now + 7 * DAY_MS],
      { rowsMax: PLANNED_MAX },
    ),
    deployments: read("deployment", "t.id IN (?, ?)", [suspectId, lastGoodId]),
    counts: countsOf(id),
    began: asked<{ eventId: string }>(
      `SELECT coalesce(json_agg(json_build_object('eventId', s.event_id)), '[]') FROM
       (SELECT event_id FROM signal WHERE incident_id = ? ORDER BY occurred_at, id LIMIT 1) s`,
      [id],
    ),
    // Whose page was canceled by an acknowledgement has heard of that. A task that is due is told once it is over.
    told: waysTold(
      `n.incident_id = ? AND n.cause NOT LIKE '% task_due:%' AND n.status NOT IN ('canceled', 'suppressed')
       AND n.template IN ('incident-raised', 'incident-escalated', 'incident-reopened', 'incident-acknowledged')`,
      [id],
    ),
    ...stormReads(incident, policy),
  });
  const [counts] = rows.counts;
  if (counts === undefined) throw new Error("counts are always there");
  const deployment = (wanted: string | null): Deployment | undefined =>
    rows.deployments.find((one) => one.id === wanted);
  return {
    incident,
    steps: [...rows.forGood, ...rows.lately],
    timer: rows.timer[0],
    tasks: rows.tasks,
    planned: rows.planned,
    suspect: deployment(suspectId),
    lastGood: deployment(lastGoodId),
    counts,
    eventId: rows.began[0]?.eventId ?? null,
    told: rows.told,
    storm: await stormOf(incident, rows, { policy, now, database }),
  };
}

function stormReads(incident: Incident, policy: Policy) {
  const { from, to } = stormTimeOf(incident, policy);
  const since = incident.createdAt - policy.storm.minutes * MINUTE_MS;
  return {
    before: howMany(`${CREATED} AND t.id <> ?`, [since, incident.createdAt, incident.id]),
    stormCount: howMany(CREATED, [from, to]),
    stormOpen: howMany(`${CREATED} AND t.status <> 'resolved'`, [from, to]),
    stormIncidents: read("incident", CREATED, [from, to], {
      orderBy: "t.severity, t.created_at",
      limit: STORM_INCIDENTS_MAX,
    }),
  };
}

interface StormRows {
  before: { n: number }[];
  stormCount: { n: number }[];
  stormOpen: { n: number }[];
  stormIncidents: Incident[];
}

async function stormOf(
  incident: Incident,
  { before, stormCount, stormOpen, stormIncidents: incidents }: StormRows,
  { policy, now, database }: { policy: Policy; now: Instant; database: Database },
): Promise<Storm> {
  const count = stormCount[0]?.n ?? 0;
  const open = stormOpen[0]?.n ?? 0;
  const id = String(stormTimeOf(incident, policy).from);
  const storm = { id, isOn: (before[0]?.n ?? 0) >= policy.storm.incidents, incidents, count, open };
  if (!storm.isOn) return { ...storm, told: [], toldOver: [] };
  const known = await load(database, {
    told: waysTold("n.cause = ?", [stormCause(incident, count, now, policy)]),
    toldOver: waysTold("n.cause = ?", [stormOverCause(id)]),
  });
  return { ...storm, ...known };
}

/** The ways that go by one of the channels. */
export const byChannels = (
  ways: readonly NoticeWay[],
  channels: readonly ChannelId[],
): NoticeWay[] => ways.filter(({ channel }) => channels.includes(channel));
