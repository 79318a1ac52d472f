import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Resend } from "resend";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ResendEmulator, startResendEmulator } from "../../../emulators/resend/index.js";

const START_MS = 1_795_219_200_000;
const DAY_MS = 24 * 60 * 60 * 1000;
const mail = {
  from: "Signalbox <noreply@example.com>",
  to: "somchai@example.com",
  subject: "ใบเสร็จรับเงิน",
  html: "<p>ขอบคุณ <script>alert(1)</script></p>",
  text: "ขอบคุณ",
};

let emulator: ResendEmulator;
let resend: Resend;
const start = async (options: Partial<Parameters<typeof startResendEmulator>[0]> = {}) => {
  emulator = await startResendEmulator({
    apiKey: "re_test",
    clock: { now: () => START_MS },
    ...options,
  });
  resend = new Resend("re_test", { baseUrl: emulator.url });
};
beforeEach(() => start());
afterEach(() => emulator.close());

describe("sending", () => {
  it("keeps the mail as it was sent, and gives it back", async () => {
    const sent = await resend.emails.send({
      ...mail,
      replyTo: "help@example.com",
      tags: [{ name: "kind", value: "receipt" }],
      headers: { "X-Cause": "pi_1" },
      attachments: [{ filename: "a.txt", content: Buffer.from("hello") }],
    });
    expect(sent.error).toBeNull();
    const id = sent.data?.id ?? "";
    expect(emulator.mails()).toEqual([
      expect.objectContaining({
        ...mail,
        id,
        to: ["somchai@example.com"],
        replyTo: ["help@example.com"],
        attachments: [{ filename: "a.txt", contentType: null, bytes: 5 }],
        createdAt: "2026-11-21T00:00:00.000Z",
        idempotencyKey: null,
        answerLost: false,
      }),
    ]);
    const read = await resend.emails.get(id);
    expect(read.data).toMatchObject({
      object: "email",
      id,
      to: ["somchai@example.com"],
      last_event: "delivered",
    });
    expect((await resend.emails.list()).data?.data.map((row) => row.id)).toEqual([id]);
  });

  it("a batch is all or nothing", async () => {
    const ok = await resend.batch.send([mail, { ...mail, to: ["a@example.com", "b@example.com"] }]);
    expect(ok.data?.data).toHaveLength(2);
    const bad = await resend.batch.send([mail, { ...mail, to: "nobody" }]);
    expect(bad.error).toMatchObject({ name: "validation_error", statusCode: 422 });
    expect(emulator.mails()).toHaveLength(2);
  });

  it("scheduled: rescheduled, cancelled, or delivered when its time has come", async () => {
    const at = (ms: number) => new Date(START_MS + ms).toISOString();
    const first = (await resend.emails.send({ ...mail, scheduledAt: at(60_000) })).data?.id ?? "";
    const second = (await resend.emails.send({ ...mail, scheduledAt: at(60_000) })).data?.id ?? "";
    expect((await resend.emails.update({ id: first, scheduledAt: at(120_000) })).error).toBeNull();
    expect((await resend.emails.cancel(second)).error).toBeNull();
    expect(emulator.mails().map((m) => m.lastEvent)).toEqual(["canceled", "scheduled"]);
    emulator.advance(120_000);
    expect(emulator.mails().map((m) => m.lastEvent)).toEqual(["canceled", "delivered"]);
    expect((await resend.emails.cancel(first)).error?.name).toBe("validation_error");
  });
});

describe("refusals", () => {
  it("are named as Resend names them", async () => {
    const names = async (client: Resend, body: object) => {
      const { error } = await client.emails.send(body as never);
      return [error?.name, error?.statusCode];
    };
    expect(await names(new Resend("re_wrong", { baseUrl: emulator.url }), mail)).toEqual([
      "invalid_api_key",
      403,
    ]);
    expect(await names(resend, { ...mail, from: undefined })).toEqual([
      "missing_required_field",
      422,
    ]);
    expect(await names(resend, { ...mail, html: undefined, text: undefined })).toEqual([
      "missing_required_field",
      422,
    ]);
    expect(await names(resend, { ...mail, from: "nobody" })).toEqual(["validation_error", 422]);
    const many = Array.from({ length: 51 }, (_, i) => `a${i}@example.com`);
    expect(await names(resend, { ...mail, to: many })).toEqual(["validation_error", 422]);
    expect(await names(resend, { ...mail, tags: [{ name: "ไทย", value: "x" }] })).toEqual([
      "validation_error",
      422,
    ]);
    expect((await resend.emails.get("none")).error).toMatchObject({
      name: "not_found",
      statusCode: 404,
    });
    const keyless = await fetch(`${emulator.url}/emails`, { method: "POST", body: "{}" });
    expect([keyless.status, await keyless.json()]).toEqual([
      401,
      { statusCode: 401, name: "missing_api_key", message: "Missing API Key" },
    ]);
    expect(emulator.mails()).toEqual([]);
  });

  it("429 over the rate, with the headers that say when to come back", async () => {
    await emulator.close();
    await start({ ratePerSecond: 2 });
    await resend.emails.send(mail);
    await resend.emails.send(mail);
    const third = await resend.emails.send(mail);
    expect(third.error).toMatchObject({ name: "rate_limit_exceeded", statusCode: 429 });
    expect(third.headers).toMatchObject({
      "retry-after": "1",
      "ratelimit-limit": "2",
      "ratelimit-remaining": "0",
    });
    emulator.advance(1_000);
    expect((await resend.emails.send(mail)).error).toBeNull();
  });

  it("faults: quota, 500, a cut connection after the mail was taken", async () => {
    emulator.fault({ kind: "status", status: 429, code: "daily_quota_exceeded" });
    expect((await resend.emails.send(mail)).error).toMatchObject({
      name: "daily_quota_exceeded",
      statusCode: 429,
    });
    emulator.fault({ kind: "status", status: 500 });
    expect((await resend.emails.send(mail)).error).toMatchObject({
      name: "application_error",
      statusCode: 500,
    });
    emulator.fault({ kind: "drop", when: "after" });
    expect((await resend.emails.send(mail, { idempotencyKey: "n_1" })).error).toMatchObject({
      statusCode: null,
    });
    expect(emulator.mails().map((m) => m.answerLost)).toEqual([true]);
    expect((await resend.emails.send(mail, { idempotencyKey: "n_1" })).data?.id).toBe(
      emulator.mails()[0]?.id,
    );
    expect(emulator.mails()).toHaveLength(1);
  });
});

describe("idempotency keys", () => {
  it("give the same id for 24 hours, refuse another payload, and are then forgotten", async () => {
    const key = { idempotencyKey: "n_1" };
    const first = await resend.emails.send(mail, key);
    expect((await resend.emails.send(mail, key)).data).toEqual(first.data);
    const other = await resend.emails.send({ ...mail, subject: "else" }, key);
    expect(other.error).toMatchObject({ name: "invalid_idempotent_request", statusCode: 409 });
    emulator.advance(DAY_MS - 1);
    expect((await resend.emails.send(mail, key)).data).toEqual(first.data);
    emulator.advance(1);
    expect((await resend.emails.send(mail, key)).data).not.toEqual(first.data);
    expect(emulator.mails()).toHaveLength(2);
    const long = await resend.emails.send(mail, { idempotencyKey: "x".repeat(257) });
    expect(long.error).toMatchObject({ name: "invalid_idempotency_key", statusCode: 400 });
  });

  it("409 while the first request is still running", async () => {
    emulator.fault({ kind: "delay", delayMs: 1_500 });
    const first = resend.emails.send(mail, { idempotencyKey: "n_1" });
    await vi.waitFor(() => expect(emulator.requests()).toHaveLength(1));
    const second = await resend.emails.send(mail, { idempotencyKey: "n_1" });
    expect(second.error).toMatchObject({ name: "concurrent_idempotent_requests", statusCode: 409 });
    expect((await first).error).toBeNull();
  });
});

describe("the mailbox", () => {
  it("lists newest first, and shows a mail in a frame that can do nothing", async () => {
    await resend.emails.send({ ...mail, subject: "first" });
    const id = (await resend.emails.send(mail)).data?.id ?? "";
    const json = (await (await fetch(`${emulator.url}/mailbox.json`)).json()) as {
      data: { subject: string }[];
    };
    expect(json.data.map((m) => m.subject)).toEqual([mail.subject, "first"]);
    const list = await (await fetch(`${emulator.url}/mailbox`)).text();
    expect(list.indexOf(mail.subject)).toBeLessThan(list.indexOf("first"));
    const page = await (await fetch(`${emulator.url}/mailbox/${id}`)).text();
    expect(page).toContain('<iframe sandbox title="mail" srcdoc="&lt;p&gt;ขอบคุณ &lt;script');
    expect(page).not.toContain("<script");
    expect((await fetch(`${emulator.url}/mailbox/none`)).status).toBe(404);
  });

  it("is there again after a restart, with its idempotency keys", async () => {
    await emulator.close();
    const dataDir = mkdtempSync(join(tmpdir(), "resend-"));
    await start({ dataDir });
    const sent = await resend.emails.send(mail, { idempotencyKey: "n_1" });
    await emulator.close();
    await start({ dataDir });
    expect(emulator.mails().map((m) => m.id)).toEqual([sent.data?.id]);
    expect((await resend.emails.send(mail, { idempotencyKey: "n_1" })).data).toEqual(sent.data);
    emulator.reset();
    expect(emulator.mails()).toEqual([]);
  });
});
