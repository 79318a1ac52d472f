import { afterEach, describe, expect, it } from "vitest";
import type { PolicyInput } from "../../../src/policy/schema.js";
import { policyWith } from "../../policy/policies.js";
import { type DeploymentWorld, deploymentWorld, web } from "./world.js";

const lockdown: PolicyInput["lockdown"] = {
  periods: [
    {
      id: "season",
      title: { en: "Exam season" },
      from: "2026-11-20T00:00:00Z",
      to: "2026-11-25T00:00:00Z",
    },
  ],
  exams: [
    {
      id: "mock-3",
      title: { en: "Mock Exam 3" },
      from: "2026-11-21T10:00:00Z",
      to: "2026-11-21T12:00:00Z",
    },
  ],
  approvals: [
    {
      id: "cto",
      fromHoursBefore: 2,
      untilHoursBefore: 0,
      rule: { en: "the CTO approves" },
      role: null,
    },
    {
      id: "exec",
      fromHoursBefore: 0,
      untilHoursBefore: null,
      rule: { en: "an executive decides" },
      role: null,
    },
  ],
  emergencyLabels: ["security", "payment-fix"],
  otherwise: { en: "the technical lead approves" },
};
/** The world's clock begins at 2026-11-21T09:00Z. */
const policy = policyWith({ lockdown });

let w: DeploymentWorld;
afterEach(async () => {
  await w.close();
});

describe("a deployment to production in a lockdown", () => {
  it("is an incident that says which approval applies, once for all that is said of it", async () => {
    w = await deploymentWorld(policy);
    await w.say(web({ state: "created" }));
    expect(await w.wake("deployment.lockdown")).toBe("ran");
    w.clock.advance(60_000);
    await w.say(web({ state: "succeeded" }));
    await w.say(web({ state: "promoted" }));
    expect(await w.wake("deployment.lockdown")).toBe("done");
    expect(w.told.map(({ title, tags }) => ({ title, tags }))).toEqual([
      {
        title:
          "Deployment of web (01234567) to production without an emergency label. Approval: the CTO approves (within 2 h before Mock Exam 3).",
        tags: { approval: "cto", deployment: "dpl_1", lockdown: "season", exam: "mock-3" },
      },
    ]);
    const entries = await w.rows("SELECT text FROM incident_entry WHERE kind = 'decision'");
    expect(entries.map(({ text }) => text).join(" ")).toContain(
      "Approval: the CTO approves (within 2 h before Mock Exam 3).",
    );
  });

  it("is an incident of its own, not the outage of what was deployed", async () => {
    w = await deploymentWorld(policy);
    await w.say(web({ state: "created" }));
    await w.wake("deployment.lockdown");
    expect(await w.rows("SELECT correlation_key, aside FROM incident")).toMatchObject([
      { correlation_key: expect.stringMatching(/ aside deployment$/), aside: true },
    ]);
  });

  it("is asked of whoever was to be asked when it came, although its timer comes late", async () => {
    w = await deploymentWorld(policy);
    w.clock.advance(30 * 60_000);
    await w.say(web({ occurredAt: Date.parse("2026-11-21T09:10:00Z") }));
    w.clock.advance(3_600_000);
    await w.wake("deployment.lockdown");
    expect(w.told.map(({ tags }) => tags.approval)).toEqual(["cto"]);
  });

  it("is asked of the policy's own where no exam is near", async () => {
    w = await deploymentWorld(policy);
    await w.say(web({ occurredAt: Date.parse("2026-11-20T09:00:00Z") }));
    await w.wake("deployment.lockdown");
    expect(
      w.told.map(({ tags, title }) => [tags.approval, title.slice(title.indexOf("Approval"))]),
    ).toEqual([
      ["otherwise", 'Approval: the technical lead approves (in the lockdown "Exam season").'],
    ]);
  });

  it.each([
    ["carries an emergency label, in any case", { labels: ["hotfix", "Security"] }],
    ["is our own", { ours: true }],
    ["is a preview", { target: "preview" }],
    ["came before the lockdown", { occurredAt: Date.parse("2026-11-19T23:59:59Z") }],
    ["has failed", { state: "failed" as const }],
  ])("is nothing when it %s", async (_name, parts) => {
    w = await deploymentWorld(policy);
    await w.say(web(parts));
    expect(await w.timer("deployment.lockdown")).toBeNull();
  });

  it("is one when it is another label", async () => {
    w = await deploymentWorld(policy);
    await w.say(web({ labels: ["hotfix"] }));
    await w.wake("deployment.lockdown");
    expect(w.told).toHaveLength(1);
  });
});
