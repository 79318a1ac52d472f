import { freshen, loadSample, requestOf } from "../../cli/samples/index.js";
import type { EventRun, RunEventDeps } from "../../src/handlers/run-event.js";
import type { TimerDeps } from "../../src/operations/run-timer.js";
import { presetOf } from "../../src/policy/presets/index.js";
import type { Delivery } from "../../src/queues/delivery.js";
import { sourceById, webhookSourceById } from "../../src/sources/registry.js";
import { countingIds, listeningLog, stillClock } from "./fakes.js";
import type { StoreWorld } from "./store.js";

/** The dependencies of a worker's run, with a clock that stands still and ids that count. */
export function runDeps(w: StoreWorld, ours: string[] = []): RunEventDeps {
  return {
    database: w.database,
    clock: stillClock(w.ctx.now),
    ids: countingIds("r"),
    log: listeningLog(),
    sourceById,
    ours: new Set(ours),
    policy: presetOf("runbook"),
    gatewayOf: () => undefined,
  };
}

const notOurs = () => Promise.reject(new Error("no such timer is wound in this test"));
/** Of a test whose timers are those of notices. */
export const noticeTimers: Pick<TimerDeps, "runIncident" | "checkDeployment" | "tellOfLockdown"> = {
  runIncident: notOurs,
  checkDeployment: notOurs,
  tellOfLockdown: notOurs,
};

export interface SampleOptions {
  /** Samples of one unique id are one purchase, or one outage. */
  uniqueId?: string;
  set?: Record<string, string>;
  attemptId?: string;
}

/** A run of a worker for one of our samples, as the door would have described it. */
export async function sampleRun(
  source: string,
  name: string,
  options: SampleOptions = {},
): Promise<EventRun> {
  const uniqueId = options.uniqueId ?? "one";
  const now = Date.UTC(2026, 10, 21, 8, 0, 0);
  const sample = freshen(loadSample(source, name), { uniqueId, now, set: options.set ?? {} });
  const request = requestOf(sample, { secret: "test-secret", now });
  const found = webhookSourceById(source);
  if (found === undefined) throw new Error(`no source ${source}`);
  const headers = new Headers(request.headers);
  const body = Uint8Array.from(request.body);
  const identity = await found.identify(headers, body);
  const kept = found.keepHeaders.flatMap((h) => (headers.has(h) ? [[h, headers.get(h)]] : []));
  const delivery: Delivery = {
    v: 1,
    source,
    ...identity,
    occurredAt: identity.occurredAt ?? now,
    receivedAt: now,
    requestId: "req_test",
    verifiedBy: found.secret,
    headers: Object.fromEntries(kept),
    encoding: "raw",
  };
  const attemptId = options.attemptId ?? `${source}-${name}-${uniqueId}:0`;
  return { delivery, body, attemptId, startedAt: now };
}
