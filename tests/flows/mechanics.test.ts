import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type House, openHouse } from "../support/house.js";

/** Small, so that a body of a few kilobytes is too large for the queue. */
const QUEUE_BYTES_MAX = 4_000;

let h: House;
let db: pg.Client;
beforeAll(async () => {
  h = await openHouse({ QSTASH_BODY_BYTES_MAX: String(QUEUE_BYTES_MAX) });
  db = new pg.Client({ connectionString: h.databaseUrl });
  await db.connect();
});
afterAll(async () => {
  await db.end();
  await h.close();
});
afterEach(() => {
  h.qstash.clearFaults();
  h.slack.clearFaults();
  h.resend.clearFaults();
});

type Row = Record<string, unknown>;
const sql = async (text: string, values: unknown[] = []): Promise<Row[]> =>
  (await db.query<Row>(text, values)).rows;

/** QStash's own API, as its console would use it. */
const qstash = async (method: string, path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${h.qstash.url}${path}`, {
    method,
    ...init,
    headers: { authorization: `Bearer ${h.env.QSTASH_TOKEN}`, ...init.headers },
  });

async function accepted(source: string, name: string, ask = {}): Promise<string> {
  const response = await h.post(source, name, ask);
  const body = (await response.json()) as { status: string; eventKey: string };
  expect([response.status, body.status]).toEqual([202, "accepted"]);
  return body.eventKey;
}
const eventOf = async (eventKey: string): Promise<Row | undefined> =>
  (await h.list("events")).find((event) => event.eventKey === eventKey);
const noticesOf = async (event: Row | undefined): Promise<Row[]> =>
  (await h.list("notifications")).filter(
    ({ eventId, channel }) => eventId === event?.id && channel !== "email",
  );
const mailsOf = async (event: Row | undefined): Promise<Row[]> =>
  (await h.list("notifications")).filter(
    ({ eventId, channel }) => eventId === event?.id && channel === "email",
  );

/** An issue of a service of its own, so that it is an incident of its own, which is told once. */
const accident = (uniqueId: string): Promise<string> =>
  accepted("sentry", "issue-created", {
    uniqueId,
    set: { "data.issue.project.slug": uniqueId, "data.issue.level": "warning" },
  });

describe("the signed facts header", () => {
  it("is not believed when the door did not make it, and whoever tried becomes visible", async () => {
    const forged = { source: "stripe", eventKey: "evt_forged", type: "payment_intent.succeeded" };
    const payload = Buffer.from(JSON.stringify({ v: 1, ...forged })).toString("base64url");
    const mac = randomBytes(32).toString("base64url");
    const published = await qstash("POST", `/v2/publish/${h.url}/api/queues/events`, {
      headers: {
        "upstash-forward-signalbox-delivery": `v1.${payload}.${mac}`,
        "upstash-label": "signalbox",
        "upstash-retries": "0",
      },
      body: "{}",
    });
    const { messageId } = (await published.json()) as { messageId: string };
    await h.rest();
    await h.cron("sweep");
    expect(await eventOf("evt_forged")).toBeUndefined();
    const letters = await h.list("dead-letters");
    const letter = letters.find(({ event }) => (event as Row).eventKey === `message:${messageId}`);
    expect(letter).toMatchObject({ status: "open", code: "forged_message" });
    expect((await h.qstash.state()).dlq).toBe(0);
  });
});

describe("a message that no version of ours reads", () => {
  it("becomes a dead letter that says so, and not one that cries forgery", async () => {
    const published = await qstash("POST", `/v2/publish/${h.url}/api/queues/timers`, {
      headers: { "upstash-label": "signalbox", "upstash-retries": "0" },
      body: JSON.stringify({ type: "timer.due.v99" }),
    });
    const { messageId } = (await published.json()) as { messageId: string };
    await h.rest();
    await h.cron("sweep");
    const letters = await h.list("dead-letters");
    const letter = letters.find(({ event }) => (event as Row).eventKey === `message:${messageId}`);
    expect(letter).toMatchObject({ status: "open", code: "worker_refused" });
    expect(letter?.message).toContain("unreadable_message");
  });
});

describe("hashed deduplication ids", () => {
  it("are what the queue is given, because QStash refuses a colon and a header takes ASCII only", async () => {
    // An end whose beginning never came: it opens no incident, whose clock would disturb what follows.
    const eventKey = await accepted("better-stack", "incident-resolved", { uniqueId: "dédup" });
    expect(eventKey).toContain(":");
    const again = await h.post("better-stack", "incident-resolved", { uniqueId: "dédup" });
    expect([again.status, await again.json()]).toMatchObject([200, { status: "duplicate" }]);
    await h.rest();
  });
});

/** Until QStash has tried a message for the last time. */
async function untilGivenUp(): Promise<void> {
  await h.rest();
  for (let attempt = 0; attempt < 4; attempt += 1) {
    await h.qstash.setClock({ advanceMs: 300_000 });
    await h.rest();
  }
}

describe("the re-drive from QStash's DLQ by label", () => {
  let theirs: string | undefined;
  beforeAll(async () => {
    await qstash("POST", `/v2/publish/${h.url}/nowhere`, {
      headers: { "upstash-label": "somebody-else", "upstash-retries": "0" },
      body: "theirs",
    });
    await h.rest();
  });
  afterAll(async () => {
    await qstash("DELETE", `/v2/dlq/${theirs}`);
  });
  afterEach(async () => {
    const page = (await (await qstash("GET", "/v2/dlq")).json()) as { messages: Row[] };
    expect(page.messages.map(({ label }) => label)).toEqual(["somebody-else"]);
    theirs = String(page.messages[0]?.dlqId);
  });

  it("publishes anew what failed for want of the database, and leaves another deployment's entry", async () => {
    const [{ name } = { name: "" }] = await sql("SELECT current_database() AS name");
    await db.query(`ALTER DATABASE ${name} CONNECTION LIMIT 0`);
    await sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()",
      [name],
    );
    const eventKey = await accepted("vercel", "deployment-created", { uniqueId: "redriven" });
    await untilGivenUp();
    expect((await h.qstash.state()).dlq, "ours and theirs").toBe(2);
    await db.query(`ALTER DATABASE ${name} CONNECTION LIMIT -1`);
    expect(await (await h.cron("sweep")).json()).toMatchObject({ deadMessages: { redriven: 1 } });
    await h.rest();
    expect(await eventOf(eventKey)).toMatchObject({ status: "processed", attempts: 1 });
  });

  it("is not for a defect: that goes to a person, whose replay ends it", async () => {
    await db.query("ALTER TABLE deployment RENAME TO deployment_elsewhere");
    const eventKey = await accepted("vercel", "deployment-created", { uniqueId: "dlq" });
    await untilGivenUp();
    await db.query("ALTER TABLE deployment_elsewhere RENAME TO deployment");
    // A defect is buried by the sweep that the failure callback asked for: a person sees it, and replays.
    expect(await eventOf(eventKey)).toMatchObject({ status: "dead", source: "vercel" });
    const letter = (await h.list("dead-letters")).find(
      ({ event }) => (event as Row).eventKey === eventKey,
    );
    const body = JSON.stringify({ reason: "the table is back" });
    await h.admin(`dead-letters/${letter?.id}/replay`, { method: "POST", body });
    await h.rest();
    expect(await eventOf(eventKey)).toMatchObject({ status: "processed" });
  });
});

describe("run ids on replay", () => {
  it("are fresh, so that the queue's ten minutes swallow no replay, not even the second one", async () => {
    const set = { "data.object.id": "null" };
    const eventKey = await accepted("stripe", "payment-succeeded", { uniqueId: "replayed", set });
    await h.rest();
    const event = await eventOf(eventKey);
    expect(event).toMatchObject({ status: "dead", attempts: 1 });
    const [letter] = (await h.list("dead-letters")).filter(({ eventId }) => eventId === event?.id);
    for (const attempts of [2, 3]) {
      const body = JSON.stringify({ reason: `try ${attempts}` });
      await h.admin(`dead-letters/${letter?.id}/replay`, { method: "POST", body });
      await h.rest();
      expect(await eventOf(eventKey)).toMatchObject({ status: "dead", attempts });
    }
    const replays = (await h.list("audit")).filter(
      ({ action, subject }) => action === "dead_letter.replayed" && subject === letter?.id,
    );
    const runs = replays.map(({ details }) => (details as Row).runId);
    expect(new Set(runs).size).toBe(2);
  });
});

const NOTICES_IN_OUTBOX =
  "SELECT * FROM outbox WHERE message ->> 'type' = 'notice.due.v1' AND message ->> 'channel' = 'slack'";

describe("the outbox completed by its receiver", () => {
  it("keeps no row of a notice that was sent", async () => {
    const eventKey = await accident("outbox");
    await h.rest();
    expect(await noticesOf(await eventOf(eventKey))).toMatchObject([{ status: "sent", calls: 1 }]);
    expect(await sql(NOTICES_IN_OUTBOX)).toEqual([]);
  });

  it("is published by the sweep when the relay failed, at once when the queue is back", async () => {
    const eventKey = await accident("relay");
    h.qstash.addFault({ kind: "refuse", status: 500, url: "/api/queues/notifications" });
    await h.rest();
    const [row] = await sql(NOTICES_IN_OUTBOX);
    expect(row).toMatchObject({ publishes: 0 });
    await h.cron("relay");
    expect(await sql(NOTICES_IN_OUTBOX), "before its grace is over nothing is swept").toHaveLength(
      1,
    );
    await db.query("UPDATE outbox SET due_at = now() - interval '1 second' WHERE id = $1", [
      row?.id,
    ]);
    for (let sweep = 0; sweep < 3; sweep += 1) {
      expect((await h.cron("relay")).status, "the queue is still down").toBe(503);
    }
    expect(await sql(NOTICES_IN_OUTBOX)).toMatchObject([{ id: row?.id, publishes: 0 }]);
    h.qstash.clearFaults();
    expect(await (await h.cron("relay")).json()).toMatchObject({ outbox: 1 });
    await h.rest();
    expect(await noticesOf(await eventOf(eventKey))).toMatchObject([{ status: "sent", calls: 1 }]);
  });
});

describe("a message about what is kept no more", () => {
  const outboxId = "out_gone";
  const common = { runId: "run_gone", requestId: "req_gone", outboxId };
  it.each([
    ["notifications", { type: "notice.due.v1", noticeId: "ntc_gone", channel: "slack" }],
    ["events", { type: "event.replay.v1", eventId: "evt_gone" }],
    ["timers", { type: "timer.due.v1", timerId: "tmr_gone", dueAt: 0 }],
  ])("is completed by %s as gone, and becomes no dead letter", async (queue, message) => {
    const letters = (await h.list("dead-letters")).length;
    await sql(
      "INSERT INTO outbox (id, message, created_at, due_at) VALUES ($1, $2, now(), now())",
      [outboxId, message],
    );
    await qstash("POST", `/v2/publish/${h.url}/api/queues/${queue}`, {
      headers: { "upstash-label": "signalbox", "upstash-retries": "0" },
      body: JSON.stringify({ ...message, ...common }),
    });
    await h.rest();
    expect(await sql("SELECT id FROM outbox WHERE id = $1", [outboxId])).toEqual([]);
    expect((await h.qstash.state()).dlq).toBe(0);
    expect(await h.list("dead-letters")).toHaveLength(letters);
  });
});

describe("a delivery that the queue does not take", () => {
  it("is spilled to KV and answered 202, and published by the sweep", async () => {
    h.qstash.addFault({ kind: "refuse", status: 500 });
    const eventKey = await accepted("stripe", "payment-canceled", { uniqueId: "spilled" });
    await accepted("stripe", "payment-canceled", { uniqueId: "spilled" }); // again, in the place of the first
    await h.rest();
    expect(await eventOf(eventKey)).toBeUndefined();
    h.qstash.clearFaults();
    expect(await (await h.cron("relay")).json()).toMatchObject({ spills: 1 });
    await h.rest();
    expect(await eventOf(eventKey)).toMatchObject({ status: "processed", attempts: 1 });
    expect(await (await h.cron("relay")).json()).toMatchObject({ spills: 0 });
  });
});

describe("a body too large for the queue", () => {
  const bodyOf = async (event: Row | undefined): Promise<string> => {
    const rows = await sql("SELECT body FROM event_body WHERE event_id = $1", [event?.id]);
    return String(rows[0]?.body); // a Buffer, as UTF-8
  };
  const kv = async (...command: string[]): Promise<unknown> => {
    const headers = { authorization: `Bearer ${h.env.KV_REST_API_TOKEN}` };
    const body = JSON.stringify(command);
    const answer = await fetch(h.kv.url, { method: "POST", headers, body });
    return ((await answer.json()) as { result: unknown }).result;
  };

  it("travels gzipped when that makes it fit", async () => {
    const text = "the same again ".repeat(2_000);
    const set = { "data.object.description": text };
    const eventKey = await accepted("stripe", "payment-canceled", { uniqueId: "zipped", set });
    expect(await kv("KEYS", "body:*")).toEqual([]);
    await h.rest();
    const event = await eventOf(eventKey);
    expect(event).toMatchObject({ status: "processed" });
    expect(await bodyOf(event)).toContain(text);
  });

  it("travels by claim check when it does not, and leaves nothing in KV", async () => {
    const text = randomBytes(2 * QUEUE_BYTES_MAX).toString("base64"); // no gzip makes it small
    const set = { "data.object.description": text };
    h.qstash.addFault({ kind: "delay", delayMs: 60_000 });
    const eventKey = await accepted("stripe", "payment-canceled", { uniqueId: "claimed", set });
    const keys = (await kv("KEYS", "body:*")) as string[];
    expect(keys).toHaveLength(1);
    expect(Number(await kv("PTTL", keys[0] ?? ""))).toBeGreaterThan(14 * 86_400_000);
    await h.qstash.flush();
    await h.rest();
    const event = await eventOf(eventKey);
    expect(event).toMatchObject({ status: "processed" });
    expect(await bodyOf(event)).toContain(text);
    expect(await kv("KEYS", "body:*")).toEqual([]);
  });
});

describe("a notice", () => {
  it("is not sent by a second worker while the first one's lease holds", async () => {
    h.slack.fault({ kind: "drop", when: "after" });
    const eventKey = await accident("leased");
    await h.rest();
    const [notice] = await noticesOf(await eventOf(eventKey));
    expect(notice).toMatchObject({ status: "sending", calls: 1 });
    // As after a crash in the call: nobody released the lease.
    const held = "UPDATE notice SET lease_until = now() + interval '1 minute' WHERE id = $1";
    await sql(held, [notice?.id]);
    await h.qstash.setClock({ advanceMs: 11_000 });
    await h.rest();
    expect((await noticesOf(await eventOf(eventKey)))[0]).toMatchObject({ calls: 1 });
    await sql("UPDATE notice SET lease_until = now() - interval '1 second' WHERE id = $1", [
      notice?.id,
    ]);
    await h.qstash.setClock({ advanceMs: 61_000 }); // as long as the worker asked the queue to wait
    await h.rest();
    const [sent] = await noticesOf(await eventOf(eventKey));
    expect(sent).toMatchObject({ status: "sent", calls: 2 });
    const entry = (await h.list("audit")).find(
      ({ action, subject }) => action === "notice.sent" && subject === notice?.id,
    );
    expect(entry?.details, "Slack can't tell, so we do").toMatchObject({ mayBeTwice: true });
  });

  it("is given up after 23 hours by its timer, for a person, who may send it after all", async () => {
    h.resend.fault({ kind: "status", status: 500, times: "always" });
    const eventKey = await accepted("stripe", "payment-succeeded", { uniqueId: "given-up" });
    await h.rest();
    const [notice] = await mailsOf(await eventOf(eventKey));
    expect(notice).toMatchObject({ status: "sending", calls: 1 });
    const [timer] = await sql("SELECT * FROM timer WHERE subject = $1", [notice?.id]);
    const hours = Number(timer?.due_at) - Date.parse(String(notice?.firstCalledAt));
    expect(Math.round(hours / 3_600_000)).toBe(23);
    await sql("UPDATE notice SET first_called_at = now() - interval '23 hours' WHERE id = $1", [
      notice?.id,
    ]);
    await sql("UPDATE timer SET due_at = now() - interval '1 second' WHERE id = $1", [timer?.id]);
    expect(await (await h.cron("relay")).json()).toMatchObject({ timers: 1 });
    expect((await mailsOf(await eventOf(eventKey)))[0]).toMatchObject({ status: "unknown" });
    const letter = (await h.list("dead-letters")).find(({ noticeId }) => noticeId === notice?.id);
    expect(letter).toMatchObject({ status: "open", code: "notice_unconfirmed" });
    h.resend.clearFaults();
    const replay = `dead-letters/${letter?.id}/replay`;
    const reason = "it is not in the mailbox";
    await expect(
      h.admin(replay, { method: "POST", body: JSON.stringify({ reason }) }),
      "its service has forgotten the key, so a person is asked first",
    ).rejects.toThrow("409");
    const body = JSON.stringify({ reason, confirmResend: true });
    await h.admin(replay, { method: "POST", body });
    await h.qstash.setClock({ advanceMs: 60_000 });
    await h.rest();
    expect((await mailsOf(await eventOf(eventKey)))[0]).toMatchObject({ status: "sent" });
  });
});
