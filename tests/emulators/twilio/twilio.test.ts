import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTwilioEmulator, type TwilioEmulator } from "../../../emulators/twilio/index.js";
import { segmentsOf } from "../../../emulators/twilio/segments.js";

const options = {
  accountSid: "AC00000000000000000000000000000000",
  authToken: "token",
  clock: { now: () => 1_795_219_200_000 },
};
let twilio: TwilioEmulator;
beforeEach(async () => {
  twilio = await startTwilioEmulator(options);
});
afterEach(() => twilio.close());

const good = { To: "+66812345678", From: "+15005550006", Body: "P0: ระบบล่ม" };
const send = async (fields: Record<string, string>, token = "token") => {
  const basic = Buffer.from(`${options.accountSid}:${token}`).toString("base64");
  const response = await fetch(
    `${twilio.url}/2010-04-01/Accounts/${options.accountSid}/Messages.json`,
    {
      method: "POST",
      headers: { authorization: `Basic ${basic}` },
      body: new URLSearchParams(fields),
    },
  );
  return [response.status, (await response.json()) as Record<string, unknown>] as const;
};

describe("messages", () => {
  it("are queued, kept and readable", async () => {
    const [status, message] = await send(good);
    expect(status).toBe(201);
    expect(message).toMatchObject({
      sid: expect.stringMatching(/^SM[0-9a-f]{32}$/),
      status: "queued",
      num_segments: "1",
      to: good.To,
      from: good.From,
      body: good.Body,
      error_code: null,
      date_created: "Sat, 21 Nov 2026 00:00:00 +0000",
    });
    const basic = Buffer.from(`${options.accountSid}:token`).toString("base64");
    const read = await fetch(twilio.url + String(message.uri), {
      headers: { authorization: `Basic ${basic}` },
    });
    expect(await read.json()).toEqual(message);
    const json = await (await fetch(`${twilio.url}/messages.json`)).json();
    expect(json).toEqual({ data: twilio.messages() });
    expect(twilio.messages()).toEqual([
      expect.objectContaining({ sid: message.sid, body: good.Body, answerLost: false }),
    ]);
  });

  it("are refused with Twilio's codes", async () => {
    const code = async (fields: Record<string, string>, token?: string) => {
      const [status, body] = await send(fields, token);
      return [status, body.code, body.status];
    };
    expect(await code(good, "wrong")).toEqual([401, 20003, 401]);
    expect(await code({ ...good, To: "" })).toEqual([400, 21604, 400]);
    expect(await code({ ...good, To: "0812345678" })).toEqual([400, 21211, 400]);
    expect(await code({ ...good, From: "" })).toEqual([400, 21603, 400]);
    expect(await code({ ...good, Body: "" })).toEqual([400, 21602, 400]);
    expect(await code({ ...good, Body: "x".repeat(1601) })).toEqual([400, 21617, 400]);
    expect(twilio.messages()).toEqual([]);
  });

  it("faults: too many requests, or taken with the answer lost", async () => {
    twilio.fault({ kind: "status", status: 429 });
    expect((await send(good))[1]).toMatchObject({ code: 20429, status: 429 });
    twilio.fault({ kind: "drop", when: "after" });
    await expect(send(good)).rejects.toThrow();
    expect(twilio.messages().map((m) => m.answerLost)).toEqual([true]);
  });

  it("are kept over a restart", async () => {
    await twilio.close();
    const dataDir = mkdtempSync(join(tmpdir(), "twilio-"));
    twilio = await startTwilioEmulator({ ...options, dataDir });
    await send(good);
    await twilio.close();
    twilio = await startTwilioEmulator({ ...options, dataDir });
    expect(twilio.messages()).toHaveLength(1);
  });
});

it("counts segments as networks do", () => {
  const counts = [
    "x".repeat(160),
    "x".repeat(161),
    "€".repeat(81),
    "ก".repeat(70),
    "ก".repeat(71),
  ].map(segmentsOf);
  expect(counts).toEqual([1, 2, 2, 1, 2]);
});
