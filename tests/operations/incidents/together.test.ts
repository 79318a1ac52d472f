import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SignalFact } from "../../../src/domain/facts.js";
import { sendNotification } from "../../../src/handlers/send-notification/index.js";
import { trackIncident } from "../../../src/handlers/track-incident/index.js";
import { acknowledge, resolve } from "../../../src/operations/incidents/act.js";
import { runIncidentClock } from "../../../src/operations/incidents/due.js";
import { usersWord } from "../../../src/operations/incidents/user-words.js";
import { tellUsers } from "../../../src/operations/tell-users.js";
import { presetOf } from "../../../src/policy/presets/index.js";
import type { Policy } from "../../../src/policy/schema.js";
import { apply } from "../../../src/store/apply.js";
import { Moved } from "../../../src/store/database.js";
import { load } from "../../../src/store/load.js";
import { countingIds, type StillClock, stillClock } from "../../support/fakes.js";
import { services } from "../../support/pages.js";
import { type StoreWorld, storeWorld } from "../../support/store.js";

const MINUTE = 60_000;
const tbat = presetOf("tbat");
const roles = Object.fromEntries(
  Object.entries(tbat.roles).map(([id, role], n) => [
    id,
    { ...role, addresses: { email: `${id}@example.com`, sms: `+6680000000${n}` } },
  ]),
);
/** The fourth within five minutes is one of a storm. */
const policy: Policy = { ...tbat, roles, storm: { incidents: 3, minutes: 5 } };
const ALL = [0, 1, 2, 3, 4, 5];

let w: StoreWorld;
let clock: StillClock;
let ids: ReturnType<typeof countingIds>;
beforeEach(async () => {
  w = await storeWorld({ poolMax: 3 });
  clock = stillClock(w.ctx.now);
  ids = countingIds("t");
});
afterEach(() => w.close());

const deps = () => ({ database: w.database, clock, ids, relay: async () => undefined });

async function say(service: string, fact: object = {}): Promise<void> {
  const said = {
    ...{ kind: "signal.raised", groupKey: service, signalKind: "uptime", title: "down" },
    ...{ level: "fatal", service, environment: "production", url: null, ours: false, by: null },
    occurredAt: clock.now(),
    ...fact,
  } as SignalFact;
  const context = { source: "better-stack", policy };
  for (;;) {
    const rows = await load(w.database, trackIncident.load(said, context));
    const ctx = { ...w.ctx, ids, now: clock.now(), ...context, eventId: "evt_1" };
    const plan = trackIncident.decide(said, rows, ctx);
    if ("doubts" in plan) throw new Error("signals are never in doubt");
    try {
      await apply(w.database, plan);
      return;
    } catch (error) {
      if (!(error instanceof Moved)) throw error;
    }
  }
}
const incidentOf = async (service: string) =>
  (await w.rows("SELECT * FROM incident WHERE service = $1", [service]))[0] ?? {};
const idOf = async (service: string): Promise<string> => String((await incidentOf(service)).id);

/** Looks at its clock, and sends whatever waits, by channels that take all. */
async function look(service: string, { sends = true } = {}): Promise<string[]> {
  const { took } = await runIncidentClock(
    { incidentId: await idOf(service) },
    {
      ...deps(),
      policy,
      ackUrl: () => null,
      rollbackHint: () => null,
      tellUsers: async (rows, telling) => {
        const word = usersWord(rows, telling, policy);
        await tellUsers(word, { ...deps(), hasStatusPage: false });
      },
    },
  );
  if (!sends) return took;
  const { channels } = services(async () => "taken");
  const waiting = "SELECT id FROM notice WHERE status = 'pending' ORDER BY created_at, id";
  for (const { id } of await w.rows(waiting)) {
    const due = { noticeId: String(id), requestId: "req_1", outboxId: "out_none" };
    await sendNotification(due, { ...deps(), channels });
  }
  return took;
}

/** Six outages at once, told: the first three by themselves. */
async function storm(): Promise<void> {
  for (const n of ALL) {
    await say(`s${n}`);
    clock.advance(1_000);
  }
  clock.advance(MINUTE + 1_000);
  for (const n of ALL) await look(`s${n}`);
}
async function end(n: number): Promise<void> {
  await resolve({ incidentId: await idOf(`s${n}`), actor: "operator:anna" }, deps());
  await look(`s${n}`);
  clock.advance(1_000);
}
const ofStorm = (template: string) =>
  w.rows(
    `SELECT channel, recipient, status FROM notice WHERE template = $1 AND incident_id LIKE 'storm:%'
     ORDER BY channel, recipient`,
    [template],
  );

describe("of a storm", () => {
  it.each([
    ["one of those that were told together", ALL],
    ["one that was told by itself", [5, 4, 3, 2, 1, 0]],
  ])(
    "who had the summary hears the end, the pager too, where the last to end is %s",
    async (_, order) => {
      await storm();
      const told = (await ofStorm("incident-storm")).filter(({ channel }) => channel !== "sms");
      expect(told.map(({ channel }) => channel)).toEqual(["pagerduty", "slack"]);
      for (const n of order) await end(n);
      expect(await ofStorm("incident-resolved")).toEqual(told);
    },
  );

  it("the pager's alert is acknowledged once somebody has each of its incidents, and not sooner", async () => {
    await storm();
    for (const n of [3, 4, 5]) {
      expect(await ofStorm("incident-acknowledged")).toEqual([]);
      await acknowledge({ incidentId: await idOf(`s${n}`), actor: "operator:anna" }, deps());
      await look(`s${n}`);
    }
    expect(await ofStorm("incident-acknowledged")).toMatchObject([
      { channel: "pagerduty", status: "sent" },
      { channel: "slack", status: "sent" },
    ]);
  });

  it("users of each service that was told of it hear its end, once all of it is over", async () => {
    for (const n of [3, 4, 5]) {
      await w.rows(
        "INSERT INTO subscriber (id, email, locale, services, created_at, version) VALUES ($1, $2, 'en', $3, now(), 0)",
        [`sbr_${n}`, `u${n}@example.com`, JSON.stringify([`s${n}`])],
      );
    }
    await storm();
    clock.advance(31 * MINUTE);
    for (const n of ALL) await look(`s${n}`);
    const over = async () =>
      (
        await w.rows("SELECT recipient FROM notice WHERE template = 'user-resolved' ORDER BY 1")
      ).map(({ recipient }) => recipient);
    for (const n of [0, 1, 2, 3, 4]) await end(n);
    clock.advance(30 * MINUTE);
    for (const n of [3, 4]) await look(`s${n}`);
    expect(await over()).toEqual([]);
    await end(5);
    clock.advance(30 * MINUTE);
    await look("s5");
    expect(await over()).toEqual(["u3@example.com", "u4@example.com", "u5@example.com"]);
  });

  it("what comes back days later is told by itself", async () => {
    await storm();
    await end(5);
    clock.advance(5_000);
    await say("s5", { groupKey: "s5 again" });
    expect(await incidentOf("s5")).toMatchObject({ status: "open", routings: 2 });
    clock.advance(10 * MINUTE);
    const before = await ofStorm("incident-storm");
    await w.rows(
      "UPDATE incident SET routed_at = routed_at + interval '1 hour' WHERE service = 's5'",
    );
    clock.advance(60 * MINUTE);
    expect(await look("s5")).toContain("page:2:0");
    expect(await ofStorm("incident-storm")).toEqual(before);
    const own = await w.rows("SELECT channel FROM notice WHERE cause LIKE '% page:2:0' ORDER BY 1");
    expect(own.map(({ channel }) => channel)).toEqual(["pagerduty", "slack"]);
  });
});

describe("whoever has an incident", () => {
  const warning = { groupKey: "small", level: "warning", signalKind: "error", title: "slow" };
  const seen = async (fact: object) => say("shop", { ...fact, kind: "signal.acknowledged" });
  const has = async () => (await incidentOf("shop")).status;

  it("has not what became worse since, though the word of the source comes late", async () => {
    await say("shop", warning);
    clock.advance(5 * MINUTE);
    await say("shop");
    clock.advance(30_000);
    await seen({ ...warning, occurredAt: clock.now() - 5 * MINUTE });
    expect(await has()).toBe("open");
    await seen({});
    expect(await has()).toBe("acknowledged");
  });

  it("has not the outage, where it is a small part that was taken on", async () => {
    await say("shop");
    await say("shop", warning);
    clock.advance(MINUTE);
    await seen(warning);
    expect(await has()).toBe("open");
    expect(await w.rows("SELECT status FROM alert WHERE group_key = 'small'")).toEqual([
      { status: "acknowledged" },
    ]);
  });

  it("is called for a new outage of the service when what was had is over, though something small lasts", async () => {
    await say("shop");
    await look("shop");
    await say("shop", warning);
    await acknowledge({ incidentId: await idOf("shop"), actor: "operator:anna" }, deps());
    clock.advance(MINUTE);
    await say("shop", { kind: "signal.resolved" });
    clock.advance((policy.grouping.flapMinutes + 1) * MINUTE);
    await say("shop", warning); // it goes on
    await say("shop", { groupKey: "other monitor" });
    expect(await incidentOf("shop")).toMatchObject({ status: "open", routings: 2 });
    expect(await look("shop")).toContain("page:2:0");
  });

  it("is not called again for what had ended only just before", async () => {
    await say("shop");
    await look("shop");
    await say("shop", warning);
    await acknowledge({ incidentId: await idOf("shop"), actor: "operator:anna" }, deps());
    await say("shop", { kind: "signal.resolved" });
    clock.advance(MINUTE);
    await say("shop", { groupKey: "other monitor" });
    expect(await incidentOf("shop")).toMatchObject({ status: "acknowledged", routings: 1 });
  });

  it("is called by an alert of its own at the pager when it becomes worse, and both end with it", async () => {
    await say("shop", {
      ...warning,
      level: "error",
      title: "login is broken",
      signalKind: "security",
    });
    await look("shop");
    clock.advance(20 * MINUTE);
    await look("shop");
    await acknowledge({ incidentId: await idOf("shop"), actor: "operator:anna" }, deps());
    await look("shop");
    await say("shop");
    await look("shop");
    await resolve({ incidentId: await idOf("shop"), actor: "operator:anna" }, deps());
    await look("shop");
    const sent = await w.rows(
      "SELECT template, data ->> 'alertKey' AS key FROM notice WHERE channel = 'pagerduty' AND status = 'sent' ORDER BY created_at, id",
    );
    const id = await idOf("shop");
    const of = (key: string) => sent.flatMap((one) => (one.key === key ? [one.template] : []));
    expect(of(id)).toEqual(["incident-raised", "incident-acknowledged", "incident-resolved"]);
    expect(of(`${id}:2`)).toEqual(["incident-raised", "incident-resolved"]);
  });

  it("still has it when it ends at its monitor, which names itself, and comes back at once", async () => {
    await say("shop");
    await look("shop");
    await acknowledge({ incidentId: await idOf("shop"), actor: "operator:anna" }, deps());
    await say("shop", { kind: "signal.resolved", by: "Better Stack" });
    clock.advance(5_000);
    await say("shop", { groupKey: "shop" });
    expect(await incidentOf("shop")).toMatchObject({ status: "acknowledged", routings: 1 });
  });
});

describe("an executive who was told that it lasts", () => {
  it("hears of its end, though nobody was paged because somebody had it from the first", async () => {
    await say("shop", { kind: "signal.acknowledged" });
    await say("shop");
    await look("shop");
    clock.advance(31 * MINUTE);
    expect(await look("shop")).toContain("executives");
    await resolve({ incidentId: await idOf("shop"), actor: "operator:anna" }, deps());
    expect(await look("shop")).toContain("resolved:0");
    const over = await w.rows("SELECT recipient FROM notice WHERE template = 'incident-resolved'");
    expect(over).toEqual([{ recipient: "executive@example.com" }]);
  });

  it("hears of its end, and so does a channel whose page an acknowledgement stopped, which heard of that", async () => {
    await say("shop");
    await look("shop", { sends: false });
    clock.advance(31 * MINUTE);
    await look("shop", { sends: false });
    await acknowledge({ incidentId: await idOf("shop"), actor: "operator:anna" }, deps());
    await look("shop");
    await resolve({ incidentId: await idOf("shop"), actor: "operator:anna" }, deps());
    await look("shop");
    const over = await w.rows(
      "SELECT channel, recipient FROM notice WHERE template = 'incident-resolved' AND status = 'sent' ORDER BY 1, 2",
    );
    expect(over).toEqual([
      { channel: "email", recipient: "executive@example.com" },
      { channel: "slack", recipient: "slack" },
    ]);
  });
});
