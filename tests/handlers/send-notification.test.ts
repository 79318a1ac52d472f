import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Channel, ChannelReceipt, Channels } from "../../src/channels/channel.js";
import { Permanent, Transient } from "../../src/domain/errors.js";
import { runEvent } from "../../src/handlers/run-event.js";
import { sendNotification } from "../../src/handlers/send-notification/index.js";
import { runDeps, sampleRun } from "../support/events.js";
import { stillClock } from "../support/fakes.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

let w: StoreWorld;
beforeEach(async () => {
  w = await storeWorld();
});
afterEach(async () => {
  await w.close();
});

/** A channel whose calls end when, and as, the test says. */
function heldChannel() {
  const calls: { yes(): void; no(error: Error): void }[] = [];
  const channel: Channel = {
    id: "email",
    configured: true,
    atLeastOnce: false,
    timeoutMs: 10_000,
    render: () => Promise.resolve({ subject: "Paid" }),
    send: () =>
      new Promise<ChannelReceipt>((resolve, reject) => {
        calls.push({ yes: () => resolve({ vendorId: `v${calls.length}` }), no: reject });
      }),
  };
  const channels: Channels = { email: channel, slack: channel, pagerduty: channel, sms: channel };
  return { calls, channels };
}

/** A notice that is due, and two workers that call for it, the second one after the first one's lease. */
async function twoCalls() {
  const { calls, channels } = heldChannel();
  await runEvent(await sampleRun("stripe", "payment-succeeded"), runDeps(w));
  const [row] = await w.rows("SELECT id, message ->> 'noticeId' AS notice FROM outbox");
  const clock = stillClock(w.ctx.now);
  const deps = { ...runDeps(w), clock, channels };
  const due = { noticeId: String(row?.notice), outboxId: String(row?.id), requestId: "req_test" };
  const first = sendNotification(due, deps);
  await expect.poll(() => calls.length).toBe(1);
  clock.advance(60_000);
  const second = sendNotification(due, deps);
  await expect.poll(() => calls.length).toBe(2);
  return { first, second, calls };
}
const notice = async () => (await w.rows("SELECT status, calls, lease_until FROM notice"))[0];
const sentEntries = () => w.rows("SELECT id FROM audit_entry WHERE action = 'notice.sent'");

describe("a call whose lease ran out", () => {
  it("is told as sent once in the audit trail, though both calls end well", async () => {
    const { first, second, calls } = await twoCalls();
    calls[0]?.yes();
    await first;
    calls[1]?.yes();
    await second;
    expect(await notice()).toMatchObject({ status: "sent", calls: 2 });
    expect(await sentEntries()).toHaveLength(1);
  });

  it("does not end the lease of the call that came after it", async () => {
    const { first, second, calls } = await twoCalls();
    const before = await notice();
    calls[0]?.no(new Transient("channel_unavailable"));
    await expect(first).rejects.toThrow("channel_unavailable");
    expect(await notice()).toEqual(before);
    calls[1]?.yes();
    await second;
  });

  it("never makes a failure of what the later call has sent", async () => {
    const { first, second, calls } = await twoCalls();
    calls[1]?.yes();
    await second;
    calls[0]?.no(new Permanent("channel_refused"));
    await first;
    expect(await notice()).toMatchObject({ status: "sent" });
    expect(await w.count("dead_letter")).toBe(0);
  });
});
