import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type PagerDutyEmulator,
  startPagerDutyEmulator,
} from "../../../emulators/pagerduty/index.js";
import { type SlackEmulator, startSlackEmulator } from "../../../emulators/slack/index.js";
import { buildChannels } from "../../../src/channels/registry.js";
import { Transient } from "../../../src/domain/errors.js";
import { Secret } from "../../../src/domain/secret.js";
import { type WithoutDatabaseDeps, watchDatabase } from "../../../src/operations/watch/index.js";
import { presetOf } from "../../../src/policy/presets/index.js";
import { type WatchWorld, watchWorld } from "./world.js";

let world: WatchWorld;
let slack: SlackEmulator;
let pager: PagerDutyEmulator;
let isUp = true;
let deps: WithoutDatabaseDeps;

beforeEach(async () => {
  [world, slack, pager] = await Promise.all([
    watchWorld(),
    startSlackEmulator(),
    startPagerDutyEmulator(),
  ]);
  const tbat = presetOf("tbat");
  world.setPolicy({ ...tbat, maintenance: [] });
  isUp = true;
  const { database } = world.deps;
  const query: typeof database.query = (text, values) =>
    isUp ? database.query(text, values) : Promise.reject(new Transient("database_unavailable"));
  const channels = buildChannels({
    platformName: "Example",
    slack: { webhookUrl: new Secret("SLACK_WEBHOOK_URL", slack.webhookUrl) },
    pagerduty: {
      routingKey: new Secret("PAGERDUTY_ROUTING_KEY", "0123456789abcdef0123456789abcdef"),
      eventsUrl: `${pager.url}/v2/enqueue`,
    },
  });
  deps = {
    ...world.deps,
    get policy() {
      return world.deps.policy;
    },
    database: { ...database, query },
    channels,
  };
});
afterEach(async () => {
  await Promise.all([world.close(), slack.close(), pager.close()]);
});

describe("without the database", () => {
  it("people are told past the incidents, each step of the policy's route once, and that it is back", async () => {
    expect(await watchDatabase(deps)).toEqual({ answers: true, told: 0 });
    isUp = false;
    expect(await watchDatabase(deps)).toEqual({ answers: false, told: 2 });
    expect(pager.alerts()).toMatchObject([{ state: "triggered", severity: "critical" }]);
    expect(JSON.stringify(slack.messages()[0]?.payload)).toContain("No connection to the database");
    world.later(1);
    expect(await watchDatabase(deps), "told already").toEqual({ answers: false, told: 0 });
    world.later(5);
    const later = await watchDatabase(deps);
    expect(later.told, "escalated").toBeGreaterThan(0);
    expect(pager.alerts(), "still the one alert").toHaveLength(1);
    isUp = true;
    world.later(1);
    expect(await watchDatabase(deps)).toMatchObject({ answers: true, told: 2 });
    expect(pager.alerts()).toMatchObject([{ state: "resolved" }]);
    expect(await watchDatabase(deps)).toEqual({ answers: true, told: 0 });
  });

  it("a single lost connection is no outage", async () => {
    let asked = 0;
    const { database } = world.deps;
    const query: typeof database.query = (text, values) => {
      asked += 1;
      return asked === 1
        ? Promise.reject(new Transient("database_unavailable"))
        : database.query(text, values);
    };
    const told = await watchDatabase({ ...deps, database: { ...database, query } });
    expect(told).toEqual({ answers: true, told: 0 });
    expect(slack.messages()).toEqual([]);
  });

  it("a channel that is down is gone round by the policy's next one", async () => {
    isUp = false;
    const policy = world.deps.policy;
    const only = Object.fromEntries(
      Object.entries(policy.routes).map(([name, route]) => [
        name,
        {
          ...route,
          steps: route.steps.map((step) => ({ ...step, channels: ["pagerduty" as const] })),
          fallback: ["slack" as const],
        },
      ]),
    );
    world.setPolicy({ routes: only });
    pager.fault({ kind: "status", status: 500 });
    expect(await watchDatabase(deps)).toEqual({ answers: false, told: 1 });
    expect(slack.messages()).toHaveLength(1);
    expect(pager.alerts()).toEqual([]);
  });

  it("a step that reached nobody is taken again in the next minute", async () => {
    isUp = false;
    slack.fault({ kind: "status", status: 500 });
    pager.fault({ kind: "status", status: 500 });
    expect(await watchDatabase(deps)).toEqual({ answers: false, told: 0 });
    world.later(1);
    expect(await watchDatabase(deps)).toEqual({ answers: false, told: 2 });
  });

  it("and without KV, people are told in each fifteenth minute, because nobody knows what was told", async () => {
    isUp = false;
    const gone = () => Promise.reject(new Transient("kv_unavailable"));
    const blind = { ...deps, kv: { ...deps.kv, get: gone, setFor: gone } };
    expect(await watchDatabase(blind), "09:00").toEqual({ answers: false, told: 2 });
    world.later(1);
    expect(await watchDatabase(blind)).toEqual({ answers: false, told: 0 });
    world.later(14);
    expect(await watchDatabase(blind), "09:15").toEqual({ answers: false, told: 2 });
  });
});
