import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isoOf, MINUTE_MS } from "../../src/domain/time.js";
import { type AdminWorld, adminWorld, posted, STARTED_AT } from "./world.js";

let world: AdminWorld;
beforeAll(async () => {
  world = await adminWorld();
});
afterAll(async () => {
  await world.close();
});

const report = (body: unknown) => world.ask("/api/admin/metrics", posted(body));
const one = { metric: "error_rate_percent", label: "web", value: 2.5, samples: 40 };
const read = async (query: string) =>
  (await world.json<{ data: Record<string, unknown>[] }>(`/api/admin/metrics?${query}`)).data;

describe("what the platform reports of itself", () => {
  it("is kept by the minute, one or many, and the same minute again is the newer value", async () => {
    expect(await (await report(one)).json()).toEqual({ data: { minutes: 1 } });
    const at = (back: number) => isoOf(STARTED_AT - back * MINUTE_MS);
    const many = {
      observations: [
        { ...one, value: 4, samples: 60 },
        { ...one, value: 1, samples: 100, minute: at(3) },
        { ...one, metric: "cache_hits_percent", label: "api", value: 91, samples: 1_000 },
      ],
    };
    expect(await (await report(many)).json()).toEqual({ data: { minutes: 3 } });
    const web = await read("metric=error_rate_percent&label=web");
    expect(web).toEqual([
      {
        at: at(1),
        metric: "error_rate_percent",
        label: "web",
        value: 4,
        min: 4,
        max: 4,
        samples: 60,
      },
      {
        at: at(3),
        metric: "error_rate_percent",
        label: "web",
        value: 1,
        min: 1,
        max: 1,
        samples: 100,
      },
    ]);
    expect(await read("metric=cache_hits_percent&period=24h")).toMatchObject([
      { label: "api", value: 91, samples: 1_000 },
    ]);
  });

  it("is put together by observations over longer periods", async () => {
    const step = await read("metric=error_rate_percent&label=web&period=90d");
    expect(step).toMatchObject([{ value: (4 * 60 + 100) / 160, min: 1, max: 4, samples: 160 }]);
  });

  it.each([
    [{ ...one, metric: "moon_phase" }, "observations.0.metric"],
    [{ ...one, value: -1 }, "observations.0.value"],
    [{ ...one, value: "2" }, "observations.0.value"],
    [{ ...one, samples: 0 }, "observations.0.samples"],
    [{ ...one, label: "" }, "observations.0.label"],
    [{ ...one, label: "signalbox" }, "signalbox is what this deployment measures itself"],
    [{ ...one, minute: "2026-11-21T01:59:00Z" }, "must be of the last hour"],
    [{ ...one, minute: "2026-11-21T03:05:00Z" }, "must not be to come"],
    [{ ...one, colour: "red" }, "colour"],
    [{ observations: [] }, "1 to 100 observations"],
  ])("is refused with the field's name: %j", async (body, said) => {
    const response = await report(body);
    expect(response.status).toBe(400);
    expect(((await response.json()) as { detail: string }).detail).toContain(said);
  });

  it("needs an operator", async () => {
    const made = await world.json<{ data: { key: string } }>(
      "/api/admin/keys",
      posted({ name: "reader", role: "read" }),
    );
    const headers = {
      authorization: `Bearer ${made.data.key}`,
      "content-type": "application/json",
    };
    const init = { method: "POST", headers, body: JSON.stringify(one) };
    expect((await world.ask("/api/admin/metrics", init)).status).toBe(403);
  });
});

describe("uptime", () => {
  it("is of each service over the policy's windows, against its target", async () => {
    await world.deliver({ source: "better-stack", sample: "incident-started" });
    world.clock.advance(60 * MINUTE_MS);
    await world.deliver({ source: "better-stack", sample: "incident-resolved" });
    type Report = {
      data: {
        services: { service: string; isDown: boolean; windows: Record<string, unknown>[] }[];
        times: Record<string, unknown>;
      };
    };
    const { data } = await world.json<Report>("/api/admin/uptime");
    const [service] = data.services;
    expect(data.services).toHaveLength(1);
    expect(service?.isDown).toBe(false);
    expect(service?.windows.map(({ days }) => days)).toEqual([7, 30, 90]);
    expect(service?.windows[0]).toMatchObject({ outages: 1, targetPercent: 99.5 });
    expect(Number(service?.windows[0]?.downMs)).toBeGreaterThan(0);
    expect(data.times).toMatchObject({ incidents: 1, days: 30 });
    // Of an hour and some minutes nobody can say how 90 days were, but that a week's target is missed.
    const known = { coveredFrom: expect.any(String), coveredMs: expect.any(Number) };
    expect(service?.windows).toMatchObject([
      { ...known, isMet: false },
      { ...known, isMet: null },
      { ...known, isMet: null },
    ]);
    for (const { percent, coveredMs, downMs } of service?.windows ?? []) {
      expect(Number(coveredMs)).toBeLessThan(2 * 60 * MINUTE_MS);
      expect(percent).toBeCloseTo(100 - (100 * Number(downMs)) / Number(coveredMs), 6);
    }
    const single = await world.json<Report>("/api/admin/uptime?days=1");
    expect(single.data.services[0]?.windows.map(({ days }) => days)).toEqual([1]);
    expect((await world.ask("/api/admin/uptime?days=91")).status).toBe(400);
  });
});
