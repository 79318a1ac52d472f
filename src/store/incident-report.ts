import type { Deployment } from "../domain/deployment.js";
import type { Alert, Incident, IncidentEntry, IncidentTask } from "../domain/incident.js";
import type { ChannelId, NoticeStatus, Template } from "../domain/notice.js";
import type { Instant } from "../domain/time.js";
import type { Database } from "./database.js";
import { load, type Read, read } from "./load.js";

/** A notice, as far as a report tells of it. */
export interface ToldNotice {
  channel: ChannelId;
  template: Template;
  /** Of the incident's clock: `page:1:0`, `executives`. */
  step: string;
  recipient: string;
  status: NoticeStatus;
  createdAt: Instant;
  sentAt: Instant | null;
  errorCode: string | null;
}

/** How many users were told, by each kind of word; whom is nobody's business here. */
export interface ToldUsers {
  template: Template;
  people: number;
  firstAt: Instant;
  lastAt: Instant;
}

/** All that is known of an incident, for whoever writes it up. */
export interface IncidentReport {
  incident: Incident;
  /** Oldest first. */
  alerts: Alert[];
  signals: { source: string; count: number }[];
  entries: IncidentEntry[];
  /** To those on call. */
  notices: ToldNotice[];
  users: ToldUsers[];
  tasks: IncidentTask[];
  suspect: Deployment | null;
  lastGood: Deployment | null;
}

/** More than anybody reads; of a longer story the first ones. */
const ALERTS_MAX = 500;
const ENTRIES_MAX = 2_000;
const NOTICES_MAX = 1_000;

const asked = <Row>(sql: string, params: readonly unknown[]): Read<Row> => ({ sql, params });
const ms = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::bigint`;

const signalsOf = (id: string): Read<{ source: string; count: number }> =>
  asked(
    `SELECT coalesce(json_agg(json_build_object('source', s.source, 'count', s.n) ORDER BY s.source), '[]')
    FROM (SELECT a.source, count(*) AS n FROM signal g JOIN alert a ON a.id = g.alert_id
      WHERE g.incident_id = ? GROUP BY a.source) s`,
    [id],
  );

const noticesOf = (id: string): Read<ToldNotice> =>
  asked(
    `SELECT coalesce(json_agg(json_build_object('channel', n.channel, 'template', n.template, 'recipient', n.recipient,
      'step', split_part(n.cause, ' ', 2), 'status', n.status, 'createdAt', ${ms("n.created_at")}, 'sentAt', ${ms("n.sent_at")},
      'errorCode', n.error_code) ORDER BY n.created_at, n.id), '[]')
    FROM (SELECT * FROM notice WHERE incident_id = ? AND template NOT LIKE 'user-%'
      ORDER BY created_at, id LIMIT ${NOTICES_MAX}) n`,
    [id],
  );

const usersOf = (id: string): Read<ToldUsers> =>
  asked(
    `SELECT coalesce(json_agg(json_build_object('template', u.template, 'people', u.people,
      'firstAt', ${ms("u.first_at")}, 'lastAt', ${ms("u.last_at")}) ORDER BY u.first_at), '[]')
    FROM (SELECT template, count(DISTINCT recipient) AS people, min(created_at) AS first_at, max(created_at) AS last_at
      FROM notice WHERE incident_id = ? AND template LIKE 'user-%' AND channel = 'email' GROUP BY template) u`,
    [id],
  );

/** Null when there is none of this id. @throws Transient */
export async function readIncidentReport(
  database: Database,
  id: string,
): Promise<IncidentReport | null> {
  const { incident: found } = await load(database, {
    incident: read("incident", "t.id = ?", [id]),
  });
  const incident = found[0];
  if (incident === undefined) return null;
  const { suspectId, lastGoodId } = incident;
  const rows = await load(database, {
    alerts: read("alert", "t.incident_id = ?", [id], { orderBy: "t.opened_at", limit: ALERTS_MAX }),
    entries: read("incidentEntry", "t.incident_id = ?", [id], {
      orderBy: "t.at, t.id",
      limit: ENTRIES_MAX,
    }),
    tasks: read("incidentTask", "t.incident_id = ?", [id], { orderBy: "t.due_at" }),
    deployments: read("deployment", "t.id IN (?, ?)", [suspectId, lastGoodId]),
    signals: signalsOf(id),
    notices: noticesOf(id),
    users: usersOf(id),
  });
  const deployment = (wanted: string | null): Deployment | null =>
    rows.deployments.find((one) => one.id === wanted) ?? null;
  const { alerts, entries, tasks, signals, notices, users } = rows;
  return {
    ...{ incident, alerts, entries, tasks, signals, notices, users },
    suspect: deployment(suspectId),
    lastGood: deployment(lastGoodId),
  };
}
