import { afterEach, describe, expect, it } from "vitest";
import { startPagerDutyEmulator } from "../../emulators/pagerduty/index.js";
import { startResendEmulator } from "../../emulators/resend/index.js";
import { startSlackEmulator } from "../../emulators/slack/index.js";
import { startTwilioEmulator } from "../../emulators/twilio/index.js";
import type { Channel } from "../../src/channels/channel.js";
import { buildChannels } from "../../src/channels/registry.js";
import { Permanent, Transient } from "../../src/domain/errors.js";
import type { Template } from "../../src/domain/notice.js";
import { Secret } from "../../src/domain/secret.js";
import { notice } from "./notices.js";

const platformName = "Example";
const ROUTING_KEY = "0123456789abcdef0123456789abcdef";
const TO = "somchai@example.com";

const open: { close(): Promise<void> }[] = [];
function opened<T extends { close(): Promise<void> }>(emulator: T): T {
  open.push(emulator);
  return emulator;
}
afterEach(async () => {
  for (const emulator of open.splice(0)) await emulator.close();
});

async function tell(channel: Channel, template: Template, recipient: string, noticeId = "ntc_1") {
  const payload = await channel.render(notice(template, { channel: channel.id, id: noticeId }));
  return channel.send({ idempotencyKey: noticeId, recipient, payload });
}

async function mail() {
  const vendor = opened(await startResendEmulator({ apiKey: "re_example" }));
  const resend = {
    apiKey: new Secret("RESEND_API_KEY", "re_example"),
    baseUrl: vendor.url,
    from: "Example <no-reply@example.org>",
  };
  return { vendor, channel: buildChannels({ resend, platformName }).email };
}

describe("channels against the vendors' emulators", () => {
  it("makes one mail of a call whose answer was lost and its retry", async () => {
    const { vendor, channel } = await mail();
    vendor.fault({ kind: "drop", when: "after" });
    await expect(tell(channel, "payment-received", TO)).rejects.toBeInstanceOf(Transient);
    const receipt = await tell(channel, "payment-received", TO);
    expect(vendor.mails()).toHaveLength(1);
    expect(vendor.mails()[0]).toMatchObject({ id: receipt.vendorId, to: [TO], answerLost: true });
  });

  it("is refused a second mail under the same key", async () => {
    const { vendor, channel } = await mail();
    await tell(channel, "payment-received", TO);
    const again = tell(channel, "payment-failed", TO);
    await expect(again).rejects.toBeInstanceOf(Permanent);
    await expect(again).rejects.toThrow("409 invalid_idempotent_request");
    expect(vendor.mails()).toHaveLength(1);
  });

  it("waits as long as Resend says, and an hour when the day's mails are used up", async () => {
    const { vendor, channel } = await mail();
    vendor.fault({ kind: "status", status: 429, retryAfterSeconds: 9 });
    await expect(tell(channel, "payment-received", TO)).rejects.toMatchObject({
      retryAfterSeconds: 9,
    });
    for (const code of ["daily_quota_exceeded", "monthly_quota_exceeded"]) {
      vendor.fault({ kind: "status", status: 429, code, retryAfterSeconds: 1 });
      await expect(tell(channel, "payment-received", TO)).rejects.toMatchObject({
        retryAfterSeconds: 3_600,
      });
    }
  });

  it("comes back soon when a call under the same key is still running, and makes one mail", async () => {
    const { vendor, channel } = await mail();
    vendor.fault({ kind: "delay", delayMs: 1_500 });
    const first = tell(channel, "payment-received", TO);
    await expect.poll(() => vendor.requests().length).toBe(1);
    const second = await tell(channel, "payment-received", TO).catch((error: Error) => error);
    expect(second).toBeInstanceOf(Transient);
    expect(second).toMatchObject({
      retryAfterSeconds: 5,
      detail: "Resend answered 409 concurrent_idempotent_requests",
    });
    const { vendorId } = await first;
    expect(await tell(channel, "payment-received", TO)).toEqual({ vendorId });
    expect(vendor.mails()).toHaveLength(1);
  });

  it("tells Slack, and shows what at least once means when an answer is lost", async () => {
    const vendor = opened(await startSlackEmulator());
    const slack = { webhookUrl: new Secret("SLACK_WEBHOOK_URL", vendor.webhookUrl) };
    const channel = buildChannels({ slack, platformName }).slack;
    vendor.fault({ kind: "drop", when: "after" });
    await expect(tell(channel, "incident-raised", "slack")).rejects.toBeInstanceOf(Transient);
    const { vendorId } = await tell(channel, "incident-raised", "slack");
    expect(vendorId).toMatch(/^msg_/);
    expect(vendor.messages().map((message) => message.answerLost)).toEqual([false, true]);
    vendor.fault({ kind: "status", status: 429, retryAfterSeconds: 30 });
    await expect(tell(channel, "incident-resolved", "slack")).rejects.toMatchObject({
      retryAfterSeconds: 30,
    });
  });

  it("pages once through PagerDuty however often it is told, and ends the same alert", async () => {
    const vendor = opened(await startPagerDutyEmulator({ routingKeys: [ROUTING_KEY] }));
    const pagerduty = {
      routingKey: new Secret("PAGERDUTY_ROUTING_KEY", ROUTING_KEY),
      eventsUrl: `${vendor.url}/v2/enqueue`,
    };
    const channel = buildChannels({ pagerduty, platformName }).pagerduty;
    vendor.fault({ kind: "drop", when: "after" });
    await expect(tell(channel, "incident-raised", "on-call")).rejects.toBeInstanceOf(Transient);
    const { vendorId } = await tell(channel, "incident-raised", "on-call");
    expect(vendor.alerts()).toMatchObject([{ dedupKey: vendorId, state: "triggered" }]);
    await tell(channel, "incident-resolved", "on-call");
    expect(vendor.alerts()).toMatchObject([{ severity: "critical", state: "resolved" }]);
  });

  it("sends an SMS through Twilio, and gives up on a number that is none", async () => {
    const vendor = opened(await startTwilioEmulator({ accountSid: "AC1", authToken: "secret" }));
    const twilio = {
      accountSid: "AC1",
      authToken: new Secret("TWILIO_AUTH_TOKEN", "secret"),
      from: "+15005550006",
      apiUrl: vendor.url,
    };
    const channel = buildChannels({ twilio, platformName }).sms;
    const { vendorId } = await tell(channel, "incident-raised", "+66800000001");
    expect(vendor.messages()).toMatchObject([{ sid: vendorId, to: "+66800000001" }]);
    const refused = tell(channel, "incident-raised", "nobody");
    await expect(refused).rejects.toBeInstanceOf(Permanent);
    await expect(refused).rejects.toThrow("Twilio answered 400 21211");
  });
});
