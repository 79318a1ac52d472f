import { setTimeout as wait } from "node:timers/promises";
import type { Running } from "../signalbox.js";
import { ROW_LISTS, type RowList } from "./stories.js";

export interface EventRow {
  id: string;
  source: string;
  type: string;
  eventKey: string;
  status: string;
  error: { code: string; message: string } | null;
}
export interface NoticeRow {
  id: string;
  channel: string;
  template: string;
  recipient: string;
  status: string;
  vendorId: string | null;
  eventId: string | null;
}
export interface AuditRow {
  id: string;
  action: string;
  subject: string;
  eventId: string | null;
  actor: string;
}
/** A payment, entitlement, incident or deployment; their state has one of two names. */
export interface EffectRow {
  id: string;
  state?: string;
  status?: string;
  [field: string]: unknown;
}
interface Mail {
  id: string;
  to: string[];
  subject: string;
  text: string | null;
}

/** Everything that there is to see, as a person with the admin token and the mailbox sees it. */
export interface Records {
  events: EventRow[];
  notices: NoticeRow[];
  audit: AuditRow[];
  rows: Record<RowList, EffectRow[]>;
  deadLetters: { code: string; message: string }[];
  mails: Mail[];
  slackMessages: { text: string }[];
}

const CALL_TIMEOUT_MS = 20_000;
const RETRY_MS = 500;
/** What the deployment posts to itself each quarter of an hour, to see that it gets through. */
const CANARY_TYPE = "signalbox.canary";
/**
 * What notes of itself and not of a delivery: the checks, which look half a minute after a deployment (a demo on a busy
 * machine lasts as long), and the digest of a day in which nothing was.
 */
const OF_ITSELF = new Set(["system:deployments", "system:digest"]);

/** @throws Error when a part does not answer */
export async function readRecords(running: Running): Promise<Records> {
  const headers = { authorization: `Bearer ${running.adminToken}` };
  const admin = <Row>(list: string): Promise<Row[]> =>
    listOf<Row>(`${running.url}/api/admin/${list}?limit=500`, headers);
  const rows: (readonly [RowList, EffectRow[]])[] = [];
  for (const list of ROW_LISTS) rows.push([list, await admin<EffectRow>(list)]);
  const audit = await admin<AuditRow>("audit"); // before the events: each entry's event is among them
  const events = await admin<EventRow>("events");
  const canaries = new Set(events.flatMap(({ id, type }) => (type === CANARY_TYPE ? [id] : [])));
  return {
    events: events.filter(({ id }) => !canaries.has(id)),
    notices: await admin("notifications"),
    audit: audit.filter(
      ({ eventId, actor }) => !OF_ITSELF.has(actor) && (eventId === null || !canaries.has(eventId)),
    ),
    deadLetters: await admin("dead-letters"),
    rows: Object.fromEntries(rows) as Record<RowList, EffectRow[]>,
    mails: await listOf(`${running.emulators.resend}/mailbox.json`),
    slackMessages: await listOf(`${running.emulators.slack}/messages.json`),
  };
}

/** Whether the queue has nothing to deliver now; waits for it for a moment. */
export async function queueIsAtRest(
  running: Pick<Running, "qstashUrl" | "qstashToken">,
  waitMs: number,
): Promise<boolean> {
  const url = `${running.qstashUrl}/_emulator/state?waitMs=${waitMs}`;
  const answer = await get(url, { authorization: `Bearer ${running.qstashToken}` });
  return ((await answer.json()) as { atRest: boolean }).atRest;
}

async function listOf<Row>(url: string, headers: Record<string, string> = {}): Promise<Row[]> {
  const { data } = (await (await get(url, headers)).json()) as { data: Row[] };
  return data;
}

/**
 * A machine that is busy answers 503 for a moment: it is asked again, for as long as one call may take.
 *
 * @throws Error when the answer is not a good one, or does not come.
 */
export async function get(url: string, headers: Record<string, string>): Promise<Response> {
  const signal = AbortSignal.timeout(CALL_TIMEOUT_MS);
  let answer = await fetch(url, { headers, signal });
  while (answer.status === 503) {
    await wait(RETRY_MS, undefined, { signal });
    answer = await fetch(url, { headers, signal });
  }
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  return answer;
}
