import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildChannels } from "../../src/channels/registry.js";
import { Permanent, Transient } from "../../src/domain/errors.js";
import { Secret } from "../../src/domain/secret.js";
import { channelContract } from "./contract.js";
import { notice } from "./notices.js";
import { startVendor, type Vendor } from "./vendor.js";

const KEY = "re_example_key";
const TO = "somchai@example.com";
const json = { "content-type": "application/json" };

function build(url: string, timeoutMs = 10_000) {
  const resend = {
    apiKey: new Secret("RESEND_API_KEY", KEY),
    baseUrl: `${url}/`,
    from: "Example <no-reply@example.org>",
  };
  return buildChannels({ resend, platformName: "Example", timeoutMs }).email;
}

const error = (status: number, name: string) => ({
  status,
  headers: json,
  body: JSON.stringify({ statusCode: status, name, message: `about ${TO} and ${KEY}` }),
});

channelContract("resend", {
  template: "payment-received",
  recipient: TO,
  build,
  accepts: { status: 200, headers: json, body: '{"id":"mail_1"}' },
  vendorId: "mail_1",
  refuses: (status) => error(status, "some_error"),
  secrets: [KEY, TO],
});

describe("resend", () => {
  let vendor: Vendor;
  beforeEach(async () => {
    vendor = await startVendor();
    vendor.behave({ status: 200, headers: json, body: '{"id":"mail_1"}' });
  });
  afterEach(() => vendor.close());

  const call = async () => {
    const channel = build(vendor.url);
    const payload = await channel.render(notice("payment-received"));
    return channel.send({ idempotencyKey: "ntc_01EXAMPLE", recipient: TO, payload });
  };

  it("sends HTML and text with the notice's id as idempotency key and as a tag", async () => {
    await call();
    const [seen] = vendor.seen;
    expect(seen).toMatchObject({ method: "POST", path: "/emails" });
    expect(seen?.headers).toMatchObject({
      authorization: `Bearer ${KEY}`,
      "idempotency-key": "ntc_01EXAMPLE",
    });
    expect(JSON.parse(seen?.body ?? "")).toEqual({
      from: "Example <no-reply@example.org>",
      to: TO,
      subject: "Payment received: ฿1,999.00",
      html: expect.stringContaining("<html"),
      text: expect.stringContaining("Amount: ฿1,999.00 (THB)"),
      tags: [
        { name: "template", value: "payment-received" },
        { name: "notice", value: "ntc_01EXAMPLE" },
      ],
    });
  });

  describe("what its reader may do without", () => {
    const link = "https://box.example/unsubscribe?token=v1.x.y";
    const resend = { apiKey: new Secret("RESEND_API_KEY", KEY), from: "a@example.org" };
    const channelWith = (unsubscribeUrl?: () => string) =>
      buildChannels({
        resend: { ...resend, baseUrl: vendor.url },
        platformName: "Example",
        unsubscribeUrl,
      }).email;

    it("carries the headers of one click, and the link in both of its parts", async () => {
      const channel = channelWith(() => link);
      const payload = await channel.render(notice("payments-paused"));
      await channel.send({ idempotencyKey: "ntc_1", recipient: TO, payload });
      const sent = JSON.parse(vendor.seen[0]?.body ?? "");
      expect(sent.headers).toEqual({
        "List-Unsubscribe": `<${link}>`,
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
      });
      expect(sent.text).toContain(link);
      expect(sent.html).toContain(`href="${link}"`);
      expect(JSON.stringify(payload)).not.toContain(TO);
    });

    it("is not written without a way to unsubscribe, and all else without one", async () => {
      const made = channelWith().render(notice("payments-paused"));
      await expect(made).rejects.toMatchObject({ code: "channel_not_configured" });
      await expect(made).rejects.toThrow("UNSUBSCRIBE_SECRET");
      const owed = await channelWith(() => link).render(notice("payment-received"));
      expect(JSON.stringify(owed)).not.toContain("unsubscribe");
    });
  });

  it("has no need to say that a mail may come twice", () => {
    expect(build(vendor.url).atLeastOnce).toBe(false);
  });

  for (const name of ["daily_quota_exceeded", "monthly_quota_exceeded"]) {
    it(`waits an hour when the answer is ${name}, whatever Retry-After says`, async () => {
      const answer = error(429, name);
      vendor.behave({ ...answer, headers: { ...json, "retry-after": "1" } });
      const thrown = await call().catch((e: Error) => e);
      expect(thrown).toBeInstanceOf(Transient);
      expect(thrown).toMatchObject({
        retryAfterSeconds: 3_600,
        detail: expect.stringContaining(name),
      });
    });
  }

  it("tries again soon when a call with the same key is still running", async () => {
    vendor.behave(error(409, "concurrent_idempotent_requests"));
    const thrown = await call().catch((e: Error) => e);
    expect(thrown).toBeInstanceOf(Transient);
    expect(thrown).toMatchObject({ retryAfterSeconds: 5 });
  });

  it("gives up when the key was used with other bytes", async () => {
    vendor.behave(error(409, "invalid_idempotent_request"));
    await expect(call()).rejects.toBeInstanceOf(Permanent);
    await expect(call()).rejects.toThrow("Resend answered 409 invalid_idempotent_request");
  });

  it("does not take an answer without an id for success", async () => {
    for (const body of ["null", "{}", "[]", '"ok"', "not json"]) {
      vendor.behave({ status: 200, headers: json, body });
      await expect(call()).rejects.toBeInstanceOf(Transient);
    }
  });

  it("does not take an error that is JSON null for success", async () => {
    vendor.behave({ status: 502, headers: json, body: "null" });
    await expect(call()).rejects.toBeInstanceOf(Transient);
  });

  it("tries again when a mail was taken but the answer's end was lost: the key makes it one mail", async () => {
    vendor.behave({ status: 200, hangsInBody: true });
    const channel = build(vendor.url, 1_000);
    const payload = await channel.render(notice("payment-received"));
    const sent = channel.send({ idempotencyKey: "ntc_01EXAMPLE", recipient: TO, payload });
    await expect(sent).rejects.toBeInstanceOf(Transient);
  });
});
