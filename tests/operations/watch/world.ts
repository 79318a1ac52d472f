import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startUpstashRedisEmulator } from "../../../emulators/upstash-redis/server.js";
import { OWN_SOURCE, type OwnSignal } from "../../../src/domain/own-signal.js";
import { Secret } from "../../../src/domain/secret.js";
import { MINUTE_MS } from "../../../src/domain/time.js";
import { runEvent } from "../../../src/handlers/run-event.js";
import { deliveryOf } from "../../../src/operations/delivery-of.js";
import type { WatchDeps } from "../../../src/operations/watch/index.js";
import { presetOf } from "../../../src/policy/presets/index.js";
import type { Policy, Threshold } from "../../../src/policy/schema.js";
import { createKv } from "../../../src/runtime/kv.js";
import { sourceById, sources } from "../../../src/sources/registry.js";
import { runDeps } from "../../support/events.js";
import { listeningLog, type StillClock, stillClock } from "../../support/fakes.js";
import { type StoreWorld, storeWorld } from "../../support/store.js";

/** 2026-11-21T09:00:10Z: ten seconds into a minute. */
export const NOW = Date.UTC(2026, 10, 21, 9, 0, 10);
export const MINUTE = NOW - 10_000;

export interface WatchWorld {
  w: StoreWorld;
  deps: WatchDeps;
  clock: StillClock;
  /** What was told, oldest first; each was worked on as the queue would have it. */
  told: OwnSignal[];
  /** What the canaries' posts are answered with. */
  door: { status: number; text: string };
  posts: { url: string; headers: Readonly<Record<string, string>>; body: unknown }[];
  /** `n` minutes later. */
  later(minutes: number): void;
  setPolicy(patch: Partial<Policy>): void;
  setThresholds(...thresholds: Threshold[]): void;
  close(): Promise<void>;
}

/** A database, a KV and the engine behind what is told; only the door is stood in for. */
export async function watchWorld(): Promise<WatchWorld> {
  const folder = mkdtempSync(join(tmpdir(), "signalbox-watch-"));
  const [w, redis] = await Promise.all([
    storeWorld(),
    startUpstashRedisEmulator({ dataDir: folder, token: "kv" }),
  ]);
  const clock = stillClock(NOW);
  const kv = createKv({ url: redis.url, token: new Secret("KV", "kv"), timeoutMs: 5_000 });
  const told: OwnSignal[] = [];
  const door = { status: 202, text: "{}" };
  const posts: WatchWorld["posts"] = [];
  let policy: Policy = { ...presetOf("runbook"), thresholds: [] };
  const engine = { ...runDeps(w), clock };
  let runs = 0;
  const deps: WatchDeps = {
    database: w.database,
    kv,
    clock,
    log: listeningLog(),
    get policy() {
      return policy;
    },
    environment: "production",
    livemode: null,
    health: async () => ({ services: { database: "connected", kv: "connected" } }),
    memoryPercent: () => 40,
    publicBaseUrl: "https://signalbox.example",
    sources,
    secretsOf: () => [new Secret("SECRET", "whsec_Y29uZm9ybWFuY2U=")],
    async post({ url, headers, body }) {
      posts.push({ url, headers, body });
      return door;
    },
    sourceById,
    async sendEvent(source, body) {
      if (source.id === OWN_SOURCE) told.push(body as OwnSignal);
      const made = await deliveryOf(source, body, "test", engine);
      runs += 1;
      const run = { ...made, attemptId: `own_${runs}:0`, startedAt: clock.now() };
      await runEvent(run, { ...engine, policy });
      return { eventKey: made.delivery.eventKey };
    },
  };
  return {
    w,
    deps,
    clock,
    told,
    door,
    posts,
    later: (minutes) => clock.advance(minutes * MINUTE_MS),
    setPolicy(patch) {
      policy = { ...policy, ...patch };
    },
    setThresholds(...thresholds) {
      policy = { ...policy, thresholds };
    },
    async close() {
      await Promise.all([w.close(), redis.close()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
