import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type SlackEmulator, startSlackEmulator } from "../../../emulators/slack/index.js";

const clock = { now: () => 1_795_219_200_000 };
let slack: SlackEmulator;
beforeEach(async () => {
  slack = await startSlackEmulator({ clock });
});
afterEach(() => slack.close());

const post = async (body: string, url = slack.webhookUrl, type = "application/json") => {
  const response = await fetch(url, { method: "POST", body, headers: { "content-type": type } });
  return [response.status, await response.text()] as const;
};
const say = (text: string) => post(JSON.stringify({ text }));

describe("incoming webhooks", () => {
  it("answer ok and keep the message, newest first", async () => {
    expect(await say("P0: ระบบล่ม")).toEqual([200, "ok"]);
    const blocks = [{ type: "section", text: { type: "mrkdwn", text: "*Down*" } }];
    expect(await post(JSON.stringify({ blocks }))).toEqual([200, "ok"]);
    const form = new URLSearchParams({ payload: JSON.stringify({ text: "form" }) }).toString();
    expect(await post(form, slack.webhookUrl, "application/x-www-form-urlencoded")).toEqual([
      200,
      "ok",
    ]);
    expect(slack.messages().map((m) => m.text)).toEqual(["form", "*Down*", "P0: ระบบล่ม"]);
    expect(slack.messages()[0]).toMatchObject({
      createdAt: "2026-11-21T00:00:00.000Z",
      answerLost: false,
    });
    const json = await (await fetch(`${slack.url}/messages.json`)).json();
    expect(json).toEqual({ data: slack.messages() });
    expect(await (await fetch(`${slack.url}/messages`)).text()).toContain("P0: ระบบล่ม");
  });

  it("refuse in plain text", async () => {
    expect(await post("{")).toEqual([400, "invalid_payload"]);
    expect(await post("[]")).toEqual([400, "invalid_payload"]);
    expect(await post("{}")).toEqual([400, "no_text"]);
    const blocks = Array.from({ length: 51 }, () => ({ type: "divider" }));
    expect(await post(JSON.stringify({ blocks }))).toEqual([400, "invalid_blocks"]);
    expect(await post('{"text":"x"}', `${slack.webhookUrl}x`)).toEqual([403, "invalid_token"]);
    expect(await post('{"text":"x"}', `${slack.url}/services/T1/B1/x`)).toEqual([
      404,
      "no_service",
    ]);
    expect(slack.messages()).toEqual([]);
  });

  it("answer 429 with Retry-After over the burst", async () => {
    await slack.close();
    slack = await startSlackEmulator({ clock, burstPerSecond: 2 });
    await say("1");
    await say("2");
    const third = await fetch(slack.webhookUrl, { method: "POST", body: '{"text":"3"}' });
    expect([third.status, third.headers.get("retry-after"), await third.text()]).toEqual([
      429,
      "1",
      "rate_limited",
    ]);
    slack.advance(1_000);
    expect(await say("3")).toEqual([200, "ok"]);
  });

  it("faults: refused before, or taken with the answer lost", async () => {
    slack.fault({ kind: "status", status: 410 });
    expect(await say("x")).toEqual([410, "channel_is_archived"]);
    expect(slack.messages()).toEqual([]);
    slack.fault({ kind: "drop", when: "after" });
    await expect(say("x")).rejects.toThrow();
    slack.fault({ kind: "status", status: 500, when: "after" });
    expect(await say("y")).toEqual([500, "rollup_error"]);
    expect(slack.messages().map((m) => [m.text, m.answerLost])).toEqual([
      ["y", true],
      ["x", true],
    ]);
  });

  it("keep their messages over a restart", async () => {
    await slack.close();
    const dataDir = mkdtempSync(join(tmpdir(), "slack-"));
    slack = await startSlackEmulator({ clock, dataDir });
    await say("kept");
    await slack.close();
    slack = await startSlackEmulator({ clock, dataDir });
    expect(slack.messages().map((m) => m.text)).toEqual(["kept"]);
  });
});
