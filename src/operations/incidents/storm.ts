import type { Incident } from "../../domain/incident.js";
import type { NoticeWay } from "../../domain/notice.js";
import { type Instant, MINUTE_MS } from "../../domain/time.js";
import type { Policy } from "../../policy/schema.js";
import type { Database } from "../../store/database.js";
import { load, type Read, read } from "../../store/load.js";

/** The incidents that came with one, shortly before or after, and what was told of them together. */
export interface Storm {
  /** Names it: the first moment of its time. */
  id: string;
  /**
   * So many came before this one, within the policy's time, that all are told as one. Fewer are read by people; and so is
   * what becomes worse or comes back later, which is told by itself.
   */
  isOn: boolean;
  /** It was told with others, and its end is theirs too. */
  isMember: boolean;
  /** All of the storm's time until now, the worst first. */
  incidents: Incident[];
  count: number;
  /** Of those that were told together: how many there are, how many are not over, and how many of these nobody has. */
  members: number;
  open: number;
  unanswered: number;
  /** Whose users were told of it. */
  services: string[];
  /** Who had a summary, ever, and who so much of it as there is to tell now. */
  hearers: NoticeWay[];
  told: NoticeWay[];
  /** How many summaries were decided: what is told after an end has an end of its own. */
  summaries: number;
  toldHad: NoticeWay[];
  toldOver: NoticeWay[];
}

/** A storm's summary names the worst; the rest is a number. */
const STORM_INCIDENTS_MAX = 20;

const CALM: Storm = {
  ...{ id: "", isOn: false, isMember: false, incidents: [], count: 0, services: [] },
  ...{ members: 0, open: 0, unanswered: 0, hearers: [], told: [], summaries: 0 },
  ...{ toldHad: [], toldOver: [] },
};

/** What is told of a storm is of none of its incidents: this is what its notices belong to, and a member's step. */
const THREAD = "storm:";
export const threadOf = ({ id }: Pick<Storm, "id">): string => `${THREAD}${id}`;

/** The time that storms are counted by. */
function stormTimeOf(at: Instant, { storm }: Pick<Policy, "storm">): { from: number; to: number } {
  const ms = storm.minutes * MINUTE_MS;
  const from = Math.floor(at / ms) * ms;
  return { from, to: from + ms };
}

/**
 * What a summary tells: the storm as it is in the time that is now, how bad the incident is that asks for it, and
 * how far it has grown. So that who is told before it grows, worsens or goes on is told again, and not for each.
 */
export function stormCause(
  storm: Pick<Storm, "id" | "count">,
  { severity }: Pick<Incident, "severity">,
  now: Instant,
  policy: Pick<Policy, "storm">,
): string {
  const { from } = stormTimeOf(now, policy);
  const doublings = Math.floor(Math.log2(Math.max(1, storm.count / policy.storm.incidents)));
  return `${threadOf(storm)} ${from} ${severity} ${doublings}`;
}
/** What is told once for so many summaries: that somebody has each of its incidents, or that all are over. */
export const stormWordCause = (
  storm: Pick<Storm, "id" | "summaries">,
  what: "had" | "over",
): string => `${threadOf(storm)} ${what} ${storm.summaries}`;

const CREATED =
  "t.created_at >= to_timestamp(?::float8 / 1000) AND t.created_at < to_timestamp(?::float8 / 1000)";
export const asked = <Row>(sql: string, params: readonly unknown[]): Read<Row> => ({ sql, params });

/** Each way by which something was told. @param where over the alias `n` */
export const waysTold = (where: string, params: readonly unknown[]): Read<NoticeWay> =>
  asked(
    `SELECT coalesce(json_agg(json_build_object('channel', w.channel, 'recipient', w.recipient)), '[]')
     FROM (SELECT DISTINCT n.channel, n.recipient FROM notice n WHERE ${where}) w`,
    params,
  );

interface CameBefore {
  n: number;
  /** When the first of them came. */
  since: Instant | null;
}

/** How many came before it, within the policy's time: whether it is one of a storm. */
export const cameBefore = ({ id, createdAt }: Incident, { storm }: Policy): Read<CameBefore> =>
  asked(
    `SELECT json_build_array(json_build_object('n', count(*),
       'since', floor(extract(epoch FROM min(t.created_at)) * 1000)::bigint))
     FROM incident t WHERE ${CREATED} AND t.id <> ?`,
    [createdAt - storm.minutes * MINUTE_MS, createdAt, id],
  );

/**
 * The storm that an incident is of; what is known of it is read in a storm only.
 *
 * @param taken the names of the incident's steps: a member's storm stands among them.
 * @throws Transient
 */
export async function stormOf(
  incident: Incident,
  { n, since }: CameBefore,
  taken: readonly string[],
  { policy, now, database }: { policy: Policy; now: Instant; database: Database },
): Promise<Storm> {
  const ms = policy.storm.minutes * MINUTE_MS;
  const { createdAt, routedAt } = incident;
  const isOn = n >= policy.storm.incidents && routedAt - createdAt < ms;
  const joined = taken.find((step) => step.startsWith(THREAD))?.slice(THREAD.length);
  if (!isOn && joined === undefined) return CALM;
  const id = joined ?? String(stormTimeOf(since ?? createdAt, policy).from);
  const span = [Number(id), stormTimeOf(createdAt, policy).to + ms];
  const thread = threadOf({ id });
  const found = await load(database, {
    incidents: read("incident", CREATED, span, {
      orderBy: "t.severity, t.created_at",
      limit: STORM_INCIDENTS_MAX,
    }),
    counts: asked<Record<"count" | "members" | "open" | "unanswered" | "summaries", number>>(
      `SELECT json_build_array(json_build_object('count', count(*), 'members', count(*) FILTER (WHERE m.is),
         'open', count(*) FILTER (WHERE m.is AND t.status <> 'resolved'),
         'unanswered', count(*) FILTER (WHERE m.is AND t.status = 'open'),
         'summaries', (SELECT count(DISTINCT n.cause) FROM notice n
           WHERE n.incident_id = ? AND n.template = 'incident-storm')))
       FROM incident t, LATERAL (SELECT EXISTS (SELECT 1 FROM incident_step s
         WHERE s.incident_id = t.id AND s.step = ?) AS is) m WHERE ${CREATED}`,
      [thread, thread, ...span],
    ),
    services: asked<string>(
      `SELECT coalesce(json_agg(x.service), '[]') FROM (SELECT DISTINCT t.service FROM incident t
         JOIN incident_step s ON s.incident_id = t.id AND s.step = ? WHERE ${CREATED} AND EXISTS (
         SELECT 1 FROM incident_step u WHERE u.incident_id = t.id AND u.step LIKE 'users:%')) x`,
      [thread, ...span],
    ),
    hearers: waysTold(
      "n.incident_id = ? AND n.template = 'incident-storm' AND n.status NOT IN ('canceled', 'suppressed')",
      [thread],
    ),
  });
  const [counts] = found.counts;
  if (counts === undefined) throw new Error("counts are always there");
  const { count, summaries } = counts;
  const known = await load(database, {
    told: waysTold("n.cause = ?", [stormCause({ id, count }, incident, now, policy)]),
    toldHad: waysTold("n.cause = ?", [stormWordCause({ id, summaries }, "had")]),
    toldOver: waysTold("n.cause = ?", [stormWordCause({ id, summaries }, "over")]),
  });
  const { incidents, services, hearers } = found;
  const isMember = joined !== undefined;
  return { id, isOn, isMember, incidents, services, hearers, ...counts, ...known };
}
