import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { SignalFact } from "../../../src/domain/facts.js";
import { Secret } from "../../../src/domain/secret.js";
import { trackIncident } from "../../../src/handlers/track-incident/index.js";
import { ACK_LINK_MS, ackUrl } from "../../../src/operations/incidents/ack-link.js";
import { acknowledge, resolve } from "../../../src/operations/incidents/act.js";
import { presetOf } from "../../../src/policy/presets/index.js";
import type { Policy } from "../../../src/policy/schema.js";
import { acknowledgeRoutes } from "../../../src/runtime/acknowledge-page.js";
import { acknowledgeDeps } from "../../../src/runtime/incident-parts.js";
import { PAGE_POLICY } from "../../../src/runtime/page.js";
import { apply } from "../../../src/store/apply.js";
import { load } from "../../../src/store/load.js";
import { listeningLog, type StillClock, stillClock } from "../../support/fakes.js";
import { type StoreWorld, storeWorld } from "../../support/store.js";

const SECRET = new Secret("UNSUBSCRIBE_SECRET", "a".repeat(32));
const BASE = "https://signals.example";
const WAY = { channel: "slack", recipient: "slack" } as const;
const BUTTON = new URLSearchParams({ acknowledge: "yes" });

let w: StoreWorld;
let clock: StillClock;
let incidentId: string;
beforeAll(async () => {
  w = await storeWorld();
});
afterAll(async () => {
  await w.close();
});
beforeEach(async () => {
  clock = stillClock(w.ctx.now);
  incidentId = await outage();
});
afterEach(async () => {
  for (const table of ["incident", "alert", "signal", "timer", "incident_entry", "incident_step"]) {
    await w.rows(`DELETE FROM ${table}`);
  }
});

async function outage(): Promise<string> {
  const fact: SignalFact = {
    kind: "signal.raised",
    groupKey: "monitor:1",
    signalKind: "uptime",
    title: "The shop answers <500>",
    level: "fatal",
    service: "shop",
    environment: null,
    url: null,
    ours: false,
    occurredAt: w.ctx.now,
  };
  const context = { source: "better-stack", policy: presetOf("tbat") };
  const rows = await load(w.database, trackIncident.load(fact, context));
  const plan = trackIncident.decide(fact, rows, { ...w.ctx, ...context, eventId: "evt_1" });
  if ("doubts" in plan) throw new Error("signals are never in doubt");
  await apply(w.database, plan);
  return String(plan.inserts.incident?.[0]?.id);
}

const acting = () => ({
  database: w.database,
  clock,
  ids: w.ctx.ids,
  relay: async () => undefined,
});
function page(policy = presetOf("runbook")) {
  const config = { channels: { platformName: "Example" }, unsubscribeSecrets: [SECRET] };
  return acknowledgeRoutes(acknowledgeDeps(config, { ...acting(), log: listeningLog(), policy }));
}
const linkOf = (way: { channel: "slack" | "sms"; recipient: string } = WAY, at = clock.now()) => {
  const url = ackUrl(incidentId, way, at, { publicBaseUrl: BASE, secrets: [SECRET] });
  if (url === null) throw new Error("there is a secret");
  return url.slice(BASE.length);
};
const press = (path: string, body: URLSearchParams | string = BUTTON) =>
  page().request(path, { method: "POST", body });
const kept = async () => (await w.rows("SELECT status, acknowledged_by FROM incident"))[0];
const OPEN = { status: "open", acknowledged_by: null };
const BY_LINK = { status: "acknowledged", acknowledged_by: "link:slack" };

describe("the link in a page's message", () => {
  it("shows a button and changes nothing when it is followed, however often: scanners do", async () => {
    for (let n = 0; n < 3; n += 1) {
      const answer = await page().request(linkOf());
      const text = await answer.text();
      expect(answer.status).toBe(200);
      expect(text).toContain(`<button>I have it</button>`);
      expect(text).toContain(incidentId);
      expect(text).toContain("The shop answers &lt;500&gt;");
    }
    expect(await kept()).toEqual(OPEN);
  });

  it("acknowledges by its button, and is good once", async () => {
    const path = linkOf();
    expect(await (await press(path)).text()).toContain("It is yours");
    expect(await kept()).toEqual(BY_LINK);
    expect(await (await press(path)).text()).toContain("This link was used before");
    expect(
      await w.rows("SELECT step FROM incident_step WHERE step LIKE 'ack_link:%'"),
    ).toHaveLength(1);
  });

  it("stays used when the incident has come back since", async () => {
    const path = linkOf();
    await press(path);
    await w.rows(
      "UPDATE incident SET status = 'open', acknowledged_at = NULL, acknowledged_by = NULL",
    );
    expect(await (await press(path)).text()).toContain("This link was used before");
    expect(await kept()).toEqual(OPEN);
  });

  it("pressed in two messages at once acknowledges once, and tells the other who has it", async () => {
    const other = { channel: "sms", recipient: "+66800000000" } as const;
    const texts = await Promise.all(
      [linkOf(), linkOf(other)].map(async (path) => (await press(path)).text()),
    );
    expect(texts.filter((text) => text.includes("It is yours"))).toHaveLength(1);
    expect(texts.filter((text) => text.includes("Somebody has it already"))).toHaveLength(1);
    const entries = await w.rows("SELECT 1 FROM incident_entry WHERE text LIKE 'acknowledged%'");
    expect(entries).toHaveLength(1);
  });

  it("names the service once where the title begins with it, and its times as messages do", async () => {
    await press(linkOf());
    await w.rows("UPDATE incident SET title = 'shop: Status 502'");
    const seen = await (await page(presetOf("tbat")).request(linkOf())).text();
    expect(seen).toContain("· shop: Status 502<");
    expect(seen).toMatch(/พ\.ศ\. \d{4} เวลา \d\d:\d\d น\. \(เวลาไทย, GMT\+7\)/);
    await w.rows("UPDATE incident SET title = 'Status 502'");
    expect(await (await page().request(linkOf())).text()).toContain("· Status 502 (shop)<");
  });

  it("tells who has it, or that it is over, without a button", async () => {
    await acknowledge({ incidentId, actor: "operator:anna" }, acting());
    const seen = await (await page().request(linkOf())).text();
    expect(seen).toContain("Acknowledged by anna on");
    expect(seen).not.toContain("<button>");
    await resolve({ incidentId, actor: "operator:anna" }, acting());
    expect(await (await press(linkOf())).text()).toContain("It is over");
    expect(await kept()).toMatchObject({ status: "resolved" });
  });

  it("names whoever pressed a link, and an end by itself, as messages do, in both languages", async () => {
    const seen = async (policy?: Policy) => (await page(policy).request(linkOf())).text();
    await press(linkOf());
    expect(await seen()).toContain("Acknowledged by Somebody (Slack) on");
    expect(await seen(presetOf("tbat"))).toContain("รับทราบโดย ผู้ที่กดลิงก์ใน Slack เมื่อ");
    const other = { channel: "slack", recipient: "other" } as const;
    const used = await (await press(linkOf())).text();
    expect(used).toContain("The last word was by Somebody (Slack) on");
    await resolve({ incidentId, actor: "operator:anna" }, acting());
    expect(await (await press(linkOf(other))).text()).toContain("Ended by anna on");
    await w.rows("UPDATE incident SET resolved_by = 'recovery'");
    expect(await seen()).toContain("It recovered by itself on");
    expect(await seen(presetOf("tbat"))).toContain("เหตุนี้กลับมาเป็นปกติเอง เมื่อ");
    expect(await seen(presetOf("tbat"))).not.toContain("recovery");
  });

  it("is refused after a day, when it is changed, and when it was made for another use", async () => {
    const path = linkOf();
    clock.advance(ACK_LINK_MS);
    expect((await press(path)).status).toBe(410);
    clock.advance(-ACK_LINK_MS);
    const [, minutes = ""] = /\.slack\.(\w+)\./.exec(path) ?? [];
    const longer = (Number.parseInt(minutes, 36) + 60).toString(36);
    expect((await press(path.replace(`.${minutes}.`, `.${longer}.`))).status).toBe(400);
    for (const bad of [
      path.replace("INC-", "INC-1"),
      `${path}x`,
      "/acknowledge",
      "/acknowledge?token=",
    ]) {
      expect((await press(bad)).status, bad).toBe(400);
    }
    expect((await press(path, "something else")).status).toBe(400);
    expect((await press(path, new URLSearchParams({ acknowledge: "no" }))).status).toBe(400);
    expect(await kept()).toEqual(OPEN);
  });

  it("of an incident that is kept no more says so", async () => {
    const path = linkOf();
    await w.rows("DELETE FROM incident");
    expect((await page().request(path)).status).toBe(404);
    expect((await press(path)).status).toBe(404);
  });

  it("speaks Thai to a Thai platform, is not cached, and lets nothing in", async () => {
    const answer = await page(presetOf("tbat")).request(linkOf());
    expect(await answer.text()).toContain("ฉันรับเรื่องนี้");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("content-security-policy")).toBe(PAGE_POLICY);
  });

  it("is not written where there is nothing to sign it with", () => {
    expect(ackUrl(incidentId, WAY, clock.now(), { publicBaseUrl: BASE, secrets: [] })).toBeNull();
  });
});
