import { expect, it } from "vitest";
import { acknowledgedIn, countsKey } from "../../src/domain/door-counts.js";
import { Transient } from "../../src/domain/errors.js";
import type { Kv } from "../../src/domain/ports.js";
import { MINUTE_MS } from "../../src/domain/time.js";
import { createTally } from "../../src/ingest/tally.js";
import { listeningLog, stillClock } from "../support/fakes.js";

/** A KV that adds up what it is told, and may do so without saying that it has. */
function world() {
  const kept: Record<string, Record<string, number>> = {};
  const clock = stillClock();
  const kv = { isSilent: false, takes: true };
  const tally: Kv["tally"] = async (counts) => {
    for (const [key, fields] of Object.entries(kv.takes ? counts : {})) {
      for (const [field, count] of Object.entries(fields)) {
        const into = kept[key] ?? {};
        kept[key] = into;
        into[field] = (into[field] ?? 0) + count;
      }
    }
    if (kv.isSilent) throw new Transient("kv_unavailable");
  };
  let flushed: Promise<unknown> = Promise.resolve();
  const door = createTally({
    kv: { tally } as Kv,
    clock,
    log: listeningLog(),
    waitUntil: (work) => {
      flushed = work;
    },
  });
  const note = async (outcome: string, n = 1, at = clock.now()) => {
    clock.advance(MINUTE_MS); // so that no flush waits for its second
    for (let i = 0; i < n; i += 1) door.note("stripe", outcome, at, null);
    await flushed;
  };
  return { kept, kv, clock, note };
}

it("a delivery counts in the minute in which it came, however long its answer took", async () => {
  const w = world();
  const at = w.clock.now() + MINUTE_MS - 1;
  w.clock.advance(MINUTE_MS + 3_000);
  await w.note("accepted", 1, at);
  expect(w.kept).toEqual({ [countsKey(at)]: { "stripe.accepted": 1 } });
});

it("counts that KV took without an answer are told again, and never stand for more deliveries than there were", async () => {
  const w = world();
  const at = w.clock.now();
  w.kv.isSilent = true;
  await w.note("accepted", 3, at);
  await w.note("accepted", 2, at); // the three again, and these: silent too
  w.kv.isSilent = false;
  await w.note("accepted", 1, at);
  const counts = w.kept[countsKey(at)] ?? {};
  expect(counts["stripe.accepted"], "as it looks at the door").toBe(3 + 5 + 6);
  expect(acknowledgedIn(counts)).toEqual(new Map([["stripe", 3 + 2 + 1]]));
});

it("counts that KV did not take are shown when it is there again, and none of them is held against what arrives", async () => {
  const w = world();
  const at = w.clock.now();
  Object.assign(w.kv, { isSilent: true, takes: false });
  await w.note("accepted", 3, at);
  await w.note("spilled", 2, at);
  Object.assign(w.kv, { isSilent: false, takes: true });
  await w.note("accepted", 1, at);
  const counts = w.kept[countsKey(at)] ?? {};
  expect(counts).toEqual({ "stripe.accepted": 4, "stripe.told_again": 3, "stripe.spilled": 2 });
  expect(acknowledgedIn(counts)).toEqual(new Map([["stripe", 1]]));
});
