import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { OutboxRow } from "../../src/domain/outbox.js";
import { subscriberOperations } from "../../src/operations/subscribers.js";
import { addSuppression } from "../../src/operations/suppressions.js";
import { type TellUsersDeps, tellUsers, type UsersWord } from "../../src/operations/tell-users.js";
import { policyWith } from "../policy/policies.js";
import { countingIds, stillClock } from "../support/fakes.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

let w: StoreWorld;
beforeEach(async () => {
  w = await storeWorld();
});
afterEach(() => w.close());

const policy = policyWith({
  services: [
    { id: "web", names: ["prj_web", "shop-*"] },
    { id: "api", names: ["prj_api"] },
  ],
});
const WORD: UsersWord = {
  template: "user-incident",
  cause: "incident:INC-1 users:0",
  service: "web",
  incidentId: "INC-1",
  data: { incidentId: "INC-1", messageEn: "System is being fixed." },
  pageLocale: "th",
};

function depsOf(prefix: string, hasStatusPage = false) {
  const relayed: OutboxRow[] = [];
  const deps: TellUsersDeps = {
    database: w.database,
    clock: stillClock(),
    ids: countingIds(prefix),
    relay: async (rows) => void relayed.push(...rows),
    hasStatusPage,
  };
  return { deps, relayed };
}

const subscribe = (...subscribers: [email: string, locale: string, ...services: string[]][]) =>
  subscriberOperations({
    database: w.database,
    clock: stillClock(),
    ids: countingIds("s"),
    policy,
  }).addSubscribers({
    subscribers: subscribers.map(([email, locale, ...services]) => ({ email, locale, services })),
    actor: "admin",
  });
const told = async () =>
  (await w.rows("SELECT recipient, channel, locale FROM notice ORDER BY recipient")).map(
    ({ recipient, channel, locale }) => `${channel} ${recipient} ${locale}`,
  );

describe("users of a service", () => {
  it("are told in their language, by mail and on the status page, each once", async () => {
    await subscribe(
      ["a@example.org", "th"],
      ["b@example.org", "en", "web", "api"],
      ["c@example.org", "en", "api"],
      ["d@example.org", "th"],
      ["e@example.org", "en"],
    );
    const operations = { database: w.database, clock: stillClock(), ids: countingIds("o"), policy };
    await subscriberOperations(operations).removeSubscriber({
      ...{ email: "d@example.org", because: "a test", actor: "admin" },
    });
    await addSuppression(
      {
        email: "E@example.org",
        because: "by the link",
        actor: "recipient",
        reason: "unsubscribed",
      },
      operations,
    );
    const { deps, relayed } = depsOf("t", true);
    expect(await tellUsers(WORD, deps)).toBe(3);
    expect(await tellUsers(WORD, deps)).toBe(0);
    expect(relayed).toHaveLength(3);
    expect(await told()).toEqual([
      "email a@example.org th",
      "email b@example.org en",
      "status_page status_page th",
    ]);
    const update = { ...WORD, template: "user-update" as const, cause: "incident:INC-1 users:1" };
    expect(await tellUsers(update, depsOf("u", true).deps)).toBe(3);
  });

  it("are told whichever of its names they came with, and however it was written", async () => {
    const outcomes = await subscribe(
      ["a@example.org", "en", "prj_web", "shop-front"],
      ["b@example.org", "en", " WEB "],
      ["c@example.org", "en", "API"],
      ["d@example.org", "en", "Unknown"],
    );
    const services = outcomes.map(({ subscriber }) => subscriber.services);
    expect(services).toEqual([["web"], ["web"], ["api"], ["Unknown"]]);
    const [again] = await subscribe(["a@example.org", "en", "Web"]);
    expect(again?.result).toBe("unchanged");
    await w.rows(`UPDATE subscriber SET services = '["WEB"]' WHERE email = 'b@example.org'`);
    expect(await tellUsers(WORD, depsOf("t").deps)).toBe(2);
    expect(await told()).toEqual(["email a@example.org en", "email b@example.org en"]);
    const other = { ...WORD, cause: "incident:INC-2 users:0", service: "unknown" };
    expect(await tellUsers(other, depsOf("u").deps)).toBe(1);
  });

  it("are all told, however many there are, also when it breaks off and two are at it", async () => {
    const many = Array.from({ length: 1_050 }, (_, i) => [`user${i}@example.org`, "th"] as const);
    await subscribe(...many.map(([email, locale]): [string, string] => [email, locale]));
    const broken = depsOf("b").deps;
    let pages = 0;
    broken.relay = async () => {
      pages += 1;
      if (pages === 2) throw new Error("killed");
    };
    await expect(tellUsers(WORD, broken)).rejects.toThrow("killed");
    expect(await w.count("notice")).toBe(400);
    const both = await Promise.all([
      tellUsers(WORD, depsOf("x").deps),
      tellUsers(WORD, depsOf("y").deps),
    ]);
    expect(both[0] + both[1]).toBe(650);
    expect(await w.count("notice")).toBe(1_050);
    expect(await w.rows("SELECT count(DISTINCT recipient)::int AS n FROM notice")).toEqual([
      { n: 1_050 },
    ]);
  }, 60_000);
});
