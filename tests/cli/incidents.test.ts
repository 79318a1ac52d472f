import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SEVERITY } from "../../cli/commands/column.js";
import { presetOf } from "../../src/policy/presets/index.js";
import { type AdminWorld, adminWorld, posted } from "../admin/world.js";
import { run, type Served, served } from "./run.js";

let w: AdminWorld;
let s: Served;
let made = 0;
let id: string;

beforeAll(async () => {
  w = await adminWorld();
  s = await served(w.app);
});
afterAll(async () => {
  await s.close();
  await w.close();
});
/** An outage of a monitor of its own. */
beforeEach(async () => {
  made += 1;
  const uniqueId = `outage${made}`;
  const set = { "data.attributes.name": `monitor-${made}` };
  await w.deliver({ source: "better-stack", sample: "incident-started", uniqueId, set });
  const { data } = await w.json<{ data: { id: string }[] }>(
    `/api/admin/incidents?service=monitor-${made}`,
  );
  id = data[0]?.id ?? "";
});

interface Shown {
  status: string;
  acknowledgedBy: string | null;
  timeline: { kind: string; actor: string; text: string }[];
}
const shown = async (): Promise<Shown> =>
  (await w.json<{ data: Shown }>(`/api/admin/incidents/${id}`)).data;
const timersDue = async () =>
  (await w.database.query("SELECT 1 FROM timer WHERE subject = $1 AND status = 'waiting'", [id]))
    .length;

describe("incidents", () => {
  it("are as severe as the policy calls it, beside what commands take", async () => {
    type Listed = { data: { severity: string; severityName: string }[] };
    const { data } = await w.json<Listed>(`/api/admin/incidents?service=monitor-${made}`);
    const { severities } = presetOf("runbook");
    expect(data[0]).toMatchObject({ severity: "P0", severityName: severities.P0.name });
    const shownAs = (severityName: string) =>
      (SEVERITY.of as (row: object) => string)({ severity: "P0", severityName });
    expect([shownAs("CRITICAL"), shownAs("P0")]).toEqual(["CRITICAL (P0)", "P0"]);
  });

  it("have the id of their minute", () => {
    expect(id).toMatch(/^INC-\d{8}-\d{4}(-\d+)?$/);
  });

  it("ack: it is yours, once, with your words in the timeline, and its clock is looked at", async () => {
    const ran = await run(["incidents", "ack", id, "--reason", "looking at the pool"], s.env);
    expect([ran.code, ran.err]).toEqual([0, ""]);
    expect(ran.out).toMatch(/acknowledged .*admin/);
    await run(["incidents", "ack", id], s.env);
    const { timeline, ...incident } = await shown();
    expect(incident).toMatchObject({ status: "acknowledged", acknowledgedBy: "admin" });
    const said = timeline.filter(({ text }) => text.startsWith("acknowledged"));
    expect(said.map(({ text }) => text)).toEqual(["acknowledged by admin: looking at the pool"]);
    expect(await timersDue()).toBe(1);
  });

  it("resolve, then reopen: it is nobody's again", async () => {
    await run(["incidents", "ack", id], s.env);
    expect((await run(["incidents", "resolve", id, "--reason", "restarted"], s.env)).code).toBe(0);
    expect((await shown()).status).toBe("resolved");
    const late = await run(["incidents", "ack", id], s.env);
    expect([late.code, late.err]).toEqual([1, expect.stringContaining(`${id} is over since`)]);
    expect(late.err).toContain(
      `See how it stands now: \`npx --no signalbox incidents show ${id}\`.`,
    );
    await run(["incidents", "reopen", id, "--reason", "it is back"], s.env);
    expect(await shown()).toMatchObject({ status: "open", acknowledgedBy: null });
    const entries = `/api/admin/audit?subject=${id}&action=incident.reopened`;
    const { data } = await w.json<{ data: unknown[] }>(entries);
    expect(data).toMatchObject([
      { actor: "admin", details: { before: "resolved", after: "open" } },
    ]);
  });

  it("note: your words, and by whom", async () => {
    const ran = await run(["incidents", "note", id, "the pool was full, ขนาดเต็ม"], s.env);
    expect(ran).toEqual({ code: 0, out: `Noted on ${id}.\n`, err: "" });
    const { timeline } = await shown();
    expect(timeline).toContainEqual(
      expect.objectContaining({ kind: "note", actor: "admin", text: "the pool was full, ขนาดเต็ม" }),
    );
  });

  it("ack of what somebody has: their word is kept unless it is taken over, from a link by a name alone", async () => {
    await run(["incidents", "ack", id], s.env);
    const key = await w.json<{ data: { key: string } }>(
      "/api/admin/keys",
      posted({ name: `ben-${made}`, role: "operator" }),
    );
    const ben = { ...s.env, ADMIN_TOKEN: key.data.key };
    const second = await run(["incidents", "ack", id, "--reason", "I look at the disk"], ben);
    expect(second.err).toMatch(
      /INC-\S+: admin has had it since \S+ \S+ \(Asia\/Bangkok\)\. Your reason was kept as a note; to have it yourself: npx --no signalbox incidents ack INC-\S+ --take-over\n/,
    );
    expect((await shown()).acknowledgedBy).toBe("admin");
    expect((await shown()).timeline).toContainEqual(
      expect.objectContaining({
        kind: "note",
        actor: `operator:ben-${made}`,
        text: "I look at the disk",
      }),
    );
    const taken = await run(["incidents", "ack", id, "--take-over"], ben);
    expect([taken.code, taken.err]).toEqual([0, ""]);
    expect((await shown()).acknowledgedBy).toBe(`operator:ben-${made}`);
    await w.database.query("UPDATE incident SET acknowledged_by = 'link:slack' WHERE id = $1", [
      id,
    ]);
    await run(["incidents", "ack", id], ben);
    expect((await shown()).acknowledgedBy).toBe(`operator:ben-${made}`);
  });

  it("of one that there is not says so", async () => {
    const ran = await run(["incidents", "ack", "INC-20000101-0000"], s.env);
    expect([ran.code, ran.err]).toEqual([
      1,
      expect.stringContaining("There is no incident INC-20000101-0000."),
    ]);
  });

  it("several: one that there is not does not keep the rest from their turn, and counts", async () => {
    const ran = await run(["incidents", "ack", "INC-20000101-0000", id], s.env);
    expect(ran.code).toBe(1);
    expect(ran.err).toContain("INC-20000101-0000: ");
    expect((await shown()).status).toBe("acknowledged");
  });

  it("done: a task that is not owed is named with those that are", async () => {
    const ran = await run(["incidents", "done", id, "root-cause"], s.env);
    expect([ran.code, ran.err]).toEqual([1, expect.stringContaining("there are: none")]);
  });

  it("show tells what to do next, by its state", async () => {
    const { err, out } = await run(["incidents", "show", id], s.env);
    expect(out + err).toContain(`npx --no signalbox incidents ack ${id}`);
    expect(out + err, "who is told next, and when").toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d Asia\/Bangkok: On call, Technical lead by sms, email, slack, unless somebody has it by then\.$/m,
    );
    expect(out, "one zone in one view").not.toContain("UTC");
    const decided = (await shown()).timeline.find(({ kind }) => kind === "decision");
    expect(out.replace(/\s+/g, " "), "whole, on several lines").toContain(decided?.text);
    await run(["incidents", "resolve", id, "--reason", "over"], s.env);
    const over = await run(["incidents", "show", id], s.env);
    expect(over.out + over.err).toContain(`incidents review ${id}`);
  });

  it("resolve without a reason is called wrongly", async () => {
    expect((await run(["incidents", "resolve", id], s.env)).code).toBe(2);
    const empty = await run(["incidents", "note", id, "  "], s.env);
    expect([empty.code, empty.err]).toEqual([1, expect.stringContaining("text: must be 1 to")]);
  });
});
