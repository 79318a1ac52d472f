import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ExplainDeps, explainDelivery } from "../../../src/operations/policy/explain.js";
import { withRecipients } from "../../../src/policy/deployment.js";
import { POLICY_NAMES } from "../../../src/policy/names.js";
import { presetOf } from "../../../src/policy/presets/index.js";
import type { Policy } from "../../../src/policy/schema.js";
import { sourceById } from "../../../src/sources/registry.js";
import { type StoreWorld, storeWorld } from "../../support/store.js";
import { type Asked, monitoringPayloads, sampleOf } from "./payloads.js";

/** A Saturday, 15:00 in Bangkok. */
const NOW = Date.UTC(2026, 10, 21, 8);
let w: StoreWorld;
beforeAll(async () => {
  w = await storeWorld();
});
afterAll(async () => {
  await w.close();
});

/** With an address of each role by mail, and every channel but SMS. */
function depsOf(policy: Policy, now = NOW): ExplainDeps {
  const mails = Object.keys(policy.roles).map((id): [string, { email: string }] => [
    id,
    { email: `${id}@example.com` },
  ]);
  return {
    database: w.database,
    clock: { now: () => now },
    policy: withRecipients(policy, new Map(mails)),
    ours: new Set(),
    sourceById,
    isSetUp: (channel) => channel !== "sms",
  };
}

async function sentencesOf(asked: Asked, policy: Policy, now = NOW): Promise<string[]> {
  const { parts } = await explainDelivery(asked, depsOf(policy, now));
  return parts.flatMap(({ sentences }) => sentences);
}

describe("an explanation", () => {
  it("says how bad an outage is, who hears of it when, and what if nobody answers", async () => {
    const asked = sampleOf("better-stack", "incident-started", NOW);
    expect(await sentencesOf(asked, presetOf("tbat"))).toEqual([
      'better-stack reports of Shop: checkout: "Shop: checkout: Status 502" (it cannot be reached; level fatal).',
      "Rule `system-down` (The system is down, says a monitor) makes it P0, which this platform calls CRITICAL.",
      "Here CRITICAL means: System down, payment system down, database unavailable, data corruption.",
      "At once On call is told by pagerduty and slack.",
      "If nobody has acknowledged 5 min after that (15:05 GMT+7), Technical lead, Project manager and On call are told by pagerduty, slack and email.",
      "The last of these comes again every 15 min, until somebody acknowledges or it is over.",
      "Where a channel is down or refuses: email in place of pagerduty and slack.",
      "Somebody is to answer within 15 min, by 21 November 2026 at 15:15 (Thailand Time, GMT+7).",
      "While it lasts: acknowledged within 5 min, first response within 15 min, users told within 30 min, and again every 15 min, Executive told by email when it lasts for 30 min, after its end users told within 2 h.",
      "Owed after it: Find the root cause (24 h); Write down what happened (48 h); Take measures against its coming back (168 h).",
      "No maintenance of Shop: checkout is under way.",
      "It is one incident with other trouble of the same service (Shop: checkout) while that lasts, or within 60 min of it.",
      "It is over as soon as all of its alerts are; what comes back within 15 min is the same incident again.",
    ]);
  });

  it("says of a dispute and of a fraud warning that they are incidents of their own, and no outage", async () => {
    for (const [sample, what] of [
      ["dispute-created", "It speaks of a dispute."],
      ["fraud-warning-created", "It speaks of suspected fraud."],
    ] as const) {
      const sentences = await sentencesOf(sampleOf("stripe", sample, NOW), presetOf("brainbytes"));
      expect(sentences).toContain(what);
      expect(sentences).toContain("It is an incident of its own, which nothing else joins.");
      expect(sentences).toContain("It is no outage: users hear nothing of it.");
      expect(sentences.filter((one) => one.startsWith("It is one incident with"))).toEqual([]);
    }
  });

  it("names the maintenance that it falls into, and tells everything from its end", async () => {
    const sunday = Date.UTC(2026, 10, 21, 20, 30); // 03:30 in Bangkok
    const asked = sampleOf("better-stack", "incident-started", sunday);
    const said = await sentencesOf(asked, presetOf("tbat"), sunday);
    expect(said).toContain(
      '"Weekly maintenance" is under way until 22 November 2026 at 04:00 (Thailand Time, GMT+7): until then it is kept, and nobody is told.',
    );
    expect(said).toContain(
      "At the maintenance's end (04:00 GMT+7), if it is still there, On call is told by pagerduty and slack.",
    );
    expect(
      said.some((line) =>
        line.startsWith("If nobody has acknowledged 5 min after that (04:05 GMT+7)"),
      ),
    ).toBe(true);
  });

  it("names who approves a deployment in a lockdown, and close to an exam", async () => {
    const tbat = presetOf("tbat");
    const inLockdown = Date.UTC(2025, 8, 25, 8);
    const asked = sampleOf("vercel", "deployment-succeeded", inLockdown);
    const said = await sentencesOf(asked, tbat, inLockdown);
    expect(said).toContain(
      'It comes without an emergency\'s label ([security], [payment] and [emergency]), so it is an incident. Approval: No deployment in the lockdown but a security or payment fix, with its label (in the lockdown "Exam period, 20 September to 10 October 2025").',
    );
    const exam = {
      id: "e",
      title: { en: "Mock Exam 3" },
      from: "2026-11-21T16:00:00+07:00",
      to: "2026-11-21T18:00:00+07:00",
    };
    const near = { ...tbat, lockdown: { ...tbat.lockdown, exams: [exam] } };
    const late = await sentencesOf(sampleOf("vercel", "deployment-error", NOW), near);
    expect(
      late.some(
        (line) =>
          line.includes("The CTO approves") && line.includes("within 2 h before Mock Exam 3"),
      ),
    ).toBe(true);
  });

  it("says whom nobody can reach here", async () => {
    const asked = sampleOf("better-stack", "incident-started", NOW);
    const policy = presetOf("runbook");
    const deps = { ...depsOf(policy), policy };
    const { parts } = await explainDelivery(asked, deps);
    const said = parts.flatMap(({ sentences }) => sentences);
    expect(said).toContain("Not set up in this deployment: sms.");
    expect(said).toContain(
      "No address is known, so nothing is sent: On call by email and Technical lead by email.",
    );
  });

  it("refuses a source that there is not, and a body that is none", async () => {
    const deps = depsOf(presetOf("runbook"));
    const given = { headers: {}, body: "{}" };
    await expect(explainDelivery({ ...given, source: "x" }, deps)).rejects.toMatchObject({
      code: "unknown_source",
    });
    const unread = await explainDelivery({ ...given, source: "vercel", body: "no" }, deps);
    expect(unread.parts.map(({ about }) => about)).toEqual(["unreadable"]);
  });
});

describe.each(POLICY_NAMES)("by the policy %s", (name) => {
  it.each(monitoringPayloads(NOW))("$name comes to whole sentences", async (asked) => {
    const said = await sentencesOf(asked, presetOf(name));
    expect(said.length).toBeGreaterThan(0);
    for (const line of said) {
      expect(line).toMatch(/^\S.*[.!?]$/s);
      // Titles are the sources' own words.
      expect(line.replace(/"[^"]*"/g, "")).not.toMatch(/undefined|NaN|\bnull\b|\[object/);
    }
    const isRaised = said.some((line) => line.startsWith("Rule `"));
    const tells = said.some((line) => /\btold\b|day's mail/.test(line));
    expect(!isRaised || tells).toBe(true);
  });
});
