import { acknowledgedIn, countsKey, minuteOf } from "../../domain/door-counts.js";
import { type MetricMinute, OWN_LABELS } from "../../domain/metric.js";
import type { Secret } from "../../domain/secret.js";
import { type Clock, DAY_MS, type Instant, MINUTE_MS } from "../../domain/time.js";
import {
  type BalanceState,
  beginOf,
  type Judged,
  judgeBalance,
  missingIn,
  REACH_MS,
  SETTLED_MS,
} from "../../policy/balance.js";
import { stretchText } from "../../policy/zone.js";
import type { QueueAccount } from "../../queues/account.js";
import { DELIVERY_HEADER, openDelivery } from "../../queues/delivery.js";
import { EVENTS_FLOW, REDRIVE_FLOW } from "../../queues/publish.js";
import {
  ACKNOWLEDGED,
  type BalanceWindow,
  countedSince,
  readBalance,
} from "../../store/balance.js";
import type { Database } from "../../store/database.js";
import { writeMetrics } from "../../store/metrics.js";
import type { WatchDeps } from "./deps.js";
import { ended, type Finding, openAlerts, tellFindings } from "./tell.js";

const BALANCE = "monitor:balance:";
const LOOK_EVERY_MINUTES = 5;
/** After an outage the minutes that were missed are counted so many at a time, one call to KV each. */
const MINUTES_AT_ONCE = 60;
const STATE_KEY = "watch:balance";
const STATE_KEPT_MS = 7 * DAY_MS;
/** Of the queue's dead letters, 20 each; what lies behind is not counted, and then nothing is called lost. */
const DEAD_PAGES_MAX = 50;
const RUNBOOK = "docs/runbooks/accepted-but-not-there.md";

export interface BalanceDeps extends WatchDeps {
  account: Pick<QueueAccount, "listDead" | "flow">;
  /** The tokens that may have sealed a delivery. */
  queueTokens: readonly Secret[];
}

/**
 * Holds what the door has acknowledged, by source and minute, against what came to a worker: what is missing, and waits
 * neither in the queue nor in its dead letters, is lost or stuck. The counts are kept each minute, and looked at each
 * fifth. A delivery that is parked in KV counts from when a sweep has published it.
 *
 * @throws Transient without KV, the database, or the queue where something is missing: then nothing is concluded.
 */
export async function watchBalance(
  deps: BalanceDeps,
): Promise<{ minutes: number; raised: number; resolved: number }> {
  const now = deps.clock.now();
  const { minutes, begin, end } = await keepCounts(deps);
  const isDue = Math.floor(now / MINUTE_MS) % LOOK_EVERY_MINUTES === 0;
  if (!isDue || begin >= end) return { minutes, raised: 0, resolved: 0 };
  const before = await recall(deps);
  const windows = deps.sources.map(({ id: source }): BalanceWindow => {
    return { source, from: Math.max(begin, beginOf(before[source], end)), to: end };
  });
  const [judged, alerts] = await Promise.all([
    judge(windows, before, deps),
    openAlerts(BALANCE, deps),
  ]);
  const findings = judged.flatMap((one) => findingOf(one, deps));
  const said = await tellFindings([...findings, ...forgotten(alerts.open, deps)], alerts, deps);
  const after = Object.fromEntries(judged.map(({ source, state }) => [source, state]));
  await deps.kv.setFor(STATE_KEY, JSON.stringify(after), STATE_KEPT_MS);
  return { minutes, ...said };
}

/**
 * Keeps the door's counts of the minutes that are settled, each once: KV is asked once a minute for them, and a
 * look reads rows.
 *
 * @returns where the minutes that are kept begin, of those that are looked at, and end.
 */
async function keepCounts({
  database,
  kv,
  clock,
}: BalanceDeps): Promise<{ minutes: number; begin: Instant; end: Instant }> {
  const to = minuteOf(clock.now()) - SETTLED_MS;
  const counted = await countedSince(database, to - REACH_MS);
  if (counted === null) {
    // The first time: whatever counted up to this minute, another release may have, and otherwise.
    await writeMetrics(database, [rowOf(minuteOf(clock.now()), OWN_LABELS.service, 0)]);
    return { minutes: 0, begin: to, end: to };
  }
  const begin = beginIn(counted);
  const from = counted.last + MINUTE_MS;
  const end = Math.min(to, from + MINUTES_AT_ONCE * MINUTE_MS);
  if (from >= end) return { minutes: 0, begin, end: to };
  const minutes = Array.from({ length: (end - from) / MINUTE_MS }, (_, n) => from + n * MINUTE_MS);
  const rows = await Promise.all(
    minutes.map(async (minute): Promise<MetricMinute[]> => {
      const sums = acknowledgedIn(await kv.counts(countsKey(minute)));
      const all = [...sums.values()].reduce((sum, count) => sum + count, 0);
      const each = [...sums].map(([source, count]) => rowOf(minute, source, count));
      return [...each, rowOf(minute, OWN_LABELS.service, all)];
    }),
  );
  await writeMetrics(database, rows.flat());
  return { minutes: minutes.length, begin, end };
}

/** The first row may be that of the minute in which counting began, in which events came that it does not have. */
const beginIn = ({ first }: { first: Instant }): Instant => first + MINUTE_MS;

const rowOf = (minute: Instant, label: string, value: number): MetricMinute => ({
  ...{ minute, metric: ACKNOWLEDGED, label, value },
  samples: Math.max(1, value),
});

type States = Readonly<Record<string, BalanceState | undefined>>;

async function recall({ kv }: BalanceDeps): Promise<States> {
  const text = await kv.get(STATE_KEY);
  return text === null ? {} : (JSON.parse(text) as States);
}

type Seen = BalanceWindow & Judged & Pick<Waiting, "isPaused"> & { acknowledged: number };

/**
 * What waits is asked for only where something is missing, and before the rows are read again: what goes on from the
 * dead letters to the queue, and to a worker, is then seen in one of them.
 */
async function judge(
  windows: readonly BalanceWindow[],
  before: States,
  deps: BalanceDeps,
): Promise<Seen[]> {
  const at = deps.clock.now();
  let counts = await readBalance(deps.database, windows);
  let waiting = NOTHING_WAITS;
  const looks = () =>
    windows.map((window) => {
      const { acknowledged = 0, arrived = 0 } =
        counts.find(({ source }) => source === window.source) ?? {};
      return { ...window, at, acknowledged, arrived };
    });
  if (looks().some((look) => missingIn(look) > 0)) {
    waiting = await whatWaits(windows, deps);
    counts = await readBalance(deps.database, windows);
  }
  const { isPaused } = waiting;
  return looks().map((look) => {
    const judged = judgeBalance(before[look.source], { ...look, waiting: waiting.of(look.source) });
    return { ...look, ...judged, isPaused };
  });
}

interface Waiting {
  /** So many of a source at most; null: more than can be counted. */
  of(source: string): number | null;
  /** A person has stopped the webhooks at the queue. */
  isPaused: boolean;
}
const NOTHING_WAITS: Waiting = { of: () => 0, isPaused: false };

/** In the queue, which does not say of which source, and in its dead letters, whose sealed facts do. */
async function whatWaits(windows: readonly BalanceWindow[], deps: BalanceDeps): Promise<Waiting> {
  const dead = await deadOf(windows, deps);
  const flows = await Promise.all(
    [EVENTS_FLOW, REDRIVE_FLOW].map((name) => deps.account.flow(name)),
  );
  let inLine = 0;
  for (const flow of flows) {
    // Behind a line that moves are those that are worked on; one that is paused does not, and waits for a person.
    if (flow === null || flow.isPaused || flow.waiting === 0) continue;
    inLine += flow.waiting + flow.parallelismMax;
  }
  return {
    of: (source) => (dead === null ? null : inLine + (dead.get(source) ?? 0)),
    isPaused: flows.some((flow) => flow?.isPaused === true),
  };
}

async function deadOf(
  windows: readonly BalanceWindow[],
  { account, queueTokens }: BalanceDeps,
): Promise<Map<string, number> | null> {
  const dead = new Map<string, number>();
  let cursor: string | undefined;
  for (let page = 0; page < DEAD_PAGES_MAX; page += 1) {
    const { messages, cursor: next } = await account.listDead(cursor);
    for (const { headers } of messages) {
      const delivery = openDelivery(headers.get(DELIVERY_HEADER), queueTokens);
      const window = windows.find(({ source }) => source === delivery?.source);
      if (delivery === null || window === undefined) continue;
      const { source, receivedAt } = delivery;
      if (receivedAt < window.from || receivedAt >= window.to) continue;
      dead.set(source, (dead.get(source) ?? 0) + 1);
    }
    if (next === undefined) return dead;
    cursor = next;
  }
  return null;
}

const NUMBER = new Intl.NumberFormat("en");

function findingOf(seen: Seen, { clock, policy }: BalanceDeps): Finding[] {
  const { source, from, to, acknowledged, missing, lost, finding, state, isPaused } = seen;
  if (finding === null) return [];
  const base = {
    groupKey: `${BALANCE}${source}`,
    signalKind: "lag" as const,
    level: "error" as const,
    service: source,
    tags: { check: "balance", source },
  };
  if (finding === "over") {
    const title = `What the door acknowledges to ${source} comes to a worker again`;
    return [{ ...base, state: "over", at: clock.now(), title }];
  }
  const window = stretchText(from, to, policy.timeZone);
  const waits = missing > lost ? `; ${NUMBER.format(missing - lost)} of them may wait` : "";
  const paused = isPaused ? " (its flow of webhooks is paused there)" : "";
  const title = `${NUMBER.format(missing)} of ${NUMBER.format(acknowledged)} deliveries that the door acknowledged to ${source} (${window}) have come to no worker${waits}; lost or stuck at the queue${paused}: ${NUMBER.format(lost)}. Next: npx --no signalbox door balance, and ${RUNBOOK}`;
  return [{ ...base, state: "there", at: state.lostSince ?? clock.now(), title }];
}

/** Open alerts of a source that is no more. */
function forgotten(open: ReadonlySet<string>, { sources, clock }: BalanceDeps): Finding[] {
  const known = new Set(sources.map(({ id }) => `${BALANCE}${id}`));
  return [...open].flatMap((groupKey): Finding[] => {
    if (known.has(groupKey)) return [];
    return [{ ...ended(groupKey, clock.now(), "This source is no more"), state: "over" }];
  });
}

/** A source's deliveries in a time, as `door balance` shows them. */
export interface DoorBalance extends BalanceWindow {
  acknowledged: number;
  arrived: number;
  missing: number;
}

/**
 * The last minutes that are settled and counted; nothing while none is.
 *
 * @throws Transient without the database.
 */
export async function readDoorBalance(
  minutes: number,
  { database, clock, sources }: { database: Database; clock: Clock; sources: readonly string[] },
): Promise<DoorBalance[]> {
  const settled = minuteOf(clock.now()) - SETTLED_MS;
  const counted = await countedSince(database, settled - REACH_MS);
  if (counted === null) return [];
  const to = Math.min(settled, counted.last + MINUTE_MS);
  const from = Math.max(beginIn(counted), to - minutes * MINUTE_MS);
  if (from >= to) return [];
  const windows = sources.map((source) => ({ source, from, to }));
  const counts = await readBalance(database, windows);
  return windows.map((window) => {
    const { acknowledged = 0, arrived = 0 } =
      counts.find(({ source }) => source === window.source) ?? {};
    const look = { ...window, at: to, acknowledged, arrived };
    return { ...window, acknowledged, arrived, missing: missingIn(look) };
  });
}
