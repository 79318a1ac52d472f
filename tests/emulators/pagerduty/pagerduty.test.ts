import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type PagerDutyEmulator,
  startPagerDutyEmulator,
} from "../../../emulators/pagerduty/index.js";

const KEY = "0123456789abcdef0123456789abcdef";
const options = { clock: { now: () => 1_795_219_200_000 }, routingKeys: [KEY] };
let pagerduty: PagerDutyEmulator;
beforeEach(async () => {
  pagerduty = await startPagerDutyEmulator(options);
});
afterEach(() => pagerduty.close());

const payload = { summary: "ชำระเงินล้มเหลว", source: "signalbox", severity: "critical" };
const post = async (body: unknown) => {
  const response = await fetch(`${pagerduty.url}/v2/enqueue`, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return [response.status, (await response.json()) as Record<string, unknown>] as const;
};
const send = (event_action: string, dedup_key?: string, more: object = {}) =>
  post({ routing_key: KEY, event_action, dedup_key, payload, ...more });

describe("events v2", () => {
  it("trigger, join, acknowledge, resolve; a trigger after that opens a new alert", async () => {
    expect(await send("trigger", "inc_1")).toEqual([
      202,
      { status: "success", message: "Event processed", dedup_key: "inc_1" },
    ]);
    await send("trigger", "inc_1");
    expect(pagerduty.alerts()).toHaveLength(1);
    await send("acknowledge", "inc_1");
    expect(pagerduty.alerts()[0]).toMatchObject({
      state: "acknowledged",
      severity: "critical",
      summary: payload.summary,
    });
    await send("resolve", "inc_1");
    await send("trigger", "inc_1");
    expect(pagerduty.alerts().map((a) => [a.state, a.events.map((e) => e.action)])).toEqual([
      ["triggered", ["trigger"]],
      ["resolved", ["trigger", "trigger", "acknowledge", "resolve"]],
    ]);
    const json = await (await fetch(`${pagerduty.url}/alerts.json`)).json();
    expect(json).toEqual({ data: pagerduty.alerts() });
  });

  it("makes a deduplication key when there is none; an acknowledge of nothing is dropped", async () => {
    const [, body] = await send("trigger");
    expect(body.dedup_key).toMatch(/^[0-9a-f]{32}$/);
    expect((await send("resolve", "unknown"))[0]).toBe(202);
    expect(pagerduty.alerts()).toHaveLength(1);
  });

  it("refuses what is not an event, with every reason", async () => {
    expect(await post("{")).toEqual([
      400,
      expect.objectContaining({ errors: ["JSON is invalid"] }),
    ]);
    const [status, body] = await post({ routing_key: "short", event_action: "shout" });
    expect([status, body.status, body.errors]).toEqual([
      400,
      "invalid event",
      [
        "Length of 'routing_key' is incorrect (should be 32 characters)",
        "'event_action' is missing or invalid (must be one of: trigger, acknowledge, resolve)",
      ],
    ]);
    expect((await send("trigger", "a", { payload: undefined }))[0]).toBe(400);
    expect((await send("trigger", "a", { payload: { ...payload, severity: "P0" } }))[0]).toBe(400);
    expect(
      (await send("trigger", "a", { payload: { ...payload, summary: "x".repeat(1025) } }))[0],
    ).toBe(400);
    expect((await send("resolve"))[0]).toBe(400);
    expect((await send("trigger", "a", { routing_key: "f".repeat(32) }))[1].errors).toEqual([
      "Invalid routing key",
    ]);
    expect(
      (
        await send("trigger", "a", { payload: { ...payload, custom_details: "x".repeat(600_000) } })
      )[0],
    ).toBe(413);
    expect(pagerduty.alerts()).toEqual([]);
  });

  it("faults: throttled, or taken with the answer lost", async () => {
    pagerduty.fault({ kind: "status", status: 429 });
    expect((await send("trigger", "a"))[0]).toBe(429);
    pagerduty.fault({ kind: "drop", when: "after" });
    await expect(send("trigger", "a")).rejects.toThrow();
    expect(pagerduty.alerts()[0]?.events[0]?.answerLost).toBe(true);
  });

  it("keeps its alerts over a restart", async () => {
    await pagerduty.close();
    const dataDir = mkdtempSync(join(tmpdir(), "pagerduty-"));
    pagerduty = await startPagerDutyEmulator({ ...options, dataDir });
    await send("trigger", "kept");
    await pagerduty.close();
    pagerduty = await startPagerDutyEmulator({ ...options, dataDir });
    expect(pagerduty.alerts().map((a) => a.dedupKey)).toEqual(["kept"]);
  });
});
