import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildChannels } from "../../src/channels/registry.js";
import { Secret } from "../../src/domain/secret.js";
import { channelContract } from "./contract.js";
import { INCIDENT, notice } from "./notices.js";
import { startVendor, type Vendor } from "./vendor.js";

const TOKEN = "example-auth-token";
const TO = "+66800000001";
const accepted = { status: 201, body: '{"sid":"SM1","status":"queued"}' };

function build(url: string, timeoutMs = 10_000, from = "+15005550006") {
  const authToken = new Secret("TWILIO_AUTH_TOKEN", TOKEN);
  const twilio = { accountSid: "AC1", authToken, from, apiUrl: `${url}/` };
  return buildChannels({ twilio, platformName: "Example", timeoutMs }).sms;
}

channelContract("twilio", {
  template: "incident-raised",
  recipient: TO,
  build,
  accepts: accepted,
  vendorId: "SM1",
  refuses: (status) => ({
    status,
    body: JSON.stringify({ code: 21211, message: `bad ${TO}`, status }),
  }),
  secrets: [TOKEN, Buffer.from(`AC1:${TOKEN}`).toString("base64"), TO],
});

describe("twilio", () => {
  let vendor: Vendor;
  beforeEach(async () => {
    vendor = await startVendor();
    vendor.behave(accepted);
  });
  afterEach(() => vendor.close());

  const send = async (from?: string, timeoutMs?: number) => {
    const channel = build(vendor.url, timeoutMs, from);
    const payload = await channel.render(notice("incident-raised", { channel: "sms" }));
    return channel.send({ idempotencyKey: "ntc_1", recipient: TO, payload });
  };
  const bodyOf = async (
    data = {},
    template: "incident-raised" | "incident-resolved" = "incident-raised",
  ) => {
    const about = notice(template, { channel: "sms", data: { ...INCIDENT, ...data } });
    return String((await build(vendor.url).render(about)).body);
  };

  it("posts a form with basic authorisation", async () => {
    await send();
    const [seen] = vendor.seen;
    expect(seen).toMatchObject({ path: "/2010-04-01/Accounts/AC1/Messages.json" });
    expect(seen?.headers).toMatchObject({
      authorization: `Basic ${Buffer.from(`AC1:${TOKEN}`).toString("base64")}`,
      "content-type": "application/x-www-form-urlencoded",
    });
    const form = Object.fromEntries(new URLSearchParams(seen?.body));
    expect(form).toEqual({
      To: TO,
      From: "+15005550006",
      Body: "Example P0 inc_01EXAMPLE: Checkout answers 500 (web, production) since 20 November 2025 at 14:05 (Thailand Time, GMT+7). https://errors.example/issues/12?a=1&b=2",
    });
  });

  it("sends by a messaging service where the sender is one", async () => {
    await send("MG1");
    const form = new URLSearchParams(vendor.seen[0]?.body);
    expect(form.get("MessagingServiceSid")).toBe("MG1");
    expect(form.has("From")).toBe(false);
  });

  it("says that a message may be read twice", () => {
    expect(build(vendor.url).atLeastOnce).toBe(true);
  });

  it("counts a message as sent when its 201 came, though its id was lost", async () => {
    vendor.behave({ status: 201, hangsInBody: true });
    expect(await send(undefined, 1_000)).toEqual({ vendorId: null });
  });

  it("names Twilio's own number for a refusal, and waits when it says too many", async () => {
    vendor.behave({ status: 400, body: '{"code":21211}' });
    await expect(send()).rejects.toThrow("Twilio answered 400 21211");
    vendor.behave({ status: 403, body: '{"code":20429}' });
    await expect(send()).rejects.toMatchObject({ code: "channel_unavailable" });
  });

  it("tells how it ended", async () => {
    expect(await bodyOf({}, "incident-resolved")).toBe(
      "Example P0 resolved inc_01EXAMPLE: Checkout answers 500 (web, production) after 1 hour 5 minutes by Somsri. https://errors.example/issues/12?a=1&b=2",
    );
  });

  it("stays within 320 characters and keeps the link whole", async () => {
    const title = "😀ก้".repeat(500);
    const service = "s".repeat(500);
    const body = await bodyOf({ title, service, environment: service });
    expect(body.length).toBeLessThanOrEqual(320);
    expect(body).toMatch(/ https:\/\/errors\.example\/issues\/12\?a=1&b=2$/);
    expect(body).not.toMatch(/\p{Cs}/u); // no half character
  });

  it("has no message for a payment", async () => {
    const rendered = build(vendor.url).render(notice("payment-failed", { channel: "sms" }));
    await expect(rendered).rejects.toThrow("channel sms has no template payment-failed");
  });
});
