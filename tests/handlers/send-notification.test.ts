import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Channel, ChannelReceipt, Channels } from "../../src/channels/channel.js";
import { Permanent, Transient } from "../../src/domain/errors.js";
import { runEvent } from "../../src/handlers/run-event.js";
import { sendNotification } from "../../src/handlers/send-notification/index.js";
import { runTimer, sweepTimers } from "../../src/operations/run-timer.js";
import { replayDeadLetter } from "../../src/operations/settle-dead-letter.js";
import type { Database } from "../../src/store/database.js";
import { readTimer } from "../../src/store/outbox.js";
import { noticeTimers, runDeps, sampleRun } from "../support/events.js";
import { countingIds, stillClock } from "../support/fakes.js";
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
  const people = { email: channel, slack: channel, pagerduty: channel, sms: channel };
  const channels: Channels = { ...people, platform: channel, status_page: channel };
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

const letterOf = async () => {
  const [letter] = await w.rows("SELECT id FROM dead_letter");
  return { id: String(letter?.id), reason: "a test", actor: "admin" };
};

/** A notice that its vendor refused, ready to be replayed. */
async function refusedNotice() {
  const { calls, channels } = heldChannel();
  await runEvent(await sampleRun("stripe", "payment-succeeded"), runDeps(w));
  const [row] = await w.rows("SELECT id, message ->> 'noticeId' AS notice FROM outbox");
  const clock = stillClock(w.ctx.now);
  const deps = { ...runDeps(w), clock, channels, ids: countingIds("n") };
  const due = { noticeId: String(row?.notice), outboxId: String(row?.id), requestId: "req_test" };
  const first = sendNotification(due, deps);
  await expect.poll(() => calls.length).toBe(1);
  calls[0]?.no(new Permanent("channel_refused"));
  expect((await first).outcome).toBe("failed");
  const relay = () => Promise.resolve();
  const settling = { database: w.database, clock, ids: countingIds("s"), relay };
  return { calls, clock, deps, due, settling };
}

describe("a notice that is replayed", () => {
  it("keeps the lease of a call in flight, though a person replays it again", async () => {
    const { calls, deps, due, settling } = await refusedNotice();
    const request = await letterOf();
    const replay = await replayDeadLetter(request, settling);
    expect(await replayDeadLetter(request, settling), "before it is taken").toEqual(replay);
    const second = sendNotification(due, deps);
    await expect.poll(() => calls.length).toBe(2);
    const inFlight = await w.rows("SELECT * FROM notice");
    expect(await replayDeadLetter(request, settling)).toMatchObject({ kind: "replaying" });
    expect(await w.rows("SELECT * FROM notice")).toEqual(inFlight);
    await expect(sendNotification(due, deps)).rejects.toThrow("lease_held");
    expect(calls).toHaveLength(2);
    calls[1]?.yes();
    expect((await second).outcome).toBe("sent");
  });

  it("is given up in its turn: its timer is wound again, with a message to wake it", async () => {
    const { calls, clock, deps, due, settling } = await refusedNotice();
    expect(await w.rows("SELECT status FROM timer")).toEqual([{ status: "done" }]);
    clock.advance(24 * 3_600_000);
    await replayDeadLetter(await letterOf(), settling);
    await w.rows("DELETE FROM outbox");
    const second = sendNotification(due, deps);
    await expect.poll(() => calls.length).toBe(2);
    const [timer] = await w.rows("SELECT id, status, due_at FROM timer");
    expect(timer).toMatchObject({ status: "waiting" });
    expect(Number(timer?.due_at)).toBe(clock.now() + 23 * 3_600_000);
    const woken = await w.rows("SELECT message ->> 'timerId' AS id FROM outbox");
    expect(woken).toEqual([{ id: timer?.id }]);
    calls[1]?.no(new Transient("channel_unavailable"));
    await expect(second).rejects.toThrow("channel_unavailable");
    clock.advance(23 * 3_600_000);
    expect(await sweepTimers({ ...deps, ...noticeTimers })).toBe(1);
    expect(await notice()).toMatchObject({ status: "unknown" });
  });
});

describe("a lease", () => {
  it("outlasts the call though the database took all of its time to write it", async () => {
    const { calls, channels } = heldChannel();
    await runEvent(await sampleRun("stripe", "payment-succeeded"), runDeps(w));
    const [row] = await w.rows("SELECT id, message ->> 'noticeId' AS notice FROM outbox");
    const clock = stillClock(w.ctx.now);
    const slow = (ms: number): Database => ({
      ...w.database,
      async query(text, values) {
        if (text.startsWith("WITH")) clock.advance(ms);
        return w.database.query(text, values);
      },
    });
    const due = { noticeId: String(row?.notice), outboxId: String(row?.id), requestId: "req_test" };
    const deps = { ...runDeps(w), clock, channels };
    const first = sendNotification(due, { ...deps, database: slow(13_000) });
    await expect.poll(() => calls.length).toBe(1);
    clock.advance(9_999); // the vendor's time limit is ten seconds
    await expect(sendNotification(due, deps)).rejects.toThrow("lease_held");
    calls[0]?.no(new Transient("channel_unavailable"));
    await expect(first).rejects.toThrow("channel_unavailable");
    const late = sendNotification(due, { ...deps, database: slow(60_000) });
    await expect(late, "whatever took longer still").rejects.toThrow("database_busy");
    expect(calls).toHaveLength(1);
  });
});

describe("a notice that may have arrived, and whose service has forgotten its key", () => {
  const DAY_MS = 24 * 3_600_000;
  const replays = () =>
    w.rows("SELECT details FROM audit_entry WHERE action = 'dead_letter.replayed' ORDER BY id");

  /** Its call never came to an end, and its time is over. */
  async function unconfirmed() {
    const { calls, channels } = heldChannel();
    const keys: string[] = [];
    const email: Channel = {
      ...channels.email,
      send(call) {
        keys.push(call.idempotencyKey);
        return channels.email.send(call);
      },
    };
    await runEvent(await sampleRun("stripe", "payment-succeeded"), runDeps(w));
    const [row] = await w.rows("SELECT id, message ->> 'noticeId' AS notice FROM outbox");
    const clock = stillClock(w.ctx.now);
    const ids = countingIds("n");
    const deps = { ...runDeps(w), clock, channels: { ...channels, email }, ids };
    const due = { noticeId: String(row?.notice), outboxId: String(row?.id), requestId: "req_test" };
    const lost = sendNotification(due, deps);
    await expect.poll(() => calls.length).toBe(1);
    clock.advance(DAY_MS);
    expect((await sendNotification(due, deps)).outcome).toBe("unknown");
    const relay = () => Promise.resolve();
    const settling = { database: w.database, clock, ids: countingIds("s"), relay };
    const answer = () => calls.at(-1)?.yes();
    return { lost, keys, answer, calls, due, deps, settling, firstCalledAt: w.ctx.now };
  }

  it("is not sent again before a person says that it may come twice", async () => {
    const { calls, lost, answer, due, deps, settling, firstCalledAt } = await unconfirmed();
    const request = await letterOf();
    const before = await w.rows("SELECT * FROM notice");
    const asked = await replayDeadLetter(request, settling);
    expect(asked).toEqual({ kind: "unconfirmed", firstCalledAt });
    expect(await w.rows("SELECT * FROM notice")).toEqual(before);
    expect(await replays()).toEqual([]);
    await replayDeadLetter({ ...request, confirmResend: true }, settling);
    expect(await replays()).toMatchObject([{ details: { resendConfirmed: true } }]);
    const again = sendNotification(due, deps);
    await expect.poll(() => calls.length).toBe(2);
    answer();
    expect((await again).outcome).toBe("sent");
    calls[0]?.yes();
    await lost;
  });

  it("keeps its key when it is, because the service may know it yet", async () => {
    const { keys, calls, lost, answer, due, deps, settling } = await unconfirmed();
    await replayDeadLetter({ ...(await letterOf()), confirmResend: true }, settling);
    const again = sendNotification(due, deps);
    await expect.poll(() => keys.length).toBe(2);
    answer();
    await again;
    expect(keys).toEqual([due.noticeId, due.noticeId]);
    calls[0]?.yes();
    await lost;
  });

  it("is another thing than one that was refused: that is replayed unasked, however old", async () => {
    const { clock, settling } = await refusedNotice();
    clock.advance(3 * DAY_MS);
    const request = await letterOf();
    expect(await replayDeadLetter(request, settling)).toMatchObject({ kind: "replaying" });
    expect(await replays()).toEqual([{ details: { reason: "a test", runId: expect.any(String) } }]);
  });
});

describe("a notice's timer", () => {
  it("completes the message that woke it in its own statement", async () => {
    const { calls, clock, deps, due, settling } = await refusedNotice();
    await replayDeadLetter(await letterOf(), settling);
    const second = sendNotification(due, deps);
    await expect.poll(() => calls.length).toBe(2);
    calls[1]?.no(new Transient("channel_unavailable"));
    await expect(second).rejects.toThrow("channel_unavailable");
    await w.rows("DELETE FROM outbox WHERE message ->> 'type' <> 'timer.due.v1'");
    const [row, ...more] = await w.rows("SELECT id FROM outbox ORDER BY due_at DESC");
    expect(more).toHaveLength(1); // of the time before it was replayed
    clock.advance(23 * 3_600_000);
    const [timer] = await w.rows("SELECT id FROM timer");
    const kept = await readTimer(w.database, String(timer?.id));
    if (kept === null) throw new Error("no timer");
    const before = w.database.query;
    const texts: string[] = [];
    const database: Database = {
      ...w.database,
      query: (text, values) => {
        texts.push(text);
        return before(text, values);
      },
    };
    const woken = { requestId: "req_test", outboxId: String(row?.id) };
    expect(await runTimer(kept, { ...deps, ...noticeTimers, database }, woken)).toBe("ran");
    expect(texts).toHaveLength(2); // load, and one statement
    expect(await w.rows("SELECT id FROM outbox WHERE id = $1", [row?.id])).toEqual([]);
    expect(await notice()).toMatchObject({ status: "unknown" });
  });
});
