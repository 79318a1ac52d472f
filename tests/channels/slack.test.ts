import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildChannels } from "../../src/channels/registry.js";
import { escapeMrkdwn } from "../../src/channels/slack/message.js";
import { Secret } from "../../src/domain/secret.js";
import { channelContract } from "./contract.js";
import { INCIDENT, notice } from "./notices.js";
import { startVendor, type Vendor } from "./vendor.js";

const PATH = "/services/T000/B000/example-secret";

function build(url: string, timeoutMs = 10_000) {
  const slack = { webhookUrl: new Secret("SLACK_WEBHOOK_URL", `${url}${PATH}`) };
  return buildChannels({ slack, platformName: "Example", timeoutMs }).slack;
}

channelContract("slack", {
  template: "incident-raised",
  recipient: "#alerts-of-example",
  build,
  accepts: { status: 200, headers: { "x-slack-unique-id": "aB1" }, body: "ok" },
  vendorId: "aB1",
  refuses: (status) => ({ status, body: "some_error" }),
  secrets: [PATH, "example-secret"],
});

const render = (data = {}, template: "incident-raised" | "incident-resolved" = "incident-raised") =>
  build("http://127.0.0.1:9").render(
    notice(template, { channel: "slack", data: { ...INCIDENT, ...data } }),
  );

interface SlackMessage {
  text: string;
  blocks: {
    type: string;
    text?: { type: string; text: string };
    fields?: { type: string; text: string }[];
    elements?: { text: string }[];
  }[];
}
const messageOf = async (...args: Parameters<typeof render>) =>
  (await render(...args)) as unknown as SlackMessage;

describe("slack", () => {
  let vendor: Vendor;
  beforeEach(async () => {
    vendor = await startVendor();
  });
  afterEach(() => vendor.close());

  it("says that a message may be read twice, and gives no id where Slack gives none", async () => {
    vendor.behave({ status: 200, body: "ok" });
    const channel = build(vendor.url);
    expect(channel.atLeastOnce).toBe(true);
    const payload = await channel.render(notice("incident-raised"));
    expect(await channel.send({ idempotencyKey: "ntc_1", recipient: "slack", payload })).toEqual({
      vendorId: null,
    });
    expect(vendor.seen[0]).toMatchObject({ method: "POST", path: PATH });
    expect(JSON.parse(vendor.seen[0]?.body ?? "")).toEqual(payload);
  });

  it("counts a message as told when its 200 came, though the body after it never ended", async () => {
    vendor.behave({ status: 200, hangsInBody: true });
    const channel = build(vendor.url, 1_000);
    const payload = await channel.render(notice("incident-raised"));
    expect(await channel.send({ idempotencyKey: "ntc_1", recipient: "slack", payload })).toEqual({
      vendorId: null,
    });
  });

  it("repeats Slack's own word for a refusal", async () => {
    vendor.behave({ status: 410, body: "channel_is_archived" });
    const channel = build(vendor.url);
    const payload = await channel.render(notice("incident-raised"));
    const sent = channel.send({ idempotencyKey: "ntc_1", recipient: "slack", payload });
    await expect(sent).rejects.toThrow("Slack answered 410 channel_is_archived");
  });

  it("follows no redirect: the address is the credential", async () => {
    vendor.behave({ status: 307, headers: { location: `${vendor.url}/elsewhere` } });
    const channel = build(vendor.url);
    const payload = await channel.render(notice("incident-raised"));
    const sent = channel.send({ idempotencyKey: "ntc_1", recipient: "slack", payload });
    await expect(sent).rejects.toMatchObject({ code: "channel_refused" });
    expect(vendor.seen).toHaveLength(1);
  });

  it("tells what broke, where, how bad and since when", async () => {
    expect(await render()).toMatchInlineSnapshot(`
      {
        "blocks": [
          {
            "text": {
              "emoji": false,
              "text": "🔴 P0 raised: Checkout answers 500",
              "type": "plain_text",
            },
            "type": "header",
          },
          {
            "fields": [
              {
                "text": "*Service*
      web",
                "type": "mrkdwn",
                "verbatim": true,
              },
              {
                "text": "*Environment*
      production",
                "type": "mrkdwn",
                "verbatim": true,
              },
              {
                "text": "*Kind*
      error",
                "type": "mrkdwn",
                "verbatim": true,
              },
              {
                "text": "*Since*
      20 November 2025 at 14:05 (Thailand Time, GMT+7)",
                "type": "mrkdwn",
                "verbatim": true,
              },
            ],
            "type": "section",
          },
          {
            "elements": [
              {
                "text": "Example · inc_01EXAMPLE · <https://errors.example/issues/12?a=1&amp;b=2|Open at the source>",
                "type": "mrkdwn",
                "verbatim": true,
              },
            ],
            "type": "context",
          },
        ],
        "text": "🔴 P0 raised: Checkout answers 500 (web)",
        "unfurl_links": false,
        "unfurl_media": false,
      }
    `);
  });

  it("tells how long it lasted and who ended it", async () => {
    const { text, blocks } = await messageOf({}, "incident-resolved");
    expect(text).toBe("✅ P0 resolved: Checkout answers 500 (web)");
    const fields = blocks.flatMap((block) => block.fields ?? []).map((field) => field.text);
    expect(fields).toContain("*Lasted*\n1 hour 5 minutes");
    expect(fields).toContain("*Resolved by*\nSomsri");
  });

  it("lets no title mention people, make links or forge formatting", async () => {
    const title = "<!channel> <https://evil.example|here> & more";
    const { text, blocks } = await messageOf({ title, service: "<@U1>" });
    expect(text).toContain("&lt;!channel&gt; &lt;https://evil.example|here&gt; &amp; more");
    expect(blocks[0]?.text).toMatchObject({ type: "plain_text" });
    expect(JSON.stringify(blocks[1])).toContain("&lt;@U1&gt;");
  });

  it("keeps to Slack's limits however long the title is, and never cuts an escape", async () => {
    const { text, blocks } = await messageOf({
      title: "&😀".repeat(4_000),
      service: "<".repeat(4_000),
    });
    expect(blocks[0]?.text?.text.length).toBeLessThanOrEqual(150);
    expect(text.length).toBeLessThanOrEqual(3_000);
    for (const { text: t, fields } of blocks) {
      expect(t?.text.length ?? 0).toBeLessThanOrEqual(3_000);
      for (const field of fields ?? []) expect(field.text.length).toBeLessThanOrEqual(2_000);
    }
    expect(escapeMrkdwn("&&&&", 12)).toBe("&amp;&amp;…");
  });

  it("shows no link that is not of the web", async () => {
    const { blocks } = await messageOf({ url: "javascript:alert(1)" });
    expect(JSON.stringify(blocks)).not.toContain("javascript");
  });

  it("has no message for a payment", async () => {
    const rendered = build("http://127.0.0.1:9").render(
      notice("payment-received", { channel: "slack" }),
    );
    await expect(rendered).rejects.toThrow("channel slack has no template payment-received");
  });
});
