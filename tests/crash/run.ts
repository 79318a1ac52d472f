import { setTimeout as wait } from "node:timers/promises";
import { readSurvival, type Survival } from "../faults/app-log.js";
import { audit, readBooks, type Verdict } from "../faults/ledger.js";
import { type Depths, observe, startSchedules, waitForRest } from "../faults/observe.js";
import { deliver, type Receipt } from "../faults/provider.js";
import { type Random, seededRandom } from "../faults/random.js";
import { sourceSecrets } from "../faults/secrets.js";
import type { Site } from "../faults/site.js";
import { type PlannedEvent, planStories } from "../faults/stories.js";

export interface CrashPlan {
  seed: number;
  events: number;
  appKills: number;
  platformKills: number;
  /** The deliveries begin at random moments of so many milliseconds; the kills too, and a little later. */
  trafficMs: number;
  restTimeoutMs: number;
}

export interface CrashOutcome {
  receipts: Receipt[];
  verdict: Verdict;
  survival: Survival;
  kills: { at: number; what: "app" | "platform" }[];
  /** What was still under way when the patience ended; null at rest. */
  unrest: Depths | string | null;
  /** What lay in the queue and the outbox when even the timers' time had come. */
  left: { pending: number; outbox: number };
  durationMs: number;
}

/** A retry after 10 s comes after one; the service's window of deduplication is a minute. */
const CLOCK_SCALE = 10;
const SWEEP_EVERY_MS = 3_000;
/** Of all events, so many are posted again at some other time. */
const REPOSTED = 0.1;
const DAY_MS = 86_400_000;
const OUTBOX_LEFT = `SELECT count(*) AS n FROM outbox o WHERE o.message ->> 'type' <> 'timer.due.v1'
  OR o.due_at < now() OR EXISTS (SELECT 1 FROM timer WHERE id = o.message ->> 'timerId' AND status = 'waiting')`;

export async function crashRun(
  site: Site,
  plan: CrashPlan,
  say: (line: string) => void,
): Promise<CrashOutcome> {
  const random = seededRandom(plan.seed);
  const { events, expect } = planStories(random, plan.events, `c${plan.seed}x`);
  const startedAt = performance.now();
  await site.startPlatform();
  await site.startApp();
  const observer = observe(site);
  await observer.qstash("clock", { scale: CLOCK_SCALE });
  const schedules = startSchedules(observer, SWEEP_EVERY_MS);
  const began = performance.now();
  const [receipts, kills] = await Promise.all([
    traffic(site, plan, random, events),
    crashes(site, plan, random, say),
  ]);
  const took = ((performance.now() - began) / 1000).toFixed(0);
  say(`All delivered and killed after ${took} s; waiting for rest`);
  const unrest = await waitForRest(observer, plan.restTimeoutMs, say);
  const left = await atTheEndOfTime(observer);
  await schedules.stop();
  const verdict = audit(await readBooks(observer), receipts, [expect]);
  const durationMs = performance.now() - startedAt;
  const survival = readSurvival(site);
  return { receipts, verdict, survival, kills, unrest, left, durationMs };
}

/** Each event at a random moment, and a tenth of them once more at another. */
function traffic(
  site: Site,
  plan: CrashPlan,
  random: Random,
  events: readonly PlannedEvent[],
): Promise<Receipt[]> {
  const reposts = random.shuffle(events).slice(0, Math.round(events.length * REPOSTED));
  const deadline = performance.now() + plan.trafficMs + 120_000;
  const options = {
    url: site.url,
    secrets: sourceSecrets(site.secrets),
    deadline,
    attemptsMax: 100,
    pauseMaxMs: 2_000,
  };
  const deliveries = random.shuffle([...events, ...reposts]).map(async (event) => {
    await wait(random.next() * plan.trafficMs);
    return deliver(event, options);
  });
  return Promise.all(deliveries);
}

/** Kills at random moments, and each time starts what it killed again on the same home. */
async function crashes(
  site: Site,
  plan: CrashPlan,
  random: Random,
  say: (line: string) => void,
): Promise<CrashOutcome["kills"]> {
  const whats = random.shuffle([
    ...Array.from({ length: plan.appKills }, () => "app" as const),
    ...Array.from({ length: plan.platformKills }, () => "platform" as const),
  ]);
  const moments = whats.map(() => random.next() * plan.trafficMs).sort((a, b) => a - b);
  const startedAt = performance.now();
  const kills: CrashOutcome["kills"] = [];
  for (const [i, what] of whats.entries()) {
    const due = (moments[i] ?? 0) - (performance.now() - startedAt);
    // Late because the last start took its time: then after a short life, at a random moment of it.
    await wait(Math.max(due, 200 + random.next() * 1_500));
    const at = Math.round(performance.now() - startedAt);
    if (what === "app") {
      await site.killApp();
      await site.startApp();
    } else {
      await restartPlatform(site);
    }
    kills.push({ at, what });
    say(`${(at / 1000).toFixed(1).padStart(6)} s  killed the ${what}`);
  }
  return kills;
}

async function restartPlatform(site: Site): Promise<void> {
  const before = JSON.stringify(site.addresses());
  await site.killPlatform();
  await site.startPlatform();
  if (JSON.stringify(site.addresses()) === before) return;
  await site.killApp(); // a port was taken meanwhile: the app has to be told
  await site.startApp();
}

/**
 * A day later on the queue's clock: the timers' messages come, find their notices sent, and are done.
 * A timer's row whose publish a crash prevented waits in the outbox for the app's own clock, and for the relay
 * when its time comes meanwhile.
 */
async function atTheEndOfTime(observer: ReturnType<typeof observe>): Promise<CrashOutcome["left"]> {
  await observer.qstash("clock", { advanceMs: DAY_MS });
  const deadline = performance.now() + 15_000;
  for (;;) {
    const { pending = 0 } = await observer.qstash<{ pending?: number }>("state");
    const [row] = await observer.sql(OUTBOX_LEFT);
    const left = { pending, outbox: Number(row?.n) };
    if (left.pending + left.outbox === 0 || performance.now() > deadline) return left;
    await wait(200);
  }
}
