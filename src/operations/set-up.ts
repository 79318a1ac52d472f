import { describeError } from "../domain/describe-error.js";
import type { QueueAccount, Schedule } from "../queues/account.js";
import { EVENTS_FLOW } from "../queues/publish.js";

export interface SetUpReport {
  schedules: { id: string; cron: string; path: string; state: "created" | "kept" }[];
  checks: { name: string; ok: boolean; detail: string }[];
}

/** Connections that a worker's relay, sweeps and the admin API need beside the events. */
const SPARE_CONNECTIONS = 2;
/**
 * Workers that may share a connection: each holds one for a statement at a time, and notices spend their
 * time at a vendor's. Beyond that they wait in line so long that some are told the database is gone.
 */
const WORKERS_PER_CONNECTION = 3;

export interface SetUpDeps {
  account: QueueAccount;
  schedules: readonly Schedule[];
  /** `atOnce`: messages that QStash may hand us at once, by what they are, `events` among them. */
  limits: { atOnce: Readonly<Record<string, number>>; poolMax: number };
  /** True where there is a secret to sign links with. */
  signsLinks: boolean;
  /** The time zone of the database's sessions. @throws Transient */
  zone(): Promise<string>;
  /** Where QStash calls us, and what of the answer there proves that it is us. */
  address: {
    publicBaseUrl: string;
    version: string;
    /** Bounded in time; rejects when there is no answer. */
    get(url: string): Promise<{ status: number; text: string }>;
  };
}
type Check = SetUpReport["checks"][number];

/** Registers the frequent jobs as QStash schedules and checks the settings that must fit each other. Safe to repeat. */
export async function setUp(deps: SetUpDeps): Promise<SetUpReport> {
  const schedules: SetUpReport["schedules"] = [];
  for (const schedule of deps.schedules) {
    schedules.push({ ...schedule, state: await deps.account.ensureSchedule(schedule) });
  }
  const { limits } = deps;
  const checks = [
    await checkAddress(deps.address),
    checkEvents(limits),
    checkAll(limits),
    await checkFlow(deps.account, limits),
    checkLinks(deps.signsLinks),
    await checkZone(deps.zone),
  ];
  return { schedules, checks };
}

/** With a wrong address everything is accepted, and nothing is ever worked on: QStash calls somebody else. */
async function checkAddress({ publicBaseUrl, version, get }: SetUpDeps["address"]): Promise<Check> {
  const name = "PUBLIC_BASE_URL is this deployment";
  const url = `${publicBaseUrl}/api/health`;
  const bad = (found: string): Check => ({
    name,
    ok: false,
    detail: `${url} ${found}: set PUBLIC_BASE_URL to the address of this deployment, open to the public, and deploy again, because QStash signs that address and calls it`,
  });
  try {
    const { status, text } = await get(url);
    const found = versionIn(text);
    if (found === null) return bad(`answers ${status}, but not as Signalbox`);
    if (found !== version) return bad(`answers as version ${found}, and this is ${version}`);
    return { name, ok: true, detail: `${url} answers` };
  } catch (error) {
    return bad(`does not answer (${describeError(error)})`);
  }
}

/** Of a health report, be it good or bad; null when it is none. */
function versionIn(text: string): string | null {
  try {
    const report = JSON.parse(text) as { version?: unknown; services?: unknown } | null;
    const isReport = typeof report?.version === "string" && typeof report.services === "object";
    return isReport ? String(report.version) : null;
  } catch {
    return null; // a page, such as a platform's login or its "not found"
  }
}

type Limits = SetUpDeps["limits"];
const eventsThatFit = (poolMax: number): number => Math.max(1, poolMax - SPARE_CONNECTIONS);

/** Events live on the database: each wants a connection of its own. */
function checkEvents({ atOnce, poolMax }: Limits): Check {
  const events = atOnce.events ?? 0;
  const ok = events + SPARE_CONNECTIONS <= poolMax;
  const advice = ok
    ? ""
    : `: set EVENT_PARALLELISM to ${eventsThatFit(poolMax)} or less, or raise DATABASE_POOL_MAX`;
  const detail = `${events} events at once on ${poolMax} connections${advice}`;
  return { name: "parallelism fits the database pool", ok, detail };
}

function checkAll({ atOnce, poolMax }: Limits): Check {
  const all = Object.values(atOnce).reduce((sum, n) => sum + n, 0);
  const ok = all <= poolMax * WORKERS_PER_CONNECTION;
  const least = Math.ceil(all / WORKERS_PER_CONNECTION);
  const advice = ok
    ? ""
    : `: raise DATABASE_POOL_MAX to ${least} or more, or lower EVENT_PARALLELISM or EMAIL_PER_SECOND`;
  const each = Object.entries(atOnce).map(([name, n]) => `${n} ${name}`);
  const detail = `${all} messages at once (${each.join(", ")}) on ${poolMax} connections${advice}`;
  return { name: "all queues together fit the database pool", ok, detail };
}

/** What somebody paused or pinned at QStash holds, whatever is set here. */
async function checkFlow(account: QueueAccount, { atOnce, poolMax }: Limits): Promise<Check> {
  const name = "the queue lets events through";
  const flow = await account.flow(EVENTS_FLOW);
  if (flow === null) return { name, ok: true, detail: "nothing was published yet" };
  const { key, isPaused, isPinned, parallelismMax } = flow;
  if (isPaused) {
    return { name, ok: false, detail: `${key} is paused: resume this flow control key at QStash` };
  }
  // Not pinned, the next event published sets it to EVENT_PARALLELISM, which has a check of its own.
  const events = isPinned ? parallelismMax : (atOnce.events ?? 0);
  const ok = events + SPARE_CONNECTIONS <= poolMax;
  const advice = ok
    ? ""
    : `, too many for ${poolMax} connections: unpin it at QStash, or pin it to ${eventsThatFit(poolMax)} or less`;
  const how = isPinned ? "is pinned to" : "takes";
  return {
    name,
    ok: ok || !isPinned,
    detail: `${key} ${how} ${events} at once${isPinned ? advice : ""}`,
  };
}

/** Optional, for mail to customers may do without; whoever is paged at night misses the link. */
function checkLinks(signsLinks: boolean): Check {
  const detail = signsLinks
    ? "messages carry links to acknowledge and to unsubscribe"
    : "messages to people on call have no link to acknowledge by, and mail that must carry one to unsubscribe is not sent: set UNSUBSCRIBE_SECRET and deploy again";
  return { name: "links can be signed", ok: signsLinks, detail };
}

/** The names of it that servers are set to. */
const UTC = ["UTC", "Etc/UTC", "GMT"];

/** The migrations set it on the role; but another role may have migrated, and a pooler may go on with what it learned first. */
async function checkZone(zone: SetUpDeps["zone"]): Promise<Check> {
  const name = "database sessions are in UTC";
  try {
    const found = await zone();
    if (UTC.includes(found)) return { name, ok: true, detail: `they are in ${found}` };
    const detail = `they are in ${found}, and lists show and filter times wrongly by its offset: ALTER ROLE … SET timezone = 'UTC' for the application's role, restart the pooler if there is one, and deploy again`;
    return { name, ok: false, detail };
  } catch (error) {
    const detail = `not known, because the database does not answer (${describeError(error)}): see that DATABASE_URL is right and the database is up, and run setup again`;
    return { name, ok: false, detail };
  }
}
