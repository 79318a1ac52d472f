import { afterEach, describe, expect, it } from "vitest";
import type { SignalFact } from "../../../src/domain/facts.js";
import { testEventTitle } from "../../../src/domain/test-event.js";
import { checkDeployment } from "../../../src/operations/deployments/check.js";
import { recheckDeployment } from "../../../src/operations/deployments/recheck.js";
import type { PolicyInput } from "../../../src/policy/schema.js";
import { sourceById } from "../../../src/sources/registry.js";
import { policyWith } from "../../policy/policies.js";
import { type DeploymentWorld, deploymentWorld, web } from "./world.js";

const deployments: PolicyInput["deployments"] = {
  checks: ["health", "smoke"],
  afterSeconds: 30,
  forSeconds: 60,
  everySeconds: 25,
  smokePaths: ["/", "/login"],
  healthPath: "/api/health",
  rollbackWithinMinutes: 2,
};
const policy = (parts: Partial<PolicyInput["deployments"]> = {}) =>
  policyWith({ deployments: { ...deployments, ...parts } });
const HEALTH = "https://web-1.example/api/health";

let w: DeploymentWorld;
afterEach(async () => {
  await w.close();
});
/** Wakes the checks until they end. */
async function untilDone(): Promise<number> {
  for (let looks = 1; looks < 20; looks += 1) {
    await w.wake("deployment.due");
    if ((await w.timer("deployment.due"))?.status === "done") return looks;
  }
  throw new Error("the checks never end");
}

const entries = () =>
  w.rows("SELECT action, details FROM audit_entry WHERE actor = 'system:deployments' ORDER BY id");

describe("a deployment that went to production", () => {
  it("is looked at after the policy's time, and all is well: one line in the audit trail, and nobody is told", async () => {
    w = await deploymentWorld(policy());
    await w.say(web());
    const begun = w.clock.now();
    expect((await w.timer("deployment.due"))?.dueAt).toBe(begun + 30_000);
    expect(await untilDone()).toBe(1);
    expect(w.asked.sort()).toEqual(
      ["/", "/api/health", "/login"].map((path) => `https://web-1.example${path}`),
    );
    expect(await w.actions()).toEqual(["deployment.check_passed"]);
    expect(w.told).toEqual([]);
  });

  it("is well when it answers in time: what failed at first is looked at again", async () => {
    w = await deploymentWorld(policy());
    w.site[HEALTH] = 503;
    await w.say(web());
    await w.wake("deployment.due");
    expect(await w.actions()).toEqual([]);
    expect((await w.timer("deployment.due"))?.dueAt).toBe(w.clock.now() + 25_000);
    w.site[HEALTH] = 200;
    expect(await untilDone()).toBe(1);
    expect(await w.actions()).toEqual(["deployment.check_passed"]);
    expect(w.told).toEqual([]);
  });

  it("is an incident when it is not well to the end, which names it and the good one before it", async () => {
    w = await deploymentWorld(policy());
    await w.say(web({ externalId: "dpl_0", url: "https://web-0.example" }));
    await untilDone();
    w.site[HEALTH] = "gives no answer in 5 s";
    w.site["https://web-1.example/login"] = 404;
    await w.say(web());
    const begun = w.clock.now();
    expect(await untilDone()).toBe(4); // after 30, 55, 80 and 90 s
    expect(w.clock.now()).toBe(begun + 90_000);
    expect(w.told.map(({ kind, tags }) => [kind, tags])).toEqual([
      ["raised", { check: "health", deployment: "dpl_1", rollback_to: "dpl_0" }],
      ["raised", { check: "smoke", deployment: "dpl_1", rollback_to: "dpl_0" }],
    ]);
    expect(w.told[0]?.title).toBe(
      "web is not well 60 s after its deployment to production: /api/health gives no answer in 5 s",
    );
    const incidents = await w.rows(
      `SELECT i.status, s.external_id AS suspect, g.external_id AS good FROM incident i
       LEFT JOIN deployment s ON s.id = i.suspect_id LEFT JOIN deployment g ON g.id = i.last_good_id`,
    );
    expect(incidents).toEqual([{ status: "open", suspect: "dpl_1", good: "dpl_0" }]);
    expect(await w.actions()).toEqual(["deployment.check_passed", "deployment.check_failed"]);
  });

  it("that is not well is nothing to go back to: the next one's incident names the good one before both", async () => {
    w = await deploymentWorld(policy());
    await w.say(web({ externalId: "dpl_0", url: "https://web-0.example" }));
    await untilDone();
    w.site[HEALTH] = 500;
    w.site["https://web-2.example/api/health"] = 500;
    await w.say(web());
    await untilDone();
    w.clock.advance(90 * 60_000); // longer than one outage of the policy's: the next is another incident
    await w.rows("UPDATE alert SET status = 'resolved', resolved_at = opened_at");
    await w.rows("UPDATE incident SET status = 'resolved', resolved_at = opened_at");
    await w.say(web({ externalId: "dpl_2", url: "https://web-2.example" }));
    await untilDone();
    expect(await w.rows("SELECT external_id AS id, checked FROM deployment ORDER BY 1")).toEqual([
      { id: "dpl_0", checked: "passed" },
      { id: "dpl_1", checked: "failed" },
      { id: "dpl_2", checked: "failed" },
    ]);
    expect(w.told.at(-1)?.tags).toMatchObject({ deployment: "dpl_2", rollback_to: "dpl_0" });
    const incidents = await w.rows(
      `SELECT s.external_id AS suspect, g.external_id AS good FROM incident i
       JOIN deployment s ON s.id = i.suspect_id JOIN deployment g ON g.id = i.last_good_id ORDER BY i.opened_at`,
    );
    expect(incidents).toEqual([
      { suspect: "dpl_1", good: "dpl_0" },
      { suspect: "dpl_2", good: "dpl_0" },
    ]);
  });

  it("ends with its own good checks what an earlier deployment to the same place had failed, and no other's", async () => {
    w = await deploymentWorld(policy());
    w.site[HEALTH] = 500;
    await w.say(web());
    await w.say(web({ externalId: "dpl_2", project: "prj_other", name: "other" }));
    await untilDone();
    await w.rows("UPDATE timer SET created_at = created_at - interval '1 s' WHERE status = 'done'");
    await untilDone();
    const open = "SELECT service, status FROM alert ORDER BY service";
    expect(await w.rows(open)).toEqual([
      { service: "other", status: "open" },
      { service: "web", status: "open" },
    ]);
    w.clock.advance(1_000);
    await w.say(web({ externalId: "dpl_3", url: "https://web-3.example" }));
    await untilDone();
    expect(await w.rows(open)).toEqual([
      { service: "other", status: "open" },
      { service: "web", status: "resolved" },
    ]);
  });

  it("is told once, however often its timer comes: two runs tell one event", async () => {
    w = await deploymentWorld(policy({ forSeconds: 0, checks: ["health"] }));
    w.site[HEALTH] = 500;
    await w.say(web());
    const timer = await w.timer("deployment.due");
    if (timer === null) throw new Error("no timer");
    w.clock.advance(30_000);
    await Promise.all([1, 2, 3].map(() => checkDeployment(timer, w.deps)));
    expect(await w.wake("deployment.due")).toBe("done");
    expect(w.told).toHaveLength(1);
    expect(await w.actions()).toEqual(["deployment.check_failed"]);
  });

  it("is looked at twice at least when its timer comes hours late, for one look may be an accident", async () => {
    w = await deploymentWorld(policy({ checks: ["health"] }));
    w.site[HEALTH] = 500;
    await w.say(web());
    await w.wake("deployment.due", 5 * 3_600_000);
    expect(w.told).toEqual([]);
    w.site[HEALTH] = 200;
    expect(await untilDone()).toBe(1);
    expect(await w.actions()).toEqual(["deployment.check_passed"]);
  });

  it("is judged no more once a later one serves", async () => {
    w = await deploymentWorld(policy());
    w.site[HEALTH] = 500;
    await w.say(web());
    const timer = await w.timer("deployment.due");
    w.clock.advance(1_000);
    await w.say(web({ externalId: "dpl_2", url: "https://web-2.example" }));
    w.clock.advance(100_000);
    if (timer !== null) await checkDeployment(timer, w.deps);
    expect(await w.actions()).toEqual(["deployment.check_ended"]);
    expect(w.told).toEqual([]);
  });

  it("is looked at anew when it is promoted, as at a rollback, and not for an older word", async () => {
    w = await deploymentWorld(policy());
    await w.say(web());
    await untilDone();
    w.clock.advance(60_000);
    await w.say(web({ state: "promoted" }));
    const wound = await w.timer("deployment.due");
    expect([wound?.status, wound?.dueAt]).toEqual(["waiting", w.clock.now() + 30_000]);
    await untilDone();
    await w.say(web({ occurredAt: w.clock.now() - 500_000 }));
    expect((await w.timer("deployment.due"))?.status).toBe("done");
    expect(await w.actions()).toEqual(["deployment.check_passed", "deployment.check_passed"]);
  });

  it("is told on the status page when it is well, once for each time that it came, where the platform wants that", async () => {
    w = await deploymentWorld(policy({ tellStatusPage: true }));
    await w.say(web());
    await untilDone();
    w.clock.advance(60_000);
    await w.say(web({ state: "promoted" }));
    await untilDone();
    const notices = await w.rows("SELECT channel, template, data->>'project' AS name FROM notice");
    const notice = { channel: "status_page", template: "deployment-finished", name: "web" };
    expect(notices).toEqual([notice, notice]);
  });

  it.each([
    ["our own", { ours: true }],
    ["to a preview", { target: "preview" }],
    ["not ready yet", { state: "created" as const }],
    ["failed", { state: "failed" as const }],
  ])("is left alone when it is %s", async (_name, parts) => {
    w = await deploymentWorld(policy());
    await w.say(web(parts));
    expect(await w.timer("deployment.due")).toBeNull();
  });

  it("is asked where its service answers, where that is set, by any of its names", async () => {
    const checkBaseUrls = new Map([["prj_web", "https://shop.example"]]);
    w = await deploymentWorld(policy({ checks: ["health"] }), { checkBaseUrls });
    await w.say(web());
    await untilDone();
    expect(w.asked).toEqual(["https://shop.example/api/health"]);
  });
});

describe("a deployment that somebody wants to be looked at anew", () => {
  it("is, from the beginning, and what it had failed is over when it is well", async () => {
    w = await deploymentWorld(policy({ checks: ["health"] }));
    w.site[HEALTH] = 401;
    await w.say(web());
    await untilDone();
    w.clock.advance(3_600_000);
    w.site[HEALTH] = 200;
    const { subject } = (await w.timer("deployment.due")) ?? { subject: "" };
    const asked = { id: subject, actor: "operator:anna", because: "the address is set" };
    const verdict = async () => (await w.rows("SELECT checked FROM deployment"))[0]?.checked;
    expect(await verdict()).toBe("failed");
    await Promise.all([1, 2].map(() => recheckDeployment(asked, w.deps)));
    expect(await verdict(), "what is looked at anew has no answer").toBeNull();
    expect((await w.timer("deployment.due"))?.dueAt).toBe(w.clock.now());
    expect(await untilDone()).toBe(1);
    expect(w.told.map(({ kind }) => kind)).toEqual(["raised", "resolved"]);
    expect(await w.actions()).toEqual(["deployment.check_failed", "deployment.check_passed"]);
  });

  it("is refused when it is none that is looked at, or not there", async () => {
    w = await deploymentWorld(policy());
    await w.say(web({ target: "preview" }));
    const [{ id } = { id: "" }] = await w.rows("SELECT id FROM deployment");
    const asked = { id: String(id), actor: "operator:anna", because: "curious" };
    await expect(recheckDeployment(asked, w.deps)).rejects.toMatchObject({ code: "conflict" });
    await expect(recheckDeployment({ ...asked, id: "dep_no" }, w.deps)).rejects.toMatchObject({
      code: "not_found",
    });
  });
});

describe("where nothing could be looked at", () => {
  it("users are not told that all is well, and no earlier trouble is over", async () => {
    w = await deploymentWorld(policy({ checks: ["health"], tellStatusPage: true }));
    w.site[HEALTH] = 500;
    await w.say(web());
    await untilDone();
    w.clock.advance(1_000);
    await w.say(web({ externalId: "dpl_2", url: null }));
    await w.rows("UPDATE timer SET created_at = created_at - interval '1 h' WHERE status = 'done'");
    await untilDone();
    expect((await entries()).at(-1)).toEqual({
      action: "deployment.not_checked",
      details: {
        health: "not_checked: no address of it is known, by CHECK_BASE_URLS or by a deployment",
      },
    });
    expect(w.told.map(({ kind }) => kind)).toEqual(["raised"]);
    expect(await w.rows("SELECT 1 FROM notice WHERE template = 'deployment-finished'")).toEqual([]);
  });

  it("what one check had failed is not over by another's good look", async () => {
    w = await deploymentWorld(policy({ checks: ["health", "error_tracking"] }), { tests: true });
    await w.say(web());
    await untilDone();
    w.clock.advance(1_000);
    await w.say(web({ externalId: "dpl_2" }));
    w.deps.postTest = null;
    await w.rows("UPDATE timer SET created_at = created_at - interval '1 h' WHERE status = 'done'");
    await untilDone();
    expect(await w.actions()).toEqual(["deployment.check_failed", "deployment.check_passed"]);
    expect(w.told.map(({ kind }) => kind)).toEqual(["raised"]);
  });

  it("a service of which no monitor ever spoke is not green", async () => {
    w = await deploymentWorld(policy({ checks: ["monitor"] }));
    await w.say(web());
    await untilDone();
    expect(await entries()).toEqual([
      {
        action: "deployment.not_checked",
        details: { monitor: "not_checked: no monitor of it has said anything so far" },
      },
    ]);
  });
});

describe("on a developer's machine", () => {
  it("no deployment's own address is asked, only what is set", async () => {
    w = await deploymentWorld(policy(), { asksDeployments: false });
    await w.say(web());
    await untilDone();
    expect(w.asked).toEqual([]);
    const why =
      "not_checked: on a developer's machine only CHECK_BASE_URLS are asked, and it is not among them";
    expect(await entries()).toEqual([
      { action: "deployment.not_checked", details: { health: why, smoke: why } },
    ]);
  });
});

describe("the check of error tracking", () => {
  it("waits until a test event has come back by our own door, and raises nothing by it", async () => {
    w = await deploymentWorld(policy({ checks: ["error_tracking"] }), { tests: true });
    await w.say(web());
    await w.wake("deployment.due");
    const [marker = ""] = w.posted;
    const body = {
      action: "created",
      installation: { uuid: "i" },
      data: { issue: { id: "1", title: testEventTitle(marker), project: { slug: "web" } } },
    };
    const bytes = new TextEncoder().encode(JSON.stringify(body));
    const headers = { "sentry-hook-resource": "issue" };
    const context = { ours: new Set<string>(), receivedAt: w.clock.now() };
    const facts = sourceById("sentry")?.normalise(headers, bytes, context) ?? [];
    expect(facts.map(({ kind }) => kind)).toEqual(["test.arrived"]);
    for (const fact of facts) await w.say(fact, "sentry");
    await untilDone();
    expect(await w.actions()).toEqual(["deployment.check_passed"]);
    expect([await w.count("incident"), await w.count("alert")]).toEqual([0, 0]);
  });

  it("fails when none comes back", async () => {
    w = await deploymentWorld(policy({ checks: ["error_tracking"] }), { tests: true });
    await w.say(web());
    await untilDone();
    expect(new Set(w.posted).size).toBe(1);
    expect(w.told.map(({ tags, title }) => [tags.check, title])).toEqual([
      [
        "error_tracking",
        "web is not well 60 s after its deployment to production: a test event has not come back",
      ],
    ]);
  });

  it("is said not to be configured, and does not fail, where it is not", async () => {
    w = await deploymentWorld(policy({ checks: ["error_tracking"] }));
    await w.say(web());
    await untilDone();
    expect(await entries()).toEqual([
      {
        action: "deployment.not_checked",
        details: { error_tracking: "not_checked: CHECK_SENTRY_DSN is not set" },
      },
    ]);
  });
});

describe("the check of the monitor", () => {
  const outage = (kind: "signal.raised" | "signal.resolved", service = "web"): SignalFact => {
    const base = {
      groupKey: `m:${service}`,
      signalKind: "uptime" as const,
      title: "Shop is down",
      occurredAt: 0,
    };
    if (kind === "signal.resolved") return { kind, ...base, by: null };
    return { kind, ...base, level: "fatal", service, environment: null, url: null, ours: false };
  };

  it("fails while a monitor of the service says that it is down, by whichever of its names", async () => {
    const services = [{ id: "shop", names: ["web", "shop monitor"] }];
    w = await deploymentWorld({ ...policy({ checks: ["monitor"] }), services });
    await w.say(outage("signal.raised", "Shop Monitor"), "better-stack");
    await w.say(web());
    await untilDone();
    expect(w.told.map(({ title }) => title)).toEqual([
      'shop is not well 60 s after its deployment to production: "Shop is down" is open',
    ]);
    // What was down before it came is not its own fault: it may be gone back to.
    expect(await w.rows("SELECT checked FROM deployment")).toEqual([{ checked: null }]);
  });

  it("passes once it is over, and with another service's trouble", async () => {
    w = await deploymentWorld(policy({ checks: ["monitor"] }));
    await w.say(outage("signal.raised"), "better-stack");
    await w.say(outage("signal.raised", "other"), "better-stack");
    w.clock.advance(1_000);
    await w.say(outage("signal.resolved"), "better-stack");
    await w.say(web());
    await untilDone();
    expect(w.told).toEqual([]);
  });
});
