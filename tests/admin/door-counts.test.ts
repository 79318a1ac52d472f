import { afterAll, beforeAll, expect, it } from "vitest";
import { countsKey } from "../../src/domain/door-counts.js";
import { createTally } from "../../src/ingest/tally.js";
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
  tally.note("stripe", "accepted", null);
  tally.note("stripe", "accepted", null);
  tally.note("better-stack", "bad_signature", null);
  await Promise.all(flushes);
  const first = clock.now();
  clock.advance(60_000);
  await kv.tally(
    { [countsKey(clock.now())]: { "stripe.duplicate": 1 } },
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
