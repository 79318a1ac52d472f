import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AdminWorld, adminWorld, STARTED_AT } from "../admin/world.js";
import { run, type Served, served } from "./run.js";

let w: AdminWorld;
let s: Served;
beforeAll(async () => {
  w = await adminWorld();
  s = await served(w.app);
});
afterAll(async () => {
  await s.close();
  await w.close();
});

const starts = new Date(STARTED_AT + 3_600_000).toISOString();
const schedule = async (...more: string[]): Promise<Record<string, unknown>> => {
  const args = ["maintenance", "schedule", "--title", "New database", "--starts", starts];
  const ran = await run([...args, "--minutes", "30", "--json", ...more], s.env);
  expect(ran.err).toBe("");
  return (JSON.parse(ran.out) as { data: Record<string, unknown> }).data;
};
const act = async (verb: string, id: unknown, ...more: string[]) => {
  const ran = await run(["maintenance", verb, String(id), "--json", ...more], s.env);
  if (ran.code !== 0) return ran.err;
  return (JSON.parse(ran.out) as { data: { status: string; outcome: string | null } }).data;
};

describe("maintenance", () => {
  it("is appointed, begun, looked at and completed, and stands in the list", async () => {
    const made = await schedule("--service", "web", "--notice-hours", "2");
    expect(made).toMatchObject({
      status: "scheduled",
      services: ["web"],
      startsAt: starts,
      endsAt: new Date(STARTED_AT + 5_400_000).toISOString(),
      noticeAt: new Date(STARTED_AT - 3_600_000).toISOString(),
      createdBy: "admin",
    });
    expect(await act("begin", made.id)).toMatchObject({ status: "begun" });
    expect(await act("verify", made.id)).toMatchObject({
      status: "completed",
      outcome: "web: /api/health answered; web: / answered",
    });
    const { out } = await run(["maintenance", "list"], s.env);
    expect(out).toContain("New database");
    expect(out).toContain("completed");
  });

  it("of a service that nothing has named is appointed, and the name is called in question", async () => {
    const args = ["maintenance", "schedule", "--title", "New database", "--starts", starts];
    const { out, code } = await run([...args, "--minutes", "5", "--service", "wbe"], s.env);
    expect(code).toBe(0);
    expect(out).toContain("No incident, deployment or policy has named wbe yet.");
    expect(out).toMatch(/maintenance cancel mnt_\S+ --reason/);
    await w.deliver({ source: "vercel", sample: "deployment-succeeded" });
    const [deployed] = await w.database.query<{ name: string }>("SELECT name FROM deployment", []);
    const known = await run(
      [...args, "--minutes", "5", "--service", String(deployed?.name)],
      s.env,
    );
    expect(known.code).toBe(0);
    expect(known.out).not.toContain("has named");
  });

  it("is not completed by a look that saw nothing: a person is asked to say so", async () => {
    const { id } = await schedule("--service", "elsewhere", "--no-notice");
    await act("begin", id);
    const { out } = await run(["maintenance", "verify", String(id)], s.env);
    expect(out).toContain("verifying");
    expect(out).toContain("not_checked: elsewhere: no address of it is known");
    expect(out).toContain(`maintenance complete ${String(id)} --reason`);
    expect(await act("complete", id, "--reason", "seen")).toMatchObject({ status: "completed" });
  });

  it("fails, or is canceled or completed, by a person's word, which says why", async () => {
    const failing = await schedule("--no-notice");
    expect(failing.noticeAt).toBeNull();
    expect((await run(["maintenance", "list"], s.env)).out).toContain(String(failing.id));
    await act("begin", failing.id);
    expect(await act("fail", failing.id, "--reason", "the index is broken")).toMatchObject({
      status: "failed",
      outcome: "the index is broken",
    });
    const canceled = await schedule();
    expect(await act("cancel", canceled.id, "--reason", "exams")).toMatchObject({
      status: "canceled",
    });
    const completed = await schedule();
    await act("begin", completed.id);
    expect(await act("complete", completed.id, "--reason", "seen")).toMatchObject({
      status: "completed",
    });
    expect((await run(["maintenance", "cancel", String(completed.id)], s.env)).code).toBe(2);
  });

  it("is told what is wrong with it", async () => {
    const { id } = await schedule();
    expect(await act("complete", id, "--reason", "early")).toContain(
      "The maintenance is scheduled; complete makes it completed from begun or verifying.",
    );
    expect(await act("begin", "mnt_none")).toContain("mnt_none");
    const args = [
      "maintenance",
      "schedule",
      "--title",
      "x",
      "--starts",
      "tomorrow",
      "--minutes",
      "5",
    ];
    expect((await run(args, s.env)).err).toContain("must be an ISO 8601 time with its offset");
  });
});
