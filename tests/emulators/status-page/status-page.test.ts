import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type StatusPageEmulator,
  startStatusPageEmulator,
} from "../../../emulators/status-page/index.js";

const options = { token: "token", clock: { now: () => 1_795_219_200_000 } };
let page: StatusPageEmulator;
beforeEach(async () => {
  page = await startStatusPageEmulator(options);
});
afterEach(() => page.close());

async function call(url: string, body: unknown, authorization: string, method = "POST") {
  const headers = { authorization, "content-type": "application/json" };
  const answer = await fetch(url, { method, headers, body: JSON.stringify(body) });
  return [answer.status, (await answer.json()) as Record<string, unknown>] as const;
}
const report = (body: unknown, authorization = "Bearer token") =>
  call(`${page.pageUrls.betterStack}/status-reports`, body, authorization);
const incident = (body: unknown, authorization = "OAuth token") =>
  call(`${page.pageUrls.statuspage}/incidents`, body, authorization);

describe("a status page", () => {
  it("takes reports and their updates by Better Stack's API", async () => {
    const [status, made] = await report({ title: "Down", message: "We look into it" });
    expect(status).toBe(201);
    const { id } = made.data as { id: string };
    const update = {
      message: "It works",
      affected_resources: [{ status_page_resource_id: "1", status: "resolved" }],
    };
    const url = `${page.pageUrls.betterStack}/status-reports/${id}/status-updates`;
    expect((await call(url, update, "Bearer token"))[0]).toBe(201);
    expect(page.reports()).toMatchObject([
      {
        id,
        title: "Down",
        api: "better-stack",
        updates: [{ status: null }, { status: "resolved" }],
      },
    ]);
    const json = await (await fetch(`${page.url}/reports.json`)).json();
    expect(json).toEqual({ data: page.reports() });
  });

  it("takes incidents and their updates by Statuspage's API", async () => {
    const [status, made] = await incident({
      incident: { name: "Down", status: "investigating", body: "We look into it" },
    });
    expect(status).toBe(201);
    const url = `${page.pageUrls.statuspage}/incidents/${made.id}`;
    const patch = { incident: { status: "resolved", body: "It works" } };
    expect((await call(url, patch, "OAuth token", "PATCH"))[0]).toBe(200);
    expect(page.reports()[0]?.updates.map(({ status }) => status)).toEqual([
      "investigating",
      "resolved",
    ]);
  });

  it("refuses a wrong token, a maintenance without an end, unknown words and reports that are not there", async () => {
    expect((await report({ title: "a", message: "b" }, "Bearer other"))[0]).toBe(401);
    expect((await incident({}, "Bearer token"))[0]).toBe(401);
    const maintenance = { title: "a", message: "b", report_type: "maintenance" };
    expect((await report(maintenance))[0]).toBe(422);
    expect((await incident({ incident: { name: "a", status: "broken" } }))[0]).toBe(422);
    const nowhere = `${page.pageUrls.statuspage}/incidents/99`;
    const patch = { incident: { body: "x" } };
    expect((await call(nowhere, patch, "OAuth token", "PATCH"))[0]).toBe(404);
    const update = { message: "without resources" };
    const url = `${page.pageUrls.betterStack}/status-reports/99/status-updates`;
    expect((await call(url, update, "Bearer token"))[0]).toBe(422);
    expect(page.reports()).toEqual([]);
  });

  it("goes wrong on demand, and keeps what it took when only the answer was lost", async () => {
    page.fault({ kind: "status", status: 503 });
    expect((await report({ title: "a", message: "b" }))[0]).toBe(503);
    page.fault({ kind: "drop", when: "after" });
    await expect(report({ title: "a", message: "b" })).rejects.toThrow();
    expect(page.reports()).toMatchObject([{ updates: [{ answerLost: true }] }]);
  });

  it("keeps its reports over a restart", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "signalbox-status-page-"));
    const first = await startStatusPageEmulator({ ...options, dataDir });
    const url = `${first.pageUrls.betterStack}/status-reports`;
    await call(url, { title: "Down", message: "We look into it" }, "Bearer token");
    const before = first.reports();
    await first.close();
    const second = await startStatusPageEmulator({ ...options, dataDir });
    expect(second.reports()).toEqual(before);
    expect(before).toHaveLength(1);
    await second.close();
    rmSync(dataDir, { recursive: true });
  });
});
