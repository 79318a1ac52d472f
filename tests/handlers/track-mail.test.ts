import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Channel, ChannelReceipt, Channels } from "../../src/channels/channel.js";
import { Permanent } from "../../src/domain/errors.js";
import { joinOutcome, type MailOutcome, type NoticeStatus } from "../../src/domain/notice.js";
import { runEvent } from "../../src/handlers/run-event.js";
import { failNotice, sendNotification } from "../../src/handlers/send-notification/index.js";
import { replayDeadLetter } from "../../src/operations/settle-dead-letter.js";
import type { Database } from "../../src/store/database.js";
import { recipientHash, recipientHashSql } from "../../src/store/recipient-hash.js";
import { runDeps, sampleRun } from "../support/events.js";
import { countingIds, stillClock } from "../support/fakes.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

let w: StoreWorld;
beforeEach(async () => {
  w = await storeWorld();
});
afterEach(async () => {
  await w.close();
});

const MAIL = "em_1";

/** A channel that answers when the test says, with the mail's id. */
function heldMail() {
  const answers: ((receipt: ChannelReceipt) => void)[] = [];
  const channel: Channel = {
    id: "email",
    configured: true,
    atLeastOnce: false,
    timeoutMs: 10_000,
    render: () => Promise.resolve({ subject: "Paid" }),
    send: () => new Promise<ChannelReceipt>((resolve) => answers.push(resolve)),
  };
  const people = { email: channel, slack: channel, pagerduty: channel, sms: channel };
  const channels: Channels = { ...people, platform: channel, status_page: channel };
  return { answers, channels };
}

/** Runs of one id each, as every message of the queue has one. */
let runs = 0;
async function pay(uniqueId: string, email = "buyer@example.com"): Promise<string> {
  const set = { "data.object.receipt_email": email };
  const ids = countingIds(`p${runs++}`);
  const run = await sampleRun("stripe", "payment-succeeded", { uniqueId, set });
  const { outbox } = await runEvent(run, { ...runDeps(w), ids });
  const message = outbox.map((row) => row.message).find(({ type }) => type === "notice.due.v1");
  if (message?.type !== "notice.due.v1") throw new Error("no notice is due");
  return message.noticeId;
}

async function report(name: string, set: Record<string, string> = {}) {
  const uniqueId = `r${runs++}`;
  const told = { "data.email_id": MAIL, created_at: `2026-11-21T08:00:0${runs % 10}Z`, ...set };
  const run = await sampleRun("resend", name, { uniqueId, set: told });
  const result = await runEvent(run, { ...runDeps(w), ids: countingIds(uniqueId) });
  const [event] = await w.rows(`SELECT trace FROM event WHERE id = '${result.eventId}'`);
  const { reasons } = (event as { trace: { reasons: string[] } }).trace;
  return { ...result, reasons };
}

function send(noticeId: string) {
  const { answers, channels } = heldMail();
  const deps = {
    ...runDeps(w),
    clock: stillClock(w.ctx.now),
    ids: countingIds(`s${runs++}`),
    channels,
  };
  const sending = sendNotification({ noticeId, outboxId: "out_none", requestId: "req" }, deps);
  const called = async (): Promise<(receipt: ChannelReceipt) => void> => {
    await expect.poll(() => answers.length).toBe(1);
    return answers[0] as (receipt: ChannelReceipt) => void;
  };
  return { sending, called, answers };
}

async function sent(uniqueId: string, vendorId = MAIL): Promise<string> {
  const noticeId = await pay(uniqueId);
  const { sending, called } = send(noticeId);
  (await called())({ vendorId });
  expect((await sending).outcome).toBe("sent");
  return noticeId;
}

const noticeOf = async (id: string) =>
  (await w.rows(`SELECT status, vendor_id, error_code FROM notice WHERE id = '${id}'`))[0];
const actionsOf = async (id: string): Promise<unknown[]> =>
  (await w.rows(`SELECT action FROM audit_entry WHERE subject = '${id}' ORDER BY at, id`)).map(
    ({ action }) => action,
  );
const suppressions = () =>
  w.rows("SELECT recipient_hash, reason, event_id FROM suppression ORDER BY reason");

describe("a report of a mail", () => {
  it("sets the status of its notice, and says so in the audit trail", async () => {
    const id = await sent("one");
    expect((await report("email-delivered")).outcome).toBe("processed");
    expect(await noticeOf(id)).toEqual({ status: "delivered", vendor_id: MAIL, error_code: null });
    expect(await actionsOf(id)).toContain("notice.delivered");
    await report("email-delivered");
    expect(await actionsOf(id)).toContain("notice.confirmed");
    expect(await suppressions()).toEqual([]);
  });

  it("names what went wrong, and adds nobody to the list who may still be written to", async () => {
    const id = await sent("one");
    for (const name of ["email-bounced-for-now", "email-failed", "email-suppressed"]) {
      await report(name);
    }
    expect(await noticeOf(id)).toMatchObject({
      status: "bounced",
      error_code: "notice_undelivered",
    });
    expect(await suppressions()).toEqual([]);
  });

  it("of a mail that is not ours is processed, and says why nothing came of it", async () => {
    const { outcome, reasons } = await report("email-bounced");
    expect([outcome, reasons]).toEqual(["processed", ["no notice here is this mail"]]);
    expect(await suppressions()).toEqual([]);
  });

  it("that comes before the service's answer is that answer, once", async () => {
    const id = await pay("one");
    const { sending, called } = send(id);
    const answer = await called();
    await report("email-delivered", { "data.tags.notice": id });
    expect(await noticeOf(id)).toMatchObject({ status: "delivered", vendor_id: MAIL });
    answer({ vendorId: MAIL });
    expect((await sending).outcome).toBe("sent");
    expect(await noticeOf(id)).toMatchObject({ status: "delivered", vendor_id: MAIL });
    const entries = await actionsOf(id);
    expect(entries.filter((action) => action === "notice.sent")).toHaveLength(1);
    expect(await w.rows("SELECT status FROM timer")).toEqual([{ status: "done" }]);
  });

  it("of an earlier mail of the notice leaves what became of the later one", async () => {
    const id = await sent("one", "em_later");
    const { reasons } = await report("email-bounced", { "data.tags.notice": id });
    expect(reasons).toContain(`notice ${id} was sent again since, as another mail`);
    expect(await noticeOf(id)).toMatchObject({ status: "sent", vendor_id: "em_later" });
    expect(await suppressions()).toHaveLength(1);
  });
});

describe("a mail that will not arrive", () => {
  const letters = () => w.rows("SELECT id, notice_id, status, code, deaths FROM dead_letter");
  const settling = (n: number) => ({
    ...runDeps(w),
    ids: countingIds(`d${n}`),
    relay: () => Promise.resolve(),
  });

  it.each([["email-failed"], ["email-bounced"]])(
    "becomes a dead letter, once: %s of what its reader is owed",
    async (name) => {
      const id = await sent("one");
      for (let i = 0; i < 2; i += 1) await report(name);
      expect(await letters()).toMatchObject([
        { notice_id: id, status: "open", code: "notice_undelivered", deaths: 1 },
      ]);
    },
  );

  it("goes the next way where its policy has one, once", async () => {
    const id = await sent("one");
    const instead = JSON.stringify([{ channel: "sms", recipient: "+66800000001" }]);
    await w.rows("UPDATE notice SET instead = $2 WHERE id = $1", [id, instead]);
    for (let i = 0; i < 2; i += 1) await report("email-bounced");
    const others =
      "SELECT channel, recipient, status, data ->> 'insteadOf' AS instead_of FROM notice";
    expect(await w.rows(`${others} WHERE id <> $1`, [id])).toEqual([
      { channel: "sms", recipient: "+66800000001", status: "pending", instead_of: "email" },
    ]);
  });

  it("is nobody's business after a bounce for now, or of a mail that one may do without", async () => {
    await sent("one");
    await report("email-bounced-for-now");
    await w.rows("UPDATE notice SET template = 'entitlement-expiring'");
    await report("email-bounced");
    expect(await letters()).toEqual([]);
  });

  it("says so on the letter that was open because nobody knew whether it was taken", async () => {
    const id = await pay("one");
    const error = new Permanent("notice_unconfirmed");
    await failNotice({ noticeId: id, requestId: "r" }, error, {
      ...settling(0),
      channels: heldMail().channels,
    });
    await report("email-failed", { "data.tags.notice": id });
    expect(await letters()).toMatchObject([
      { status: "open", code: "notice_undelivered", deaths: 2 },
    ]);
  });

  it("goes as another mail when it is replayed: by its old key the service would send nothing", async () => {
    const id = await sent("one");
    await report("email-failed");
    const [letter] = await letters();
    const request = { id: String(letter?.id), reason: "a test", actor: "admin" };
    expect(await replayDeadLetter(request, settling(1))).toMatchObject({ kind: "replaying" });
    const keys: string[] = [];
    const { channels } = heldMail();
    const email: Channel = {
      ...channels.email,
      send: async ({ idempotencyKey }) => ({ vendorId: `em_${keys.push(idempotencyKey) + 1}` }),
    };
    const deps = { ...settling(2), channels: { ...channels, email } };
    const due = { noticeId: id, outboxId: "out_none", requestId: "req" };
    expect((await sendNotification(due, deps)).outcome).toBe("sent");
    expect(keys).toEqual([`${id}-1`]);
    expect(await letters()).toMatchObject([{ status: "resolved" }]);
    await report("email-failed"); // the first mail's again
    expect(await noticeOf(id)).toMatchObject({ status: "sent", vendor_id: "em_2" });
    await report("email-failed", { "data.email_id": "em_2" });
    expect(await letters()).toMatchObject([{ status: "open", deaths: 2 }]);
  });
});

describe("a recipient whose mail bounced for good or was called spam", () => {
  it("is kept by a hash, once for each reason, and gets no mail any more", async () => {
    await sent("one");
    for (const name of ["email-bounced", "email-bounced", "email-complained"]) await report(name);
    const hash = recipientHash("buyer@example.com");
    expect(await suppressions()).toEqual([
      { recipient_hash: hash, reason: "bounced", event_id: expect.any(String) },
      { recipient_hash: hash, reason: "complained", event_id: expect.any(String) },
    ]);
    const next = await pay("two", "Buyer@Example.com");
    const { sending, answers } = send(next);
    expect((await sending).outcome).toBe("suppressed");
    expect(answers).toEqual([]);
    expect(await noticeOf(next)).toEqual({
      status: "suppressed",
      vendor_id: null,
      error_code: "recipient_suppressed",
    });
    expect(await actionsOf(next)).toContain("notice.suppressed");
    const other = send(await pay("three", "somebody@example.com"));
    (await other.called())({ vendorId: "em_3" });
    expect((await other.sending).outcome).toBe("sent");
  });

  it("gets none either when it came to that between a mail's load and its reserve", async () => {
    await sent("one");
    const noticeId = await pay("two");
    const { channels } = heldMail();
    let calls = 0;
    const send = async () => ({ vendorId: `em_${++calls}` });
    let reports = 0;
    const database: Database = {
      ...w.database,
      async query(text, values) {
        if (text.startsWith("WITH") && reports++ === 0) await report("email-complained");
        return w.database.query(text, values);
      },
    };
    const answering = { ...channels, email: { ...channels.email, send } };
    const deps = { ...runDeps(w), database, ids: countingIds("race"), channels: answering };
    const due = { noticeId, outboxId: "out_none", requestId: "req" };
    expect((await sendNotification(due, deps)).outcome).toBe("suppressed");
    expect([calls, reports]).toEqual([0, 2]);
    expect(await noticeOf(noticeId)).toMatchObject({ status: "suppressed" });
  });

  it("has the same hash in Postgres, whatever letters the address has", async () => {
    const letters = fc.string({ unit: "grapheme", minLength: 1 });
    const address = letters.filter((text) => text.isWellFormed() && !text.includes("\u0000"));
    await fc.assert(
      fc.asyncProperty(address, async (given) => {
        const text = `'${given.replaceAll("'", "''")}'`;
        const [row] = await w.rows(`SELECT ${recipientHashSql(text)} AS hash`);
        expect(row?.hash).toBe(recipientHash(given));
      }),
      { numRuns: 50, examples: [["İÄÖ@EXAMPLE.com"], ["ผู้ซื้อ@Example.COM"]] },
    );
  });
});

describe("reports of one mail", () => {
  const outcome = fc.constantFrom<MailOutcome>(
    "delivered",
    "suppressed",
    "failed",
    "bounced",
    "complained",
  );
  const joined = (start: NoticeStatus, reports: readonly MailOutcome[]): NoticeStatus =>
    reports.reduce((status, one) => joinOutcome({ status, vendorId: MAIL }, one), start);

  it("come to the same status in any order and however often they come", () => {
    const orders = fc
      .array(outcome, { minLength: 1 })
      .chain((all) =>
        fc.tuple(
          fc.constant(all),
          fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 }),
        ),
      );
    fc.assert(
      fc.property(orders, ([all, shuffled]) => {
        expect(joined("sent", shuffled)).toBe(joined("sent", all));
      }),
    );
  });

  it("never take a complaint back, nor what a person has discarded", () => {
    fc.assert(
      fc.property(fc.array(outcome), (all) => {
        expect(joined("sent", [...all, "complained", ...all])).toBe("complained");
        expect(joined("discarded", all)).toBe("discarded");
      }),
    );
  });

  it("are the first word of a notice that our own call gave up", () => {
    const failed = { status: "failed" as const, vendorId: null };
    expect(joinOutcome(failed, "delivered")).toBe("delivered");
    expect(joinOutcome({ ...failed, vendorId: MAIL }, "delivered")).toBe("failed");
  });
});
