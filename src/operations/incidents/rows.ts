import type { Deployment } from "../../domain/deployment.js";
import { Permanent } from "../../domain/errors.js";
import type { Incident, IncidentStep, IncidentTask, Maintenance } from "../../domain/incident.js";
import type { ChannelId, NoticeWay } from "../../domain/notice.js";
import type { TimerRow } from "../../domain/outbox.js";
import { OWN_SOURCE } from "../../domain/own-signal.js";
import { DAY_MS, type Instant } from "../../domain/time.js";
import type { Policy } from "../../policy/schema.js";
import type { Database } from "../../store/database.js";
import { load, type Read, read } from "../../store/load.js";
import { asked, cameBefore, type Storm, stormOf, waysTold } from "./storm.js";

/** How many there are of it, whether a person has spoken, and how often users were told. */
interface Counts {
  signals: number;
  alerts: number;
  /** Of the alerts, those that say more than that a deployment failed before it served anybody. */
  ofWhatServes: number;
  notes: number;
  usersTold: number;
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
 * Steps that repeat add up, to thousands where an incident lasts or flaps for months, and of these only the last are
 * asked for. What is not listed here is asked for again and again, by its name.
 */
const REPEATS = "(t.step ~ '[+][0-9]+$' OR t.step ~ '^(users:[1-9]|check:|reopened:|ack_link:)')";
const REPEATS_MAX = 2_000;
const STEPS_MAX = 20_000;
const PLANNED_MAX = 1_000;

const countsOf = (id: string): Read<Counts> =>
  asked(
    `SELECT json_build_array(json_build_object(
       'signals', (SELECT count(*) FROM signal s WHERE s.incident_id = ?),
       'alerts', (SELECT count(*) FROM alert a WHERE a.incident_id = ?),
       'ofWhatServes', (SELECT count(*) FROM alert a WHERE a.incident_id = ?
         AND (a.kind <> 'deployment' OR a.source = '${OWN_SOURCE}')),
       'notes', (SELECT count(*) FROM incident_entry e WHERE e.incident_id = ? AND e.kind = 'note'),
       'usersTold', (SELECT count(*) FROM incident_step u WHERE u.incident_id = ? AND u.step LIKE 'users:%')))`,
    [id, id, id, id, id],
  );

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
    once: read("incidentStep", `t.incident_id = ? AND NOT ${REPEATS}`, [id], {
      rowsMax: STEPS_MAX,
    }),
    repeated: read("incidentStep", `t.incident_id = ? AND ${REPEATS}`, [id], {
      orderBy: "t.taken_at DESC, t.id DESC",
      limit: REPEATS_MAX,
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
    before: cameBefore(incident, policy),
  });
  const [counts] = rows.counts;
  if (counts === undefined) throw new Error("counts are always there");
  const deployment = (wanted: string | null): Deployment | undefined =>
    rows.deployments.find((one) => one.id === wanted);
  const steps = [...rows.once, ...rows.repeated];
  const taken = steps.map(({ step }) => step);
  return {
    incident,
    steps,
    timer: rows.timer[0],
    tasks: rows.tasks,
    planned: rows.planned,
    suspect: deployment(suspectId),
    lastGood: deployment(lastGoodId),
    counts,
    eventId: rows.began[0]?.eventId ?? null,
    told: rows.told,
    storm: await stormOf(incident, rows.before[0] ?? { n: 0, since: null }, taken, {
      ...{ policy, now, database },
    }),
  };
}

/** The ways that go by one of the channels. */
export const byChannels = (
  ways: readonly NoticeWay[],
  channels: readonly ChannelId[],
): NoticeWay[] => ways.filter(({ channel }) => channels.includes(channel));
