import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildChannels } from "../../src/channels/registry.js";
import { Secret } from "../../src/domain/secret.js";
import { channelContract } from "./contract.js";
import { INCIDENT, notice } from "./notices.js";
import { startVendor, type Vendor } from "./vendor.js";

const ROUTING_KEY = "0123456789abcdef0123456789abcdef";
const accepted = {
  status: 202,
  body: '{"status":"success","message":"Event processed","dedup_key":"inc_01EXAMPLE"}',
};

function build(url: string, timeoutMs = 10_000) {
  const pagerduty = {
    routingKey: new Secret("PAGERDUTY_ROUTING_KEY", ROUTING_KEY),
    eventsUrl: `${url}/v2/enqueue`,
  };
  return buildChannels({ pagerduty, platformName: "Example", timeoutMs }).pagerduty;
}

channelContract("pagerduty", {
  template: "incident-raised",
  recipient: "on-call-of-example",
  build,
  accepts: accepted,
  vendorId: "inc_01EXAMPLE",
  refuses: (status) => ({
    status,
    body: JSON.stringify({ status: "invalid event", message: "no", errors: [ROUTING_KEY] }),
  }),
  secrets: [ROUTING_KEY],
});

describe("pagerduty", () => {
  let vendor: Vendor;
  beforeEach(async () => {
    vendor = await startVendor();
    vendor.behave(accepted);
  });
  afterEach(() => vendor.close());

  const send = async (template: "incident-raised" | "incident-resolved", data = {}) => {
    const channel = build(vendor.url);
    const about = notice(template, { channel: "pagerduty", data: { ...INCIDENT, ...data } });
    const payload = await channel.render(about);
    const receipt = await channel.send({
      idempotencyKey: "ntc_1",
      recipient: "pagerduty",
      payload,
    });
    return { receipt, body: JSON.parse(vendor.seen.at(-1)?.body ?? "") };
  };

  it("triggers an alert under the incident's id, so that a repeat joins it", async () => {
    expect(build(vendor.url).atLeastOnce).toBe(false);
    const { receipt, body } = await send("incident-raised");
    expect(receipt).toEqual({ vendorId: "inc_01EXAMPLE" });
    expect(vendor.seen[0]).toMatchObject({ method: "POST", path: "/v2/enqueue" });
    expect(body).toMatchInlineSnapshot(`
      {
        "client": "Example",
        "client_url": "https://errors.example/issues/12?a=1&b=2",
        "dedup_key": "inc_01EXAMPLE",
        "event_action": "trigger",
        "links": [
          {
            "href": "https://errors.example/issues/12?a=1&b=2",
            "text": "Open at the source",
          },
        ],
        "payload": {
          "class": "error",
          "component": "web",
          "custom_details": {
            "acknowledge": "Signalbox does not hear PagerDuty's own button. Acknowledge by: npx --no signalbox incidents ack inc_01EXAMPLE",
            "environment": "production",
            "incident_id": "inc_01EXAMPLE",
            "kind": "error",
            "severity": "P0",
          },
          "group": "production",
          "severity": "critical",
          "source": "web",
          "summary": "Checkout answers 500 (web, production)",
          "timestamp": "2025-11-20T07:05:00.000Z",
        },
        "routing_key": "0123456789abcdef0123456789abcdef",
      }
    `);
  });

  it("resolves the same alert", async () => {
    const { body } = await send("incident-resolved");
    expect(body).toEqual({
      routing_key: ROUTING_KEY,
      event_action: "resolve",
      dedup_key: "inc_01EXAMPLE",
    });
  });

  const scale = { P0: "critical", P1: "error", P2: "warning", P3: "info", unheardOf: "error" };
  for (const [ours, theirs] of Object.entries(scale)) {
    it(`tells ${ours} as ${theirs}`, async () => {
      const { body } = await send("incident-raised", { severity: ours });
      expect(body.payload.severity).toBe(theirs);
    });
  }

  it("pages although all but the id is missing", async () => {
    const nothing = Object.fromEntries(Object.keys(INCIDENT).map((key) => [key, null]));
    const { body } = await send("incident-raised", { ...nothing, incidentId: "inc_2" });
    expect(body).toMatchObject({
      dedup_key: "inc_2",
      payload: { summary: "Incident", source: "Example" },
    });
  });

  it("keeps a long summary within 1,024 characters", async () => {
    const { body } = await send("incident-raised", { title: "x".repeat(5_000) });
    expect(body.payload.summary.length).toBeLessThanOrEqual(1_024);
  });

  it("waits minutes when throttled without a word on how long", async () => {
    vendor.behave({ status: 429 });
    await expect(send("incident-raised")).rejects.toMatchObject({ retryAfterSeconds: 120 });
  });

  it("refuses a notice without an incident's id, naming the field", async () => {
    const sent = send("incident-raised", { incidentId: null });
    await expect(sent).rejects.toThrow("template incident-raised lacks incidentId");
  });
});
