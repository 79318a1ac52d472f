import { afterAll, beforeAll, expect, it } from "vitest";
import { countsKey } from "../../src/domain/door-counts.js";
import { createTally } from "../../src/ingest/tally.js";
import { sources as webhookSources } from "../../src/sources/registry.js";
import { writeMetrics } from "../../src/store/metrics.js";
import { listeningLog } from "../support/fakes.js";
import { type AdminWorld, adminWorld } from "./world.js";

let w: AdminWorld;
beforeAll(async () => {
  w = await adminWorld();
});
afterAll(async () => {
  await w.close();
});

it("what the door counted can be read, by minute and source", async () => {
  const flushes: Promise<unknown>[] = [];
  const { kv, clock } = w;
  const waitUntil = (work: Promise<unknown>) => void flushes.push(work);
  const tally = createTally({ kv, clock, log: listeningLog(), waitUntil });
  tally.note("stripe", "accepted", clock.now(), null);
  tally.note("stripe", "accepted", clock.now(), null);
  tally.note("better-stack", "bad_signature", clock.now(), null);
  await Promise.all(flushes);
  const first = clock.now();
  clock.advance(60_000);
  await kv.tally(
    // What is counted for the balance alone is no answer of the door.
    {
      [countsKey(clock.now())]: {
        "stripe.duplicate": 1,
        "stripe.swept": 2,
        "stripe.told_again": 3,
      },
    },
    {},
    {
      ttlMs: 60_000,
      listMax: 1,
    },
  );
  const minute = (at: number) => new Date(Math.floor(at / 60_000) * 60_000).toISOString();
  const ask = async (query: string) => (await w.ask(`/api/admin/door${query}`)).json();
  const newest = {
    minute: minute(clock.now()),
    source: "stripe",
    counts: { duplicate: 1 },
  };
  expect(await ask("")).toEqual({
    data: [
      newest,
      { minute: minute(first), source: "better-stack", counts: { bad_signature: 1 } },
      { minute: minute(first), source: "stripe", counts: { accepted: 2 } },
    ],
    nextCursor: null,
  });
  expect(await ask("?minutes=1")).toEqual({ data: [newest], nextCursor: null });
  expect((await w.ask("/api/admin/door?minutes=61")).status).toBe(400);
});

it("what the door acknowledged can be read beside what came to a worker, of the minutes that are counted", async () => {
  const ask = async (query: string) => (await w.ask(`/api/admin/door-balance${query}`)).json();
  expect(await ask(""), "nothing is counted yet").toEqual({ data: [], nextCursor: null });
  const { database, clock } = w;
  const end = Math.floor(clock.now() / 60_000) * 60_000 - 15 * 60_000;
  const counted = (label: string, minute: number, value: number) => ({
    ...{ metric: "deliveries_acknowledged", label, minute, value },
    samples: 1,
  });
  await writeMetrics(database, [
    counted("signalbox", end - 180 * 60_000, 0),
    counted("signalbox", end - 60_000, 3),
    counted("stripe", end - 60_000, 3),
  ]);
  const iso = (at: number) => new Date(at).toISOString();
  const { data } = (await ask("?minutes=90")) as { data: { source: string }[] };
  expect(data.map(({ source }) => source)).toEqual(webhookSources.map(({ id }) => id));
  expect(data.find(({ source }) => source === "stripe")).toEqual({
    ...{ source: "stripe", from: iso(end - 90 * 60_000), to: iso(end) },
    ...{ acknowledged: 3, arrived: 0, missing: 3 },
  });
  expect((await w.ask("/api/admin/door-balance?minutes=361")).status).toBe(400);
});
