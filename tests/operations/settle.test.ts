import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Permanent, Transient } from "../../src/domain/errors.js";
import { runEvent } from "../../src/handlers/run-event.js";
import { discardDeadLetter, replayDeadLetter } from "../../src/operations/settle-dead-letter.js";
import { type Database, Moved } from "../../src/store/database.js";
import { runDeps, sampleRun } from "../support/events.js";
import { countingIds } from "../support/fakes.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

let w: StoreWorld;
beforeEach(async () => {
  w = await storeWorld();
});
afterEach(async () => {
  await w.close();
});

const settling = (database: Database = w.database) => ({
  ...runDeps(w),
  database,
  ids: countingIds("s"),
  relay: () => Promise.resolve(),
});

async function onlyLetter() {
  const [letter] = await w.rows("SELECT id FROM dead_letter");
  return { id: String(letter?.id), reason: "a test", actor: "admin" };
}

async function deadEvent() {
  const run = await sampleRun("stripe", "payment-succeeded");
  await runEvent({ ...run, verdict: new Permanent("worker_refused") }, runDeps(w));
  return onlyLetter();
}

describe("a second replay of an event", () => {
  it("sends nothing while the first one's message is on its way", async () => {
    const request = await deadEvent();
    const deps = settling();
    const first = await replayDeadLetter(request, deps);
    expect(await replayDeadLetter(request, deps)).toEqual(first);
    expect(await w.count("outbox")).toBe(1);
    const told = await w.rows("SELECT id FROM audit_entry WHERE action = 'dead_letter.replayed'");
    expect(told).toHaveLength(1);
  });

  it("brings it back when the first one's message was lost", async () => {
    const request = await deadEvent();
    const deps = settling();
    await replayDeadLetter(request, deps);
    await w.rows("DELETE FROM outbox");
    expect(await replayDeadLetter(request, deps)).toMatchObject({ kind: "replaying" });
    expect(await w.rows("SELECT message ->> 'type' AS type FROM outbox")).toEqual([
      { type: "event.replay.v1" },
    ]);
  });
});

describe("settling", () => {
  it.each([
    ["replay", replayDeadLetter],
    ["discard", discardDeadLetter],
  ])(
    "a letter that moves in every round is told as busy, and not as a defect (%s)",
    async (_verb, settle) => {
      const request = await deadEvent();
      const database: Database = {
        ...w.database,
        query: (text, values) =>
          text.startsWith("WITH")
            ? Promise.reject(new Moved("moved"))
            : w.database.query(text, values),
      };
      const settled = settle(request, settling(database));
      await expect(settled).rejects.toThrow(Transient);
      await expect(settled).rejects.toThrow("database_busy");
    },
  );
});
