import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import type { Site } from "./site.js";

export type Row = Record<string, unknown>;

/** How the queue, KV and the outbox stand; all of it zero means that nothing is on its way. */
export interface Depths {
  /** Messages that are due or being delivered. */
  queue: number;
  /** Messages that wait for their next attempt. */
  retrying: number;
  dlq: number;
  spill: number;
  /** Without the timers' rows: those wait for their time. */
  outbox: number;
  /** Events that are not at their end. */
  received: number;
  /** Notices that are not at their end. */
  notices: number;
}

/** How many entries of the audit trail are sealed, and what does not fit its seal. */
export interface Trail {
  entries: number;
  faults: Row[];
}

const CALL_TIMEOUT_MS = 60_000;
const LOOK_TIMEOUT_MS = 5_000;

/** What a person with all the keys sees of a site: the admin API, the schedules' jobs, the emulators' books. */
export function observe(site: Site) {
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const json = async <T>(url: string, init: RequestInit, timeoutMs: number): Promise<T> => {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${url}: ${response.status} ${text.slice(0, 300)}`);
    return JSON.parse(text) as T;
  };
  const post = (token: string, body: unknown): RequestInit => ({
    method: "POST",
    headers: { ...bearer(token), "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const qstash = <T>(path: string, body?: unknown): Promise<T> => {
    const token = site.secrets.QSTASH_TOKEN;
    const init = body === undefined ? { headers: bearer(token) } : post(token, body);
    return json<T>(`${site.addresses().qstash}/_emulator/${path}`, init, LOOK_TIMEOUT_MS);
  };
  const kv = async (command: string[]): Promise<unknown> => {
    const init = post(site.secrets.KV_REST_API_TOKEN, command);
    const url = site.addresses().kv ?? "";
    return (await json<{ result: unknown }>(url, init, LOOK_TIMEOUT_MS)).result;
  };
  const sql = async (text: string): Promise<Row[]> => {
    const client = new pg.Client({ connectionString: site.addresses().databaseUrl });
    client.on("error", () => client.removeAllListeners()); // its query's own rejection says it
    await client.connect();
    try {
      return (await client.query<Row>(text)).rows;
    } finally {
      await client.end();
    }
  };
  /** Runs a job as its schedule would; its report. Throws when the app is not there. */
  const cron = async (job: "relay" | "sweep"): Promise<Row> => {
    const signal = AbortSignal.timeout(CALL_TIMEOUT_MS);
    const headers = bearer(site.secrets.CRON_SECRET);
    const response = await fetch(`${site.url}/api/cron/${job}`, { headers, signal });
    return (await response.json()) as Row; // 503 has its report too: which of the steps failed
  };
  /** A resource of the admin API, whole. */
  const list = async (name: string): Promise<Row[]> => {
    const rows: Row[] = [];
    let cursor = "";
    do {
      const url = `${site.url}/api/admin/${name}?limit=500${cursor}`;
      const init = { headers: bearer(site.secrets.ADMIN_TOKEN) };
      const page = await json<{ data: Row[]; nextCursor: string | null }>(
        url,
        init,
        CALL_TIMEOUT_MS,
      );
      rows.push(...page.data);
      cursor = page.nextCursor === null ? "" : `&cursor=${encodeURIComponent(page.nextCursor)}`;
    } while (cursor !== "");
    return rows;
  };
  /** The audit trail, sealed to its end and held against its seals. */
  const trail = async (): Promise<Trail> => {
    await cron("sweep");
    const sum: Trail = { entries: 0, faults: [] };
    for (let after = 0; ; ) {
      const url = `${site.url}/api/admin/audit-seals/verify?after=${after}`;
      const init = { headers: bearer(site.secrets.ADMIN_TOKEN) };
      const { data } = await json<{ data: Trail & { through: number; isEnd: boolean } }>(
        url,
        init,
        CALL_TIMEOUT_MS,
      );
      sum.entries += data.entries;
      sum.faults.push(...data.faults);
      if (data.isEnd) return sum;
      after = data.through;
    }
  };
  const depths = async (): Promise<Depths> => {
    const state = await qstash<Record<string, number>>("state");
    const [counts] = await sql(
      `SELECT (SELECT count(*) FROM outbox WHERE message ->> 'type' <> 'timer.due.v1') AS outbox,
         (SELECT count(*) FROM event WHERE status IN ('received', 'held')) AS received,
         (SELECT count(*) FROM notice WHERE status IN ('pending', 'sending')) AS notices`,
    );
    return {
      queue: (state.due ?? 0) + (state.inFlight ?? 0),
      retrying: state.retrying ?? 0,
      dlq: state.dlq ?? 0,
      spill: Number(await kv(["ZCARD", "spill"])),
      outbox: Number(counts?.outbox),
      received: Number(counts?.received),
      notices: Number(counts?.notices),
    };
  };
  return {
    list,
    sql,
    qstash,
    depths,
    cron,
    trail,
    mails: async (): Promise<Row[]> =>
      (
        await json<{ data: Row[] }>(
          `${site.addresses().vendors.resend}/mailbox.json`,
          {},
          CALL_TIMEOUT_MS,
        )
      ).data,
    slack: async (): Promise<Row[]> =>
      (
        await json<{ data: Row[] }>(
          `${site.addresses().vendors.slack}/messages.json`,
          {},
          CALL_TIMEOUT_MS,
        )
      ).data,
  };
}
export type Observer = ReturnType<typeof observe>;

/** Calls the jobs over and over, as the schedules do each minute of the emulated clock. */
export function startSchedules(observer: Observer, everyMs: number): { stop(): Promise<void> } {
  const stopped = new AbortController();
  const loop = async (name: "relay" | "sweep"): Promise<void> => {
    while (!stopped.signal.aborted) {
      await observer.cron(name).catch(() => undefined); // the app or a part is down: the next minute tries again
      await wait(everyMs, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
  };
  const loops = [loop("relay"), loop("sweep")];
  return {
    async stop() {
      stopped.abort();
      await Promise.all(loops);
    },
  };
}

const LOOK_EVERY_MS = 300;
/** So often in a row nothing may be on its way: between two parts a message is in neither's books. */
const QUIET_LOOKS = 3;
const SAY_EVERY_MS = 20_000;

const wordsOf = (depths: Depths | string): string =>
  typeof depths === "string"
    ? depths
    : Object.entries(depths)
        .filter(([, depth]) => depth > 0)
        .map(([name, depth]) => `${name} ${depth}`)
        .join(", ");

/**
 * Waits until nothing is on its way any more, whoever brings that about.
 *
 * @returns null at rest; else what was still under way, or could not be looked at, when the time was over.
 */
export async function waitForRest(
  observer: Observer,
  timeoutMs: number,
  say: (line: string) => void,
): Promise<Depths | string | null> {
  const startedAt = performance.now();
  const deadline = startedAt + timeoutMs;
  let told = startedAt;
  let quiet = 0;
  let last: Depths | string = "never looked";
  while (performance.now() < deadline) {
    // A part may still be coming up, so only the last failure counts.
    last = await observer.depths().catch((error: unknown) => String(error));
    const busy = typeof last === "string" || Object.values(last).some((depth) => depth > 0);
    quiet = busy ? 0 : quiet + 1;
    if (quiet >= QUIET_LOOKS) return null;
    if (performance.now() - told > SAY_EVERY_MS) {
      told = performance.now();
      say(`still under way after ${((told - startedAt) / 1000).toFixed(0)} s: ${wordsOf(last)}`);
    }
    await wait(LOOK_EVERY_MS);
  }
  return last;
}
