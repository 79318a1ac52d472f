import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { segmentsOf } from "../../emulators/twilio/segments.js";
import { buildChannels } from "../../src/channels/registry.js";
import { incidentDigest } from "../../src/channels/resend/emails/incident-lists.js";
import { SAMPLES } from "../../src/channels/resend/emails/samples.js";
import { type NoticeData, TEMPLATES, type Template } from "../../src/domain/notice.js";
import { Secret } from "../../src/domain/secret.js";
import { FULL_INCIDENT, notice } from "./notices.js";

const channels = buildChannels({
  slack: { webhookUrl: new Secret("SLACK_WEBHOOK_URL", "http://127.0.0.1:9") },
  pagerduty: {
    routingKey: new Secret("PAGERDUTY_ROUTING_KEY", "k"),
    eventsUrl: "http://127.0.0.1:9",
  },
  twilio: {
    accountSid: "AC1",
    authToken: new Secret("TWILIO_AUTH_TOKEN", "k"),
    from: "+1",
    apiUrl: "http://127.0.0.1:9",
  },
  platformName: "Example",
});
type Id = "slack" | "pagerduty" | "sms";

const render = (channel: Id, template: Template, data: NoticeData = {}, locale = "en") =>
  channels[channel].render(
    notice(template, { channel, data: { ...FULL_INCIDENT, ...data }, locale }),
  );

interface Block {
  type: string;
  text?: { type: string; text: string };
  fields?: { type: string; text: string }[];
  elements?: { text?: { text: string } | string; url?: string; style?: string }[];
}
const blocksOf = async (...args: Parameters<typeof render> extends [Id, ...infer R] ? R : never) =>
  (await render("slack", ...args)).blocks as Block[];
const textsOf = (blocks: Block[]): string =>
  blocks
    .flatMap(({ text, fields = [] }) => [text?.text ?? "", ...fields.map((field) => field.text)])
    .join("\n");

describe("Slack tells of an incident", () => {
  it("what happened, the suspect with the way back, why, and a button that leads to the acknowledgement", async () => {
    const blocks = await blocksOf("incident-raised");
    const text = textsOf(blocks);
    expect(text).toContain("🔴 CRITICAL raised: Checkout answers 500");
    expect(text).toContain(
      "*Suspect deployment*: <https://deploys.example/web-9f2c4e1|web-9f2c4e1> (9f2c4e1)",
    );
    expect(text).toContain("*What to do next*\nPromote web-77b0d3a, the last good deployment.");
    expect(text).toContain("*Why you are told*\nRule site-down");
    const buttons = blocks.find(({ type }) => type === "actions")?.elements;
    expect(buttons?.[0]).toMatchObject({
      text: { text: "Acknowledge" },
      url: "https://signals.example/acknowledge?token=v1.abc.def",
      style: "primary",
    });
  });

  it("who has not answered for how long, who is told now, and which way was down", async () => {
    const text = textsOf(await blocksOf("incident-escalated", { insteadOf: "pagerduty" }));
    expect(text).toContain("Nobody has acknowledged this for 5 minutes.");
    expect(text).toContain("Told now: Technical lead.");
    expect(text).toContain("because PagerDuty could not be reached (Slack answered 503).");
  });

  it("that a task is due, and not that the trouble is worse", async () => {
    const taskDue = "Find the root cause";
    const nextStep = "When it is done: npx --no signalbox incidents done INC-1 root-cause";
    const blocks = await blocksOf("incident-escalated", { taskDue, nextStep });
    const text = textsOf(blocks);
    expect(text).toContain("📋 CRITICAL task due: Checkout answers 500");
    expect(text).toContain("due now, and not done: Find the root cause.");
    expect(text).toContain(nextStep);
    expect(text).not.toContain("escalated");
    expect(blocks.find(({ type }) => type === "actions")?.elements?.[0]?.style).toBeUndefined();
  });

  it("that somebody has it, without a button to take it again", async () => {
    const blocks = await blocksOf("incident-acknowledged", { acknowledgedBy: "operator:somsri" });
    expect(textsOf(blocks)).toContain("somsri has taken it on: nobody else is called for now.");
    expect(JSON.stringify(blocks)).not.toContain("acknowledge?token");
  });

  it("shows no deployment to go back to where none is suspected", async () => {
    const text = textsOf(await blocksOf("incident-raised", { suspect: null, nextStep: null }));
    expect(text).not.toContain("Last good deployment");
    expect(text).not.toContain("web-77b0d3a");
  });

  it("that somebody acknowledged by a link, and that it ended by itself", async () => {
    const seen = textsOf(await blocksOf("incident-acknowledged", { acknowledgedBy: "link:email" }));
    expect(seen).toContain("Somebody (Email) has taken it on");
    const thai = await blocksOf("incident-acknowledged", { acknowledgedBy: "link:email" }, "th");
    expect(textsOf(thai)).toContain("ผู้ที่กดลิงก์ใน Email รับเรื่องแล้ว");
    const over = textsOf(await blocksOf("incident-resolved", { resolvedBy: "recovery" }));
    expect(over).not.toContain("Resolved by");
  });

  it("does not say that nobody has acknowledged what somebody has", async () => {
    const text = textsOf(await blocksOf("incident-escalated", { unansweredMinutes: null }));
    expect(text).not.toContain("Nobody has acknowledged");
  });

  it("in Thai where its reader's language is Thai", async () => {
    const text = textsOf(await blocksOf("incident-raised", {}, "th"));
    expect(text).toContain("🔴 CRITICAL เกิดเหตุขัดข้อง: Checkout answers 500");
    expect(text).toContain("*บริการ*\nweb");
    expect(text).toContain("พ.ศ. 2568");
  });

  it("a storm as one list, and a day as one digest", async () => {
    const storm = textsOf(await blocksOf("incident-storm", SAMPLES["incident-storm"]));
    expect(storm).toContain("CRITICAL: 14 incidents in 10 minutes");
    expect(storm).toContain("INC-20261121-1405: Checkout answers with status 500 (web).");
    expect(storm).toContain("… and 11 more.");
    const digest = textsOf(await blocksOf("incident-digest", SAMPLES["incident-digest"]));
    expect(digest).toContain("Daily summary 2026-11-21");
    expect(digest).toContain("*Revenue*\n฿409,795.00");
  });

  it("a day of which all was told at once is not called one without incidents", async () => {
    const textFor = async (count: number, toldAtOnce: number, locale = "en") => {
      const day = { ...SAMPLES["incident-digest"], count, toldAtOnce, incidents: "[]" };
      return textsOf(await blocksOf("incident-digest", day, locale));
    };
    expect(await textFor(0, 0)).toContain("No incidents in this time.");
    expect(await textFor(2, 0)).toContain("2 incidents in this time.");
    const nothingLeft = "Nothing was left for this summary; ";
    expect(await textFor(0, 1)).toContain(`${nothingLeft}one incident was told at once.`);
    expect(await textFor(0, 3)).toContain(`${nothingLeft}3 incidents were told at once.`);
    expect(await textFor(1, 2)).toContain(
      "One incident in this summary; 2 others were told at once.",
    );
    expect(await textFor(0, 3, "th")).toContain("แต่มี 3 เหตุที่ได้แจ้งทันทีไปแล้ว");
    const toneFor = (toldAtOnce: number) =>
      incidentDigest(notice("incident-digest", { data: { count: 0, toldAtOnce } })).tone;
    expect([toneFor(0), toneFor(1)]).toEqual(["good", "attention"]);
  });

  it("keeps to Slack's limits whatever the source brought", async () => {
    const long = "&<😀ก้".repeat(2_000);
    const lines = Array.from({ length: 500 }, (_, i) => ({
      id: `INC-${i}`,
      ...{ severity: "P1", title: long, service: long, status: "open", openedAt: 0, lastedMs: 1 },
    }));
    for (const template of TEMPLATES.filter((name) => name.startsWith("incident-"))) {
      const sample = SAMPLES[template] as NoticeData;
      const data = Object.fromEntries(
        Object.entries({ ...FULL_INCIDENT, ...sample }).map(([key, value]) => [
          key,
          typeof value === "string" && !/Url$|^url$|Id$|^severity$/.test(key) ? long : value,
        ]),
      );
      const all = { ...data, incidents: JSON.stringify(lines), count: 500 };
      const blocks = await blocksOf(template, all);
      expect(blocks.length).toBeLessThanOrEqual(50);
      for (const { text, fields = [] } of blocks) {
        expect(text?.text.length ?? 0).toBeLessThanOrEqual(3_000);
        expect(fields.length).toBeLessThanOrEqual(10);
        for (const field of fields) expect(field.text.length).toBeLessThanOrEqual(2_000);
      }
      const mrkdwn = blocks
        .flatMap(({ text, fields = [] }) => [text, ...fields])
        .filter((one) => one?.type === "mrkdwn");
      // No mention, and no link but ours.
      expect(mrkdwn.some((one) => /<(?!https:)/.test(one?.text ?? ""))).toBe(false);
    }
  });
});

describe("PagerDuty follows the incident by its id", () => {
  const actions: [Template, string][] = [
    ["incident-raised", "trigger"],
    ["incident-escalated", "trigger"],
    ["incident-reopened", "trigger"],
    ["incident-acknowledged", "acknowledge"],
    ["incident-resolved", "resolve"],
  ];
  for (const [template, action] of actions) {
    it(`${template} is ${action}`, async () => {
      expect(await render("pagerduty", template)).toMatchObject({
        event_action: action,
        dedup_key: "INC-20251120-1405",
      });
    });
  }

  it("what it became worse as has an alert of its own, for the acknowledged one calls nobody again", async () => {
    const data = { ...FULL_INCIDENT, alertKey: "INC-20251120-1405:2" };
    for (const [template] of actions) {
      expect(await render("pagerduty", template, data)).toMatchObject({
        dedup_key: "INC-20251120-1405:2",
      });
    }
  });

  it("with what a person needs to begin", async () => {
    const { links, payload } = (await render("pagerduty", "incident-raised")) as {
      links: { text: string }[];
      payload: { custom_details: object };
    };
    expect(links.map(({ text }) => text)).toEqual([
      "Acknowledge",
      "Open at the source",
      "Open in the console",
      "Suspect deployment",
      "Last good deployment",
    ]);
    expect(payload.custom_details).toMatchObject({
      severity: "CRITICAL",
      why: FULL_INCIDENT.why,
      suspect: "web-9f2c4e1 (9f2c4e1)",
      next_step: FULL_INCIDENT.nextStep,
    });
  });

  it("links no deployment to go back to where none is suspected", async () => {
    const event = await render("pagerduty", "incident-raised", { suspect: null, nextStep: null });
    expect(JSON.stringify(event)).not.toContain("web-77b0d3a");
    expect(JSON.stringify(event)).not.toContain("Last good deployment");
  });

  it("tells on each page how to acknowledge: its own button is not heard", async () => {
    const hintOf = async (...args: [Template, NoticeData?]) => {
      const { payload } = (await render("pagerduty", ...args)) as {
        payload: { custom_details: { acknowledge?: string } };
      };
      return payload.custom_details.acknowledge;
    };
    const heard = "Signalbox does not hear PagerDuty's own button. Acknowledge by";
    const command = "npx --no signalbox incidents ack";
    for (const template of [
      "incident-raised",
      "incident-escalated",
      "incident-reopened",
    ] as const) {
      expect(await hintOf(template)).toBe(`${heard} the link, or by: ${command} INC-20251120-1405`);
    }
    expect(await hintOf("incident-raised", { ackUrl: null })).toBe(
      `${heard}: ${command} INC-20251120-1405`,
    );
    expect(await hintOf("incident-escalated", { taskDue: "Root cause" })).toBeUndefined();
    const storm: NoticeData = { ...SAMPLES["incident-storm"], ackUrl: null };
    expect(await hintOf("incident-storm", storm)).toBe(`${heard}: ${command} INC-…`);
  });

  it("has one alert for a storm, and no word for a digest", async () => {
    const storm = await render("pagerduty", "incident-storm", SAMPLES["incident-storm"]);
    expect(storm).toMatchObject({ event_action: "trigger", dedup_key: "storm:20261121-1405" });
    const digest = render("pagerduty", "incident-digest", SAMPLES["incident-digest"]);
    await expect(digest).rejects.toThrow("channel pagerduty has no template incident-digest");
  });
});

describe("an SMS", () => {
  const bodyOf = async (template: Template, data: NoticeData = {}) =>
    String((await render("sms", template, data)).body);

  it("says what is down, for how long nobody answered, and where to acknowledge", async () => {
    expect(await bodyOf("incident-escalated", { insteadOf: null })).toBe(
      "Example CRITICAL unanswered for 5 minutes INC-20251120-1405: Checkout answers 500 (web, production) since 20 November 2025 at 14:05 (Thailand Time, GMT+7). Ack: https://signals.example/acknowledge?token=v1.abc.def",
    );
    expect(await bodyOf("incident-raised")).toContain("[Slack unreachable]");
  });

  it("says the service once, where the title begins with it", async () => {
    const service = "Shop: checkout";
    const title = "shop: checkout: Status 502";
    const body = await bodyOf("incident-raised", { service, title, insteadOf: null });
    expect(body).toContain(": shop: checkout: Status 502 (production) since");
    const other = await bodyOf("incident-raised", { service, title: "Shop: checkouts fail" });
    expect(other).toContain("(Shop: checkout, production)");
  });

  it("names each of a storm's incidents by its id", async () => {
    expect(await bodyOf("incident-storm", SAMPLES["incident-storm"])).toContain(
      "INC-20261121-1405 Checkout answers with status 500 (web)",
    );
  });

  it("keeps a Thai title where there is room, and the link in any case", async () => {
    const short = { ackUrl: null, url: null, openedAt: null, insteadOf: null };
    expect(await bodyOf("incident-raised", { ...short, title: "ระบบล่ม" })).toContain("ระบบล่ม");
    const ackUrl = `https://signals.example/acknowledge?token=${"x".repeat(200)}`;
    const body = await bodyOf("incident-raised", { title: "ระบบชำระเงินล่ม".repeat(5), ackUrl });
    expect(body).toContain(`Ack: ${ackUrl}`);
    expect(segmentsOf(body)).toBeLessThanOrEqual(2);
  });

  it("is two segments at most, whatever the source and the platform are called", async () => {
    const text = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 400 }),
      fc.string({ unit: "binary", maxLength: 200 }),
      fc.string({ maxLength: 500 }),
      fc.constantFrom("ระบบล่ม".repeat(40), "{}[]~^|€".repeat(40), ""),
    );
    const url = fc
      .integer({ min: 0, max: 220 })
      .map((length) => `https://signals.example/ack?t=${"y~".repeat(length / 2)}`);
    const templates = fc.constantFrom<Template>(
      ...(["incident-raised", "incident-escalated", "incident-acknowledged"] as const),
      ...(["incident-reopened", "incident-resolved", "incident-storm"] as const),
    );
    await fc.assert(
      fc.asyncProperty(
        templates,
        fc.record({ title: text, service: text, severityName: text, acknowledgedBy: text }),
        url,
        async (template, said, ackUrl) => {
          const storm = template === "incident-storm" ? SAMPLES[template] : {};
          const body = await bodyOf(template, { ...storm, ...said, ackUrl });
          expect(segmentsOf(body)).toBeLessThanOrEqual(2);
          expect(body).not.toMatch(/\p{Cs}/u);
          if (template !== "incident-storm") expect(body).toContain("INC-20251120-1405");
        },
      ),
      { numRuns: 300 },
    );
  });
});
