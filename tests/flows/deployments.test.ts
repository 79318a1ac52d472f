import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type House, openHouse } from "../support/house.js";

const DAY_MS = 86_400_000;
const MESSAGE = "payload.deployment.meta.githubCommitMessage";
const isoIn = (ms: number): string => new Date(Date.now() + ms).toISOString();

let h: House;
let site: Server;
let folder: string;
const asked: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "signalbox-deployments-"));
  site = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.end("ok");
  });
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  const policy = join(folder, "policy.json");
  writeFileSync(policy, JSON.stringify(policyOf()));
  h = await openHouse({
    SIGNALBOX_POLICY: policy,
    CHECK_BASE_URLS: `shop=http://127.0.0.1:${(site.address() as AddressInfo).port}`,
  });
});
afterAll(async () => {
  await h.close();
  await new Promise((resolve) => site.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

/** Deployments are looked at at once, in a lockdown that is now. */
const policyOf = () => ({
  extends: "brainbytes",
  deployments: {
    checks: ["health", "smoke", "monitor"],
    afterSeconds: 0,
    forSeconds: 60,
    everySeconds: 10,
    smokePaths: ["/", "/login"],
    healthPath: "/health",
    rollbackWithinMinutes: 5,
  },
  lockdown: {
    periods: [{ id: "now", title: { en: "Exam season" }, from: isoIn(-DAY_MS), to: isoIn(DAY_MS) }],
    emergencyLabels: ["security"],
    exams: [],
    approvals: [],
    otherwise: { en: "the technical lead approves" },
  },
});

async function deploy(id: string, message: string): Promise<void> {
  const set = { "payload.deployment.id": id, [MESSAGE]: message };
  const response = await h.post("vercel", "deployment-succeeded", { uniqueId: id, set });
  expect(response.status).toBe(202);
  await h.rest();
}
const actionsOf = async (id: unknown): Promise<unknown[]> =>
  (await h.list("audit")).filter(({ subject }) => subject === id).map(({ action }) => action);

describe("a deployment to production, from the door to its checks", () => {
  it("is looked at where its service answers, and an emergency goes through the lockdown", async () => {
    await deploy("dpl_emergency", "[security] Mend the log-in");
    const [deployment] = await h.list("deployments");
    await expect
      .poll(() => actionsOf(deployment?.id), { timeout: 20_000 })
      .toEqual(expect.arrayContaining(["deployment.check_passed"]));
    expect([...asked].sort()).toEqual(["/", "/health", "/login"]);
    expect(await h.list("incidents")).toEqual([]);
  });

  it("without an emergency label is an incident that says who approves", async () => {
    await deploy("dpl_ordinary", "Checkout: round the total");
    await expect
      .poll(async () => (await h.list("incidents")).map(({ title }) => title), { timeout: 20_000 })
      .toEqual([
        'Deployment of shop (3c5a1f0b) to production without an emergency label. Approval: the technical lead approves (in the lockdown "Exam season").',
      ]);
    const events = (await h.list("events")).filter(({ source }) => source === "monitor");
    expect(events).toMatchObject([{ status: "processed", type: "signal.raised" }]);
  });

  it("and the minute's sweep looks after maintenances", async () => {
    const sweep = await h.cron("sweep");
    expect(await sweep.json()).toMatchObject({
      maintenance: { scheduled: 0, announced: 0, begun: 0, completed: 0, failed: 0, stuck: 0 },
    });
  });
});
