import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startStatusPageEmulator } from "../../emulators/status-page/index.js";
import { buildChannels } from "../../src/channels/registry.js";
import type { NoticeData, Template } from "../../src/domain/notice.js";
import { Secret } from "../../src/domain/secret.js";
import { channelContract } from "./contract.js";
import { notice } from "./notices.js";
import { startVendor, type Vendor } from "./vendor.js";

const TOKEN = "example-page-token";
const KINDS = ["better-stack", "statuspage"] as const;
type Kind = (typeof KINDS)[number];

function build(url: string, kind: Kind = "better-stack", timeoutMs = 10_000, resources = ["r1"]) {
  const token = new Secret("STATUS_PAGE_TOKEN", TOKEN);
  const statusPage = { kind, url, token, resources };
  return buildChannels({ statusPage, platformName: "Example", timeoutMs }).status_page;
}

for (const kind of KINDS) {
  channelContract(`status page by ${kind}`, {
    template: "user-incident",
    recipient: "page-of-example",
    build: (url, timeoutMs) => build(url, kind, timeoutMs),
    accepts: {
      status: 201,
      body: JSON.stringify(kind === "statuspage" ? { id: "inc1" } : { data: { id: "inc1" } }),
    },
    vendorId: "inc1",
    refuses: (status) => ({ status, body: JSON.stringify({ errors: TOKEN }) }),
    secrets: [TOKEN],
  });
}

const of = (template: Template, data: NoticeData = {}, locale = "th") => {
  const about = notice(template, { channel: "status_page", locale });
  return { ...about, data: { ...about.data, ...data } };
};

describe("a report on the status page", () => {
  let vendor: Vendor;
  beforeEach(async () => {
    vendor = await startVendor();
  });
  afterEach(() => vendor.close());

  it("says the policy's words in Thai first and English second, with what is affected", async () => {
    const { body } = await build(vendor.url).render(of("user-incident"));
    expect(body).toEqual({
      title: "ระบบขัดข้อง · We are having a problem: Mock exam",
      message:
        "ระบบกำลังได้รับการแก้ไข เราขออภัยในความไม่สะดวก\n\nSystem is being fixed. We apologize for the inconvenience.",
      report_type: "manual",
      affected_resources: [{ status_page_resource_id: "r1", status: "degraded" }],
      starts_at: "2026-11-21T07:05:00.000Z",
    });
  });

  it("says it in English where the platform's first language is not Thai", async () => {
    const { body } = await build(vendor.url, "statuspage").render(of("user-incident", {}, "en"));
    expect(body).toEqual({
      incident: {
        name: "We are having a problem: Mock exam",
        status: "investigating",
        body: "System is being fixed. We apologize for the inconvenience.",
        components: { r1: "partial_outage" },
        component_ids: ["r1"],
      },
    });
  });

  it("refuses to say nothing, and what is not for users", async () => {
    const channel = build(vendor.url);
    const empty = channel.render(of("user-incident", { messageEn: null }));
    await expect(empty).rejects.toThrow("template user-incident lacks messageEn");
    const page = channel.render(of("incident-raised"));
    await expect(page).rejects.toThrow("channel status_page has no template incident-raised");
  });

  it("waits where a service says too many by its own number", async () => {
    vendor.behave({ status: 420 });
    const channel = build(vendor.url, "statuspage");
    const payload = await channel.render(of("user-incident"));
    const sent = channel.send({ idempotencyKey: "n", recipient: "status_page", payload });
    await expect(sent).rejects.toMatchObject({ code: "channel_unavailable" });
  });
});

describe("the status page against the services' emulator", () => {
  for (const kind of KINDS) {
    it(`shows an outage as one report with its updates, by ${kind}`, async () => {
      const emulator = await startStatusPageEmulator({ token: TOKEN });
      const url =
        kind === "statuspage" ? emulator.pageUrls.statuspage : emulator.pageUrls.betterStack;
      const channel = build(url, kind);
      let follows: string | null = null;
      for (const template of ["user-incident", "user-update", "user-resolved"] as const) {
        const payload = await channel.render(of(template), follows);
        const call = { idempotencyKey: template, recipient: "status_page", payload };
        follows = (await channel.send(call)).vendorId;
      }
      const [report, ...others] = emulator.reports();
      expect(others).toEqual([]);
      expect(report?.kind).toBe("incident");
      expect(report?.updates.map(({ status }) => status)).toEqual(
        kind === "statuspage"
          ? ["investigating", "identified", "resolved"]
          : ["degraded", "degraded", "resolved"],
      );
      await emulator.close();
    });

    it(`shows a maintenance from its notice to its end, and a finished deployment, by ${kind}`, async () => {
      const emulator = await startStatusPageEmulator({ token: TOKEN });
      const url =
        kind === "statuspage" ? emulator.pageUrls.statuspage : emulator.pageUrls.betterStack;
      const channel = build(url, kind);
      let follows: string | null = null;
      for (const phase of ["scheduled", "begun", "completed"]) {
        const payload = await channel.render(of("user-maintenance", { phase }), follows);
        const call = { idempotencyKey: phase, recipient: "status_page", payload };
        follows = (await channel.send(call)).vendorId;
      }
      const payload = await channel.render(of("deployment-finished", {}, "en"));
      await channel.send({ idempotencyKey: "d", recipient: "status_page", payload });
      const [deployment, maintenance] = emulator.reports();
      expect(deployment).toMatchObject({ title: "web updated", kind: "incident" });
      expect(maintenance).toMatchObject({
        kind: "maintenance",
        startsAt: "2026-11-23T07:05:00.000Z",
        endsAt: "2026-11-23T11:05:00.000Z",
      });
      expect(maintenance?.updates.map(({ status }) => status)).toEqual(
        kind === "statuspage"
          ? ["scheduled", "in_progress", "completed"]
          : ["maintenance", "maintenance", "resolved"],
      );
      await emulator.close();
    });
  }
});
