import { afterEach, describe, expect, it } from "vitest";
import type { Maintenance } from "../../../src/domain/incident.js";
import {
  cancelMaintenance,
  completeMaintenance,
  failMaintenance,
  type ScheduleRequest,
  scheduleMaintenance,
  verifyMaintenance,
} from "../../../src/operations/maintenance/act.js";
import { listMaintenances } from "../../../src/operations/maintenance/rows.js";
import { sweepMaintenance } from "../../../src/operations/maintenance/sweep.js";
import type { PolicyInput } from "../../../src/policy/schema.js";
import { at, policyWith } from "../../policy/policies.js";
import { type DeploymentWorld, deploymentWorld } from "../deployments/world.js";

const HOUR = 3_600_000;
const MINUTE = 60_000;
const weekly: NonNullable<PolicyInput["maintenance"]>[number] = {
  id: "weekly",
  title: { en: "Weekly maintenance", th: "ปรับปรุงประจำสัปดาห์" },
  every: "week",
  weekday: "sun",
  from: "02:00",
  to: "04:00",
  noticeHours: 48,
};
const deployments: PolicyInput["deployments"] = {
  checks: ["health", "smoke"],
  afterSeconds: 0,
  forSeconds: 60,
  everySeconds: 10,
  smokePaths: ["/"],
  healthPath: "/health",
  rollbackWithinMinutes: 2,
};
/** The world's clock begins at 2026-11-21T09:00Z, a Saturday: 16:00 in Bangkok. */
const policy = (maintenance = [weekly]) =>
  policyWith({ timeZone: "Asia/Bangkok", maintenance, deployments });
const checkBaseUrls = new Map([
  ["web", "https://shop.example"],
  ["api", "https://api.example"],
]);

let w: DeploymentWorld;
afterEach(async () => {
  await w.close();
});

const sweep = () => sweepMaintenance(w.deps);
const rows = () =>
  w.rows(`SELECT title, status, outcome, rule, begun_at IS NOT NULL AS begun, announced_at IS NOT NULL AS told,
    ended_at AS "endedAt" FROM maintenance ORDER BY starts_at, id`);
const subscribe = (email: string, services: string[] = [], locale = "th") =>
  w.rows(
    `INSERT INTO subscriber (id, email, locale, services, created_at, version) VALUES ($1, $2, $3, $4, now(), 0)`,
    [`sbr_${email}`, email, locale, JSON.stringify(services)],
  );
const told = async (phase: string) => {
  const text = `SELECT recipient FROM notice WHERE template = 'user-maintenance' AND data->>'phase' = $1 ORDER BY recipient`;
  return (await w.rows(text, [phase])).map(({ recipient }) => recipient);
};
const schedule = (parts: Partial<ScheduleRequest> = {}): Promise<Maintenance> => {
  const startsAt = w.clock.now() + HOUR;
  const base = { title: "New database", services: [], noticeHours: 48, actor: "operator:anna" };
  return scheduleMaintenance({ ...base, startsAt, endsAt: startsAt + HOUR, ...parts }, w.deps);
};

describe("a recurring maintenance", () => {
  it("becomes a row with its notice, once however many sweeps there are, and users are told once in their language", async () => {
    w = await deploymentWorld(policy(), { checkBaseUrls });
    await subscribe("a@b.example");
    await subscribe("c@d.example", ["other"], "en-GB");
    const reports = await Promise.all([sweep(), sweep(), sweep()]);
    expect(reports.reduce((sum, { scheduled }) => sum + scheduled, 0)).toBe(1);
    await sweep();
    expect(await rows()).toEqual([
      {
        ...{ title: "Weekly maintenance", status: "scheduled", outcome: null, begun: false },
        ...{ rule: "weekly:2026-11-21T19:00:00.000Z", told: true, endedAt: null },
      },
    ]);
    expect(await told("scheduled")).toEqual(["a@b.example", "c@d.example", "status_page"]);
    const [mail] = await w.rows("SELECT locale, data FROM notice WHERE recipient = 'a@b.example'");
    expect(mail).toMatchObject({
      locale: "th",
      data: { titleTh: "ปรับปรุงประจำสัปดาห์", startsAt: at("2026-11-22T02:00:00+07:00") },
    });
  });

  it("is no row and told to nobody before its notice", async () => {
    w = await deploymentWorld(policy([{ ...weekly, noticeHours: null }]), { checkBaseUrls });
    await subscribe("a@b.example");
    await sweep();
    expect(await rows()).toEqual([]);
    w.clock.advance(at("2026-11-22T02:00:00+07:00") - w.clock.now());
    expect(await sweep()).toMatchObject({ scheduled: 1, announced: 0, begun: 1 });
    expect(await told("scheduled")).toEqual([]);
  });

  it("begins and ends by its time, and is completed when its services are well", async () => {
    w = await deploymentWorld(policy(), { checkBaseUrls });
    await sweep();
    w.clock.advance(at("2026-11-22T02:00:00+07:00") - w.clock.now());
    expect(await sweep()).toMatchObject({ begun: 1, completed: 0 });
    w.clock.advance(2 * HOUR - 1);
    expect(await sweep()).toMatchObject({ begun: 0, completed: 0 });
    w.clock.advance(1);
    expect(await sweep()).toMatchObject({ completed: 1 });
    expect(w.asked.sort()).toEqual([
      "https://api.example/",
      "https://api.example/health",
      "https://shop.example/",
      "https://shop.example/health",
    ]);
    expect((await rows())[0]).toMatchObject({ status: "completed", begun: true });
    expect([await told("begun"), await told("completed")]).toEqual([
      ["status_page"],
      ["status_page"],
    ]);
    expect(w.told).toEqual([]);
  });

  it("that was slept through is not made up for", async () => {
    w = await deploymentWorld(policy(), { checkBaseUrls });
    w.clock.advance(at("2026-11-22T04:00:00+07:00") - w.clock.now());
    await sweep();
    expect(await rows()).toEqual([]);
  });
});

describe("at the end of a maintenance", () => {
  it("what is not well is looked at again, and is an incident when it stays so", async () => {
    w = await deploymentWorld(policy([]), { checkBaseUrls });
    await schedule({ services: ["web"] });
    w.site["https://shop.example/health"] = 503;
    w.clock.advance(2 * HOUR);
    expect(await sweep()).toMatchObject({ begun: 1, failed: 0 });
    expect((await rows())[0]).toMatchObject({
      status: "verifying",
      outcome: "web: /health answers 503",
    });
    w.clock.advance(MINUTE);
    expect(await sweep()).toMatchObject({ failed: 1 });
    await sweep();
    expect(
      w.told.map(({ signalKind, title, service, tags }) => [signalKind, title, service, tags]),
    ).toEqual([
      [
        "maintenance",
        'Maintenance "New database" has failed: web: /health answers 503',
        "web",
        { maintenance: expect.any(String) as string },
      ],
    ]);
    expect(await w.rows("SELECT kind, status FROM incident")).toEqual([
      { kind: "maintenance", status: "open" },
    ]);
    expect(await told("failed")).toEqual(["status_page"]);
  });

  it("what gets well meanwhile is completed", async () => {
    w = await deploymentWorld(policy([]), { checkBaseUrls });
    await schedule({ services: ["web"] });
    w.site["https://shop.example/"] = "gives no answer in 5 s";
    w.clock.advance(2 * HOUR);
    await sweep();
    w.site["https://shop.example/"] = 302;
    w.clock.advance(5 * HOUR);
    expect(await sweep()).toMatchObject({ completed: 1, failed: 0 });
  });

  it("nothing is said to be well where nothing was looked at: it waits for a person's word", async () => {
    w = await deploymentWorld(policy([]), { asksDeployments: false });
    const { id } = await schedule();
    w.clock.advance(2 * HOUR);
    expect(await sweep()).toMatchObject({ begun: 1, completed: 0, failed: 0 });
    w.clock.advance(HOUR);
    expect(await sweep()).toMatchObject({ completed: 0, failed: 0 });
    expect(w.asked).toEqual([]);
    // begun, verifying, and what was found: the later look, which found the same, wrote nothing.
    expect(await w.rows("SELECT version FROM maintenance")).toEqual([{ version: 3 }]);
    expect((await rows())[0]).toMatchObject({
      status: "verifying",
      outcome: "not_checked: no address is known to look at",
    });
    expect([await told("completed"), await told("failed")]).toEqual([[], []]);
    await completeMaintenance({ id, actor: "operator:anna", because: "I looked" }, w.deps);
    expect(await told("completed")).toEqual(["status_page"]);
  });

  it("each service that it names is looked at, or it waits for a person's word", async () => {
    w = await deploymentWorld(policy([]), { checkBaseUrls, asksDeployments: false });
    await schedule({ services: ["web", "worker"] });
    w.clock.advance(2 * HOUR);
    expect(await sweep()).toMatchObject({ completed: 0, failed: 0 });
    expect((await rows())[0]).toMatchObject({
      status: "verifying",
      outcome:
        "not_checked: worker: on a developer's machine only CHECK_BASE_URLS are asked, and it is not among them",
    });
  });

  it("a failure whose incident was never told is told by the next sweep", async () => {
    w = await deploymentWorld(policy([]), { checkBaseUrls });
    const { id } = await schedule();
    await w.rows(
      "UPDATE maintenance SET status = 'failed', ended_at = to_timestamp($1::float8 / 1000)",
      [w.clock.now()],
    );
    await sweep();
    await sweep();
    expect(w.told.map(({ groupKey }) => groupKey)).toEqual([`maintenance:${id}`]);
  });
});

describe("a maintenance by appointment", () => {
  it("tells the users of its services only, and at once when its notice is late", async () => {
    w = await deploymentWorld(policy([]), { checkBaseUrls });
    await subscribe("all@b.example");
    await subscribe("api@b.example", ["api"]);
    await subscribe("web@b.example", ["web"]);
    await subscribe("both@b.example", ["web", "api"]);
    await schedule({ services: ["api", "worker"] });
    await schedule({ services: ["web"], noticeHours: null, title: "Silent" });
    await sweep();
    expect(await told("scheduled")).toEqual([
      "all@b.example",
      "api@b.example",
      "both@b.example",
      "status_page",
    ]);
  });

  it("is told to be canceled to those who were told of it", async () => {
    w = await deploymentWorld(policy([]), { checkBaseUrls });
    await subscribe("a@b.example");
    const announced = await schedule();
    const silent = await schedule({ noticeHours: null });
    await sweep();
    for (const { id } of [announced, silent]) {
      await cancelMaintenance(
        { id, actor: "operator:anna", because: "the vendor is late" },
        w.deps,
      );
    }
    expect(await told("canceled")).toEqual(["a@b.example", "status_page"]);
    w.clock.advance(3 * HOUR);
    expect(await sweep()).toMatchObject({ begun: 0, completed: 0, failed: 0 });
  });

  it("of the policy's recurring ones is canceled before it has a row, and stays so", async () => {
    w = await deploymentWorld(policy([{ ...weekly, noticeHours: null }]), { checkBaseUrls });
    const [coming] = await listMaintenances(7, w.deps);
    await cancelMaintenance(
      { id: String(coming?.id), actor: "operator:anna", because: "exams" },
      w.deps,
    );
    w.clock.advance(at("2026-11-22T02:30:00+07:00") - w.clock.now());
    expect(await sweep()).toMatchObject({ scheduled: 0, begun: 0 });
    expect((await listMaintenances(7, w.deps)).map(({ status }) => status)).toEqual([
      "canceled",
      "scheduled",
    ]);
  });

  it("done twice is done once, and what is past it is refused", async () => {
    w = await deploymentWorld(policy([]), { checkBaseUrls });
    const { id } = await schedule();
    const act = { id, actor: "operator:anna", because: "broke the index" };
    await expect(verifyMaintenance(act, w.deps)).rejects.toMatchObject({ code: "conflict" });
    w.clock.advance(HOUR);
    await sweep();
    await Promise.all([1, 2, 3].map(() => failMaintenance(act, w.deps)));
    await failMaintenance(act, w.deps);
    expect(w.told).toHaveLength(1);
    await expect(verifyMaintenance(act, w.deps)).rejects.toMatchObject({ code: "conflict" });
    const audit = await w.rows(
      "SELECT action, actor FROM audit_entry WHERE subject = $1 ORDER BY id",
      [id],
    );
    expect(audit.map(({ action }) => action)).toEqual([
      "maintenance.scheduled",
      "maintenance.begun",
      "maintenance.failed",
    ]);
  });

  it.each([
    ["is over", -2 * HOUR, -HOUR],
    ["has no length", HOUR, HOUR],
    ["is longer than a week", HOUR, 8 * 24 * HOUR],
  ])("is refused when it %s", async (_name, from, to) => {
    w = await deploymentWorld(policy([]));
    const now = w.clock.now();
    await expect(schedule({ startsAt: now + from, endsAt: now + to })).rejects.toMatchObject({
      code: "invalid_request",
    });
  });
});
