import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sampleOf } from "../operations/policy/payloads.js";
import { type AdminWorld, adminWorld, STARTED_AT } from "./world.js";

let world: AdminWorld;
beforeAll(async () => {
  world = await adminWorld();
});
afterAll(async () => {
  await world.close();
});

const post = <T>(path: string, body: unknown) =>
  world.json<T>(`/api/admin/policy/${path}`, {
    method: "POST",
    headers: { authorization: "Bearer an-admin-token-of-the-tests" },
    body: JSON.stringify(body),
  });
type Checked = { data: { name: string | null; problems: Record<string, unknown>[] } };
type Explained = {
  data: { source: string; type: string; incidents: string[]; parts: { sentences: string[] }[] };
};
type Compared = {
  data: {
    before: string;
    after: string;
    differences: { path: string; before: string | null; after: string | null }[];
    replayed: {
      signals: number;
      withoutBody: number;
      changed: number;
      changes: {
        before: { severityName: string };
        after: { severityName: string; rule: string };
      }[];
    } | null;
  };
};

describe("GET /policy", () => {
  it("shows the policy that holds, and of addresses only that there are some", async () => {
    type Shown = { data: { name: string; roles: Record<string, unknown> } };
    const { data } = await world.json<Shown>("/api/admin/policy");
    expect(data.name).toBe("runbook");
    expect(data.roles["on-call"]).toEqual({ title: "On call", addresses: [] });
  });
});

describe("POST /policy/check", () => {
  it("names every problem by its line", async () => {
    const text = "extends: tbat\nname: ours\nstorm:\n  incidents: 5\n  minutes: 0\n";
    const { data } = await post<Checked>("check", { text });
    expect(data).toEqual({
      name: "ours",
      problems: [
        { path: "storm.minutes", message: "in no time nothing is a storm", line: 5, column: 12 },
      ],
    });
  });

  it("has nothing to say of one that is right, and says why one cannot be read", async () => {
    const fine = await post<Checked>("check", { text: "extends: stamford" });
    expect(fine.data).toEqual({ name: "stamford", problems: [] });
    const broken = await post<Checked>("check", { text: "extends: [" });
    expect(broken.data.name).toBeNull();
    expect(broken.data.problems[0]).toMatchObject({ line: 1 });
    expect(await post("check", { text: 5 })).toMatchObject({ code: "invalid_request" });
    expect(await post("check", { text: "x".repeat(500_001) })).toMatchObject({ status: 400 });
    expect(await post("check", { text: "x".repeat(1_100_000) })).toMatchObject({ status: 413 });
  });
});

describe("POST /policy/explain", () => {
  it("explains a delivery, and keeps nothing of it", async () => {
    const { name: _, ...asked } = sampleOf("better-stack", "incident-started", STARTED_AT);
    const { data } = await post<Explained>("explain", asked);
    expect(data).toMatchObject({ source: "better-stack", incidents: [] });
    expect(data.parts[0]?.sentences).toContain(
      "Rule `site-down` (A monitor cannot reach the service) makes it P0.",
    );
    const events = await world.json<{ data: unknown[] }>("/api/admin/events");
    expect(events.data).toEqual([]);
  });

  it("explains an event that came, with the incident that it is part of", async () => {
    const delivered = await world.deliver({ source: "better-stack", sample: "incident-started" });
    const { data } = await post<Explained>("explain", { eventId: delivered.eventId });
    expect(data.incidents).toEqual([expect.stringMatching(/^INC-20261121-/)]);
    expect(data.parts[0]?.sentences.length).toBeGreaterThan(5);
    expect(await post("explain", { eventId: "evt_none" })).toMatchObject({ status: 404 });
    expect(await post("explain", { source: "vercel" })).toMatchObject({ status: 400 });
    const unread = await post<Explained>("explain", { source: "vercel", body: "no" });
    expect(unread.data.parts[0]?.sentences[0]).toMatch(/^It cannot be read: /);
    expect(await post("explain", { source: "x", body: "{}" })).toMatchObject({ status: 404 });
    await world.database.query("UPDATE event_body SET event_id = 'evt_gone' WHERE event_id = $1", [
      delivered.eventId,
    ]);
    const lost = await post<Explained>("explain", { eventId: delivered.eventId });
    expect(lost.data.parts[0]?.sentences[0]).toMatch(/^Its bytes are kept no more/);
    await world.database.query("UPDATE event_body SET event_id = $1 WHERE event_id = 'evt_gone'", [
      delivered.eventId,
    ]);
  });
});

describe("POST /policy/diff", () => {
  it("says where another policy differs, line by line, by ids and not by places", async () => {
    const text = [
      "extends: runbook",
      "name: ours",
      "storm: { incidents: 20, minutes: 5 }",
      "roles:",
      "  on-call: { title: On call }",
      "  technical-lead: { title: Lead }",
    ].join("\n");
    const { data } = await post<Compared>("diff", { text });
    expect(data).toMatchObject({ before: "runbook", after: "ours", replayed: null });
    expect(data.differences).toEqual([
      { path: "name", before: '"runbook"', after: '"ours"' },
      { path: "roles.technical-lead.title", before: '"Technical lead"', after: '"Lead"' },
      { path: "storm.incidents", before: "10", after: "20" },
    ]);
  });

  it("says what it would have made of past signals, by their bytes where they are kept", async () => {
    await world.deliver({ source: "sentry", sample: "issue-created" });
    const whole = await post<Compared>("diff", { preset: "tbat", last: "7d" });
    expect(whole.data.replayed).toMatchObject({ signals: 2, changed: 2, withoutBody: 0 });
    const [down, error] = whole.data.replayed?.changes ?? [];
    expect([down?.before.severityName, down?.after.severityName]).toEqual(["P0", "CRITICAL"]);
    expect([error?.before.severityName, error?.after.rule]).toEqual(["P1", "error"]);
    await world.database.query("DELETE FROM event_body", []);
    const rest = await post<Compared>("diff", { preset: "tbat", last: "7d" });
    expect(rest.data.replayed).toMatchObject({ signals: 2, changed: 2, withoutBody: 2 });
    const same = await post<Compared>("diff", { preset: "runbook", last: "12h" });
    expect(same.data).toMatchObject({ differences: [], replayed: { signals: 2, changed: 0 } });
  });

  it("refuses what is no policy, and two at once", async () => {
    const bad = await post("diff", { text: "extends: nobody" });
    expect(bad).toMatchObject({ code: "invalid_request", detail: expect.stringContaining("1:10") });
    expect(await post("diff", {})).toMatchObject({ status: 400 });
    expect(await post("diff", { preset: "tbat", text: "x" })).toMatchObject({ status: 400 });
    expect(await post("diff", { preset: "tbat", last: "week" })).toMatchObject({ status: 400 });
  });
});
