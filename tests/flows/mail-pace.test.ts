import { afterEach, describe, expect, it } from "vitest";
import { type House, openHouse } from "../support/house.js";

const RECIPIENTS = 20;
const PER_SECOND = 2;
/** How much faster the queue's clock runs, and with it Resend's. */
const SCALE = 2;
const WITHIN_MS = 120_000;

let h: House;
afterEach(() => h.close());

const open = async (): Promise<void> => {
  const overrides = { EMAIL_PER_SECOND: String(PER_SECOND) };
  h = await openHouse(overrides, { resendPerSecond: PER_SECOND });
  await h.qstash.setClock({ scale: SCALE });
};

/** A mail to each of twenty buyers, as fast as the door takes them. @returns emulated milliseconds until the last one was sent */
async function tellAll(): Promise<number> {
  const startedAt = h.qstash.now();
  for (let i = 0; i < RECIPIENTS; i += 1) {
    const set = { "data.object.receipt_email": `buyer${i}@example.com` };
    const ask = { uniqueId: `b${i}`, set };
    // As the provider does: on a busy machine the door may ask it to come again.
    const post = async () => (await h.post("stripe", "payment-succeeded", ask)).status;
    await expect.poll(post, { timeout: WITHIN_MS / SCALE }).toBeLessThan(300);
  }
  await expect
    .poll(() => h.resend.mails().length, { timeout: WITHIN_MS / SCALE, interval: 50 })
    .toBe(RECIPIENTS);
  const tookMs = h.qstash.now() - startedAt;
  await h.rest();
  return tookMs;
}

async function expectEachOnce(): Promise<void> {
  const recipients = h.resend.mails().flatMap(({ to }) => to);
  expect(new Set(recipients).size).toBe(RECIPIENTS);
  expect(recipients).toHaveLength(RECIPIENTS);
  const notices = await h.list("notifications");
  const mails = notices.filter(({ channel }) => channel === "email");
  expect(mails.map(({ status }) => status)).toEqual(Array(RECIPIENTS).fill("sent"));
  expect(await h.list("dead-letters")).toEqual([]);
}

describe("mail to twenty recipients through two a second", { timeout: WITHIN_MS }, () => {
  it("is paced, and is with all of them within two minutes, once each", async () => {
    await open();
    const tookMs = await tellAll();
    expect(tookMs).toBeGreaterThan(((RECIPIENTS / PER_SECOND - 2) * 1_000) / 2);
    expect(tookMs).toBeLessThanOrEqual(WITHIN_MS);
    await expectEachOnce();
    const asked = h.resend.requests().filter(({ path }) => path === "/emails");
    const limited = asked.filter(({ status }) => status === 429);
    expect(limited.length, "the pace is the queue's, not that of refusals").toBeLessThan(10);
  });

  it("loses none when the account is used by others too, and half of the calls are refused", async () => {
    await open();
    const refusal = { kind: "status", status: 429, code: "rate_limit_exceeded" } as const;
    h.resend.fault({ ...refusal, retryAfterSeconds: 1, times: RECIPIENTS / 2 });
    expect(await tellAll()).toBeLessThanOrEqual(WITHIN_MS);
    await expectEachOnce();
  });
});
