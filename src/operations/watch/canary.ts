import { describeError } from "../../domain/describe-error.js";
import { isFinal } from "../../domain/event.js";
import { HOUR_MS, type Instant, MINUTE_MS } from "../../domain/time.js";
import type { WebhookSource } from "../../sources/source.js";
import { eventState, heldSources } from "../../store/watch.js";
import type { WatchDeps } from "./deps.js";
import { CANARY, orphans } from "./lag.js";
import { type Finding, openAlerts, tellFindings } from "./tell.js";

/** Of the door's answer: it gives itself less than a second. */
const POST_TIMEOUT_MS = 5_000;
const KEPT_MS = 48 * HOUR_MS;
/** A deployment that is just being replaced is no trouble: refused twice is. */
const TRIES_MIN = 2;

/** What is remembered of the last canary of a source. */
interface Sent {
  slot: Instant;
  /** When it was first sent, and last: signed anew, because a signature grows old. */
  since: Instant;
  at: Instant;
  tries: number;
  eventKey: string;
  /** Null: the door has taken it. Else what it answered. */
  refused: string | null;
}

const keyOf = (source: string): string => `watch:canary:${source}`;

/**
 * Sends each source's canary when its time has come, by the same way as its provider does, and looks where those that
 * were sent before have come to. One that is not finished in time is a trouble that says where it stopped. A source that
 * is held gets none.
 */
export async function watchCanaries(
  deps: WatchDeps,
): Promise<{ sent: number; raised: number; resolved: number }> {
  const { database, clock, policy, sources } = deps;
  const now = clock.now();
  const every = policy.lag.canaryEveryMinutes;
  const [alerts, held] = await Promise.all([openAlerts(CANARY, deps), heldSources(database)]);
  if (every === null || every <= 0) {
    return { sent: 0, ...(await tellFindings(orphans(alerts.open, CANARY, now), alerts, deps)) };
  }
  const findings: Finding[] = [];
  let sent = 0;
  const slot = Math.floor(now / (every * MINUTE_MS)) * every * MINUTE_MS;
  for (const source of sources.filter(({ id }) => !held.has(id))) {
    const before = await recall(source.id, deps);
    const isDue = before === null || before.slot !== slot || before.refused !== null;
    const after = isDue ? await send(source, slot, before, deps) : before;
    if (isDue) sent += 1;
    // The one of the slot before is judged a last time when the next is due.
    const judged = before !== null && before.slot !== slot ? before : after;
    findings.push(...(await judge(source.id, judged, now, deps)));
  }
  return { sent, ...(await tellFindings(findings, alerts, deps)) };
}

/** Without KV it is not known what was sent: it is sent, and the door knows it again. */
async function recall(source: string, { kv, log }: WatchDeps): Promise<Sent | null> {
  try {
    const text = await kv.get(keyOf(source));
    return text === null ? null : (JSON.parse(text) as Sent);
  } catch (error) {
    log.warn("canary.not_known", { source, detail: describeError(error) });
    return null;
  }
}

/** Of this deployment only: another one in the same queue account has canaries of its own. */
function idOf(slot: Instant, publicBaseUrl: string): string {
  const host = new URL(publicBaseUrl).host.replace(/[^A-Za-z0-9]+/g, "-").slice(0, 60);
  return `signalbox-canary-${host}-${slot}`;
}

async function send(
  source: WebhookSource,
  slot: Instant,
  before: Sent | null,
  deps: WatchDeps,
): Promise<Sent> {
  const { clock, kv, log, publicBaseUrl } = deps;
  const now = clock.now();
  const isAgain = before !== null && before.slot === slot;
  const canary = { id: idOf(slot, publicBaseUrl), at: now };
  const { eventKey, refused } = await post(source, canary, deps);
  const sent: Sent = {
    slot,
    since: isAgain ? before.since : now,
    at: now,
    tries: (isAgain ? before.tries : 0) + 1,
    eventKey,
    refused,
  };
  try {
    await kv.setFor(keyOf(source.id), JSON.stringify(sent), KEPT_MS);
  } catch (error) {
    log.warn("canary.not_kept", { source: source.id, detail: describeError(error) });
  }
  return sent;
}

async function post(
  source: WebhookSource,
  canary: { id: string; at: Instant },
  { post, secretsOf, publicBaseUrl }: WatchDeps,
): Promise<{ eventKey: string; refused: string | null }> {
  const secret = secretsOf(source.id)[0];
  if (secret === undefined) return { eventKey: "", refused: "there is no secret to sign it with" };
  try {
    const { headers, body } = await source.canary(secret, canary);
    const { eventKey } = await source.identify(new Headers(headers), body);
    const url = `${publicBaseUrl}/api/webhooks/${source.id}`;
    const answer = await post({ url, headers, body, timeoutMs: POST_TIMEOUT_MS });
    if (answer.status === 200 || answer.status === 202) return { eventKey, refused: null };
    return { eventKey, refused: `the door answered ${answer.status}${codeIn(answer.text)}` };
  } catch (error) {
    return { eventKey: "", refused: `the door did not answer (${describeError(error)})` };
  }
}

/** The problem's code, where the answer is one of ours. */
function codeIn(text: string): string {
  const code = /"code":"([a-z_]{1,40})"/.exec(text)?.[1];
  return code === undefined ? ", and not as the door does" : ` ${code}`;
}

/** How far a canary has come; nothing while it is on its way in time. */
async function judge(
  source: string,
  sent: Sent,
  now: Instant,
  deps: WatchDeps,
): Promise<Finding[]> {
  const { oldestEventMinutes } = deps.policy.lag;
  const base = {
    groupKey: `${CANARY}${source}`,
    signalKind: "lag" as const,
    level: "error" as const,
    service: source,
    tags: { check: "canary", source },
  };
  const there = (at: Instant, why: string): Finding[] => [
    { ...base, state: "there", at, title: `Deliveries of ${source} do not get through: ${why}` },
  ];
  if (sent.refused !== null) return sent.tries < TRIES_MIN ? [] : there(sent.since, sent.refused);
  const event = await eventState(deps.database, source, sent.eventKey);
  if (event !== null && isFinal(event.status)) {
    const title = `Deliveries of ${source} get through`;
    return [{ ...base, state: "over", at: now, title }];
  }
  if (event?.status === "held") return [];
  const late = sent.at + Math.max(1, oldestEventMinutes) * MINUTE_MS;
  if (event?.status === "dead") {
    return there(sent.at, `the canary became a dead letter (${event.errorCode ?? "no code"})`);
  }
  if (now < late) return [];
  if (event === null) {
    return there(late, "the door took the canary, and no worker has had it: the queue holds it");
  }
  const code = event.errorCode === null ? "" : `, last ${event.errorCode}`;
  return there(late, `the canary was tried ${event.attempts} times${code}, and is not finished`);
}
