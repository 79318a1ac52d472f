import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { demoHome, forget, withoutServices } from "../../local/demo/place.js";
import { startSignalbox } from "../../local/signalbox.js";
import { quantile } from "../stats.js";
import { nextEvents, type SignedEvent, STRIPE_SECRET } from "../stripe-events.js";

/** Of all deliveries, in milliseconds from the moment at which the provider sent them. */
export interface Times {
  p50Ms: number;
  p95Ms: number;
}

export interface PathFigures {
  deliveries: number;
  atOnce: number;
  /** The provider has its 202. */
  acknowledged: Times;
  /** The payment and what it gives are committed. */
  processed: Times;
  /** The mail service has taken the mail. */
  mailed: Times;
}

/** Not what a mail service takes but the path to it is measured: an account's own limit may be two a second. */
const EMAIL_PER_SECOND = "100";
const WARM_WAVES = 3;
const REST_TIMEOUT_MS = 60_000;
const LOOK_EVERY_MS = 50;

interface Sent {
  key: string;
  sentAt: number;
  acknowledgedMs: number;
}

/**
 * The whole path as `npm start` runs it, every part in a process of its own: waves of deliveries at once, each payment
 * recorded, its package given and its mail handed over.
 *
 * @throws when a delivery is refused, or its mail has not left after a minute.
 */
export async function measurePath(o: {
  waves: number;
  atOnce: number;
  stopOnSignals(stop: () => Promise<void>): void;
}): Promise<PathFigures> {
  const home = demoHome();
  const env = {
    ...withoutServices(process.env),
    STRIPE_WEBHOOK_SECRET: STRIPE_SECRET,
    EMAIL_PER_SECOND,
  };
  const signalbox = await startSignalbox({ home, port: 0, env });
  o.stopOnSignals(async () => {
    await signalbox.stop();
    forget(home);
  });
  const { url, databaseUrl } = signalbox.running;
  const database = new pg.Client({ connectionString: databaseUrl ?? "" });
  try {
    await database.connect();
    const sent: Sent[] = [];
    for (let wave = 0; wave < WARM_WAVES + o.waves; wave += 1) {
      const posted = await Promise.all(nextEvents(o.atOnce).map((event) => post(url, event)));
      await mailed(database, posted);
      if (wave >= WARM_WAVES) sent.push(...posted);
    }
    return { deliveries: sent.length, atOnce: o.atOnce, ...(await timesOf(database, sent)) };
  } finally {
    await database.end();
    await signalbox.stop();
    forget(home);
  }
}

async function post(url: string, { headers, body }: SignedEvent): Promise<Sent> {
  const sentAt = Date.now();
  const begun = performance.now();
  const response = await fetch(`${url}/api/webhooks/stripe`, { method: "POST", headers, body });
  const { eventKey = "" } = (await response.json()) as { eventKey?: string };
  if (response.status !== 202) throw new Error(`the door answered ${response.status}`);
  return { key: eventKey, sentAt, acknowledgedMs: performance.now() - begun };
}

const ENDS = `SELECT e.event_key AS key, extract(epoch FROM e.processed_at) * 1000 AS processed,
  extract(epoch FROM n.sent_at) * 1000 AS mailed
FROM event e JOIN notice n ON n.event_id = e.id AND n.channel = 'email' AND n.status = 'sent'
WHERE e.event_key = ANY($1)`;

const endsOf = async (database: pg.Client, sent: readonly Sent[]) =>
  (
    await database.query<{ key: string; processed: string; mailed: string }>(ENDS, [
      sent.map(({ key }) => key),
    ])
  ).rows;

async function mailed(database: pg.Client, sent: readonly Sent[]): Promise<void> {
  const deadline = performance.now() + REST_TIMEOUT_MS;
  while ((await endsOf(database, sent)).length < sent.length) {
    if (performance.now() > deadline) throw new Error("a mail has not left after a minute");
    await wait(LOOK_EVERY_MS);
  }
}

async function timesOf(database: pg.Client, sent: readonly Sent[]) {
  const sentAt = new Map(sent.map((one) => [one.key, one.sentAt]));
  const ends = await endsOf(database, sent);
  const since = (at: "processed" | "mailed"): Times =>
    times(ends.map((row) => Number(row[at]) - (sentAt.get(row.key) ?? Number.NaN)));
  return {
    acknowledged: times(sent.map(({ acknowledgedMs }) => acknowledgedMs)),
    processed: since("processed"),
    mailed: since("mailed"),
  };
}

function times(values: readonly number[]): Times {
  const sorted = Float64Array.from(values).sort();
  return { p50Ms: quantile(sorted, 0.5), p95Ms: quantile(sorted, 0.95) };
}
