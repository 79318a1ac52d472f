import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CRON_SECRET, type House, openHouse } from "../support/house.js";

let h: House;
beforeAll(async () => {
  h = await openHouse({ UNSUBSCRIBE_SECRET: "house-unsubscribe-secret-0001" });
});
afterAll(async () => {
  await h.close();
});

const cron = (job: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${h.url}/api/cron/${job}`, { headers });

describe("the cron jobs", () => {
  it.each([
    ["nothing", {}],
    ["a wrong secret", { authorization: "Bearer wrong-cron-secret" }],
    ["an empty secret", { authorization: "Bearer " }],
    ["the word false", { authorization: "false" }],
    ["the secret without its scheme", { authorization: CRON_SECRET }],
    ["a signature that QStash did not make", { "upstash-signature": "a.b.c" }],
  ])("refuse whoever brings %s", async (_name, headers) => {
    const response = await cron("relay", headers as Record<string, string>);
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ code: "unauthorized" });
  });

  it("run for Vercel's cron and say what they did", async () => {
    const authorization = `Bearer ${CRON_SECRET}`;
    const relay = await cron("relay", { authorization });
    expect([relay.status, await relay.json()]).toMatchObject([
      200,
      { job: "relay", spills: 0, outbox: 0, timers: 0 },
    ]);
    const sweep = await cron("sweep", { authorization });
    const swept = { job: "sweep", partitions: 0, retention: { months: [], left: false } };
    expect(await sweep.json()).toMatchObject(swept);
    const health = await fetch(`${h.url}/api/health`);
    expect(await health.json(), "and health knows when").toMatchObject({
      services: { queue: "connected" },
      backlog: {
        relayAgeSeconds: expect.any(Number),
        sweepAgeSeconds: expect.any(Number),
        parkedDeliveries: 0,
      },
    });
    expect((await cron("nosuch", { authorization })).status).toBe(404);
  });

  it("are registered as schedules by setup, once however often it runs, and QStash's calls are taken", async () => {
    const first = await h.admin<{
      data: {
        schedules: { state: string }[];
        checks: { name: string; ok: boolean }[];
      };
    }>("setup", {
      method: "POST",
    });
    expect(first.data.schedules.map((s) => s.state)).toEqual(Array(4).fill("created"));
    expect(first.data.checks.filter(({ ok }) => !ok)).toEqual([]);
    const again = await h.admin<typeof first>("setup", { method: "POST" });
    expect(again.data.schedules.map((s) => s.state)).toEqual(["kept", "kept", "kept", "kept"]);
    expect((await h.qstash.state()).schedules).toBe(4);
    const before = (await h.qstash.state()).delivered;
    await h.qstash.setClock({ advanceMs: 61_000 });
    await expect
      .poll(async () => (await h.qstash.state()).delivered, { timeout: 10_000 })
      .toBeGreaterThanOrEqual(before + 3);
    expect((await h.qstash.state()).dlq).toBe(0);
  });
});

describe("health", () => {
  it("is told in the words that monitors are set to", async () => {
    const health = await fetch(`${h.url}/api/health`);
    expect([health.status, await health.json()]).toMatchObject([200, { status: "healthy" }]);
    const database = await fetch(`${h.url}/api/health/db`);
    const body = (await database.json()) as Record<string, string>;
    expect(Object.keys(body).sort()).toEqual(["database", "status", "timestamp", "version"]);
    expect(body).toMatchObject({ status: "healthy", database: "connected" });
    expect(health.headers.get("x-frame-options")).toBe("DENY");
    expect(health.headers.get("x-content-type-options")).toBe("nosniff");
    expect(health.headers.get("strict-transport-security")).toContain("max-age");
  });
});
