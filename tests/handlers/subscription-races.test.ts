import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runEvent } from "../../src/handlers/run-event.js";
import type { Database } from "../../src/store/database.js";
import { runDeps, sampleRun } from "../support/events.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

let w: StoreWorld;
beforeEach(async () => {
  w = await storeWorld();
});
afterEach(() => w.close());

async function renew(): Promise<void> {
  await w.close();
  w = await storeWorld();
}

/** Databases of so many workers, whose first plans wait until each has loaded and decided. */
function workersThatMeet(count: number): Database[] {
  const waiting: (() => void)[] = [];
  const meet = (): Promise<void> =>
    new Promise((resolve) => {
      waiting.push(resolve);
      if (waiting.length === count) for (const go of waiting) go();
    });
  return Array.from({ length: count }, () => {
    let isFirst = true;
    return {
      ...w.database,
      async query(text, values) {
        if (isFirst && text.includes("INSERT INTO event AS e")) {
          isFirst = false;
          await meet();
        }
        return w.database.query(text, values);
      },
    } satisfies Database;
  });
}

const outcome = async (): Promise<object> => ({
  mails: await w.rows("SELECT template FROM notice ORDER BY template"),
  entitlements: await w.rows(
    "SELECT user_ref, status, starts_at, ends_at, revoked_because FROM entitlement",
  ),
});

async function oneAfterTheOther(names: readonly string[]): Promise<object> {
  const deps = runDeps(w);
  for (const name of names) await runEvent(await sampleRun("stripe", name), deps);
  return outcome();
}

async function atOnce(before: readonly string[], names: readonly string[]): Promise<object> {
  await renew();
  await oneAfterTheOther(before);
  const databases = workersThatMeet(names.length);
  const deps = runDeps(w);
  const runs = names.map(async (name, i) => {
    const database = databases[i] as Database;
    await runEvent(await sampleRun("stripe", name), { ...deps, database });
  });
  await Promise.all(runs);
  return outcome();
}

describe("workers that join the objects of one subscription at the same time", () => {
  it("see each other's words when it has just begun: its reader is told", async () => {
    const names = ["subscription-created", "invoice-paid"];
    const expected = await oneAfterTheOther(names);
    expect(expected).toMatchObject({ mails: [{ template: "subscription-started" }] });
    expect(await atOnce([], names)).toEqual(expected);
  });

  it("leave what one after the other would: its end and a bill", async () => {
    const [before, names] = [["subscription-created"], ["subscription-deleted", "invoice-paid"]];
    const one = await oneAfterTheOther([...before, ...names]);
    const atTheSameTime = await atOnce(before, names);
    await renew();
    const other = await oneAfterTheOther([...before, ...names.reverse()]);
    expect([one, other]).toContainEqual(atTheSameTime);
  });
});
