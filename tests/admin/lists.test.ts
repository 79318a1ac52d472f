import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, type AdminWorld, adminWorld } from "./world.js";

interface Row {
  id: string;
  [field: string]: unknown;
}

let w: AdminWorld;
let dead: string;

const ISO = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const list = async (path: string): Promise<Row[]> =>
  (await w.json<{ data: Row[] }>(`/api/admin/${path}`)).data;
const one = async (path: string): Promise<Row> =>
  (await w.json<{ data: Row }>(`/api/admin/${path}`)).data;

beforeAll(async () => {
  w = await adminWorld();
  await w.deliver({ source: "stripe", sample: "payment-succeeded" });
  w.clock.advance(1_000);
  await w.deliver({ source: "stripe", sample: "checkout-completed" });
  await w.deliver({ source: "stripe", sample: "checkout-completed" });
  w.clock.advance(1_000);
  await w.deliver({ source: "sentry", sample: "issue-created" });
  await w.deliver({ source: "vercel", sample: "deployment-succeeded" });
  w.clock.advance(1_000);
  dead = (await w.deliver({ source: "stripe", sample: "payment-failed", body: "{" })).eventId;
});
afterAll(() => w.close());

describe("events", () => {
  it("are listed the newest first, in the words of the issue", async () => {
    const events = await list("events");
    expect(events.map(({ source, status }) => [source, status])).toEqual([
      ["stripe", "dead"],
      ["vercel", "processed"],
      ["sentry", "processed"],
      ["stripe", "processed"],
      ["stripe", "processed"],
    ]);
    expect(events[3]).toEqual({
      id: expect.stringMatching(/^evt_/),
      source: "stripe",
      type: "checkout.session.completed",
      eventKey: expect.stringContaining("evt_sample"),
      status: "processed",
      requestId: "req_msg_2",
      occurredAt: ISO,
      receivedAt: "2026-11-21T03:00:01.000Z",
      processedAt: "2026-11-21T03:00:01.000Z",
      attempts: 1,
      duplicates: 1,
      error: null,
      trace: expect.objectContaining({ verifiedBy: "STRIPE_WEBHOOK_SECRET" }),
    });
  });

  it("say why they are dead", async () => {
    expect(await list("events?status=dead")).toMatchObject([
      {
        id: dead,
        attempts: 1,
        error: { code: "unreadable_body", message: expect.stringContaining("not JSON") },
      },
    ]);
  });

  it("are narrowed by source, type, key and request id", async () => {
    expect(await list("events?source=sentry")).toHaveLength(1);
    expect(await list("events?type=payment_intent.succeeded")).toHaveLength(1);
    expect(await list("events?requestId=req_msg_1")).toHaveLength(1);
    const [event] = await list("events?source=vercel");
    const key = encodeURIComponent(String(event?.eventKey));
    expect(await list(`events?eventKey=${key}&source=vercel`)).toEqual([event]);
    expect(await list("events?source=better-stack")).toEqual([]);
  });

  it("tell one by one what became of them", async () => {
    const [first] = await list("events?requestId=req_msg_1");
    const event = await one(`events/${first?.id}`);
    expect(event).toMatchObject({
      ...first,
      attemptLog: [{ id: "msg_1", outcome: "processed", error: null, durationMs: 0 }],
      deadLetter: null,
      notifications: [{ channel: "email", template: "payment-received", status: "pending" }],
    });
    const actions = (event.audit as Row[]).map(({ action }) => action);
    expect(actions.toSorted()).toEqual([
      "entitlement.granted",
      "event.processed",
      "notice.planned",
      "payment.recorded",
    ]);
    expect(await one(`events/${dead}`)).toMatchObject({
      deadLetter: { eventId: dead, status: "open", deaths: 1 },
    });
  });

  it("hand out their bytes as they came, as a download", async () => {
    const answer = await w.ask(`/api/admin/events/${dead}/body`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("application/octet-stream");
    expect(answer.headers.get("content-disposition")).toBe(`attachment; filename="${dead}.body"`);
    expect(await answer.text()).toBe("{");
  });

  it("say that their bytes are kept no more, as of one that there never was nothing is", async () => {
    const [event] = await list("events?source=vercel");
    const path = `events/${event?.id}`;
    expect(await one(path)).toMatchObject({ bodyKept: true });
    await w.database.query("DELETE FROM event_body WHERE event_id = $1", [event?.id]);
    expect(await one(path)).toMatchObject({ bodyKept: false });
    const refused = async (of: string) => {
      const answer = await w.ask(`/api/admin/${of}/body`);
      return [answer.status, ((await answer.json()) as { detail: string }).detail];
    };
    expect(await refused(path)).toEqual([
      404,
      `The bytes of ${event?.id} are kept no more: see retention.bodyDays of the policy.`,
    ]);
    expect(await refused("events/evt_none")).toEqual([404, "There is no event evt_none."]);
  });
});

describe("the effects", () => {
  it("payments name the events that touched them, and their amount as a decimal too", async () => {
    const [payment, ...more] = await list("payments");
    expect(more).toEqual([]);
    const events = (await list("events?source=stripe&status=processed")).map(({ id }) => id);
    expect(payment).toMatchObject({
      id: expect.stringMatching(/^pay_/),
      externalId: expect.stringContaining("pi_sample_purchase"),
      state: "succeeded",
      amountMinor: 199900,
      refundedMinor: 0,
      currency: "THB",
      amount: "1999.00",
      refunded: "0.00",
      eventIds: events.toReversed(),
      account: "",
      livemode: false,
      userRef: "user_sample_1",
      failure: null,
      paidAt: ISO,
      stateAsOf: ISO,
    });
    expect(await list(`payments?externalId=${payment?.externalId}`)).toEqual([payment]);
    const { packageRef, livemode } = payment as unknown as Record<string, unknown>;
    const since = (at: string) => `since=${encodeURIComponent(at)}`;
    for (const same of [
      `packageRef=${packageRef}`,
      "currency=thb",
      `livemode=${livemode}`,
      since("2020-01-01T00:00:00Z"),
    ]) {
      expect([same, await list(`payments?${same}`)]).toEqual([same, [payment]]);
    }
    for (const other of [
      ...["failed", "action_required", "processing", "authorized", "unknown"].map(
        (state) => `state=${state}`,
      ),
      "packageRef=other",
      `livemode=${!livemode}`,
      since("2999-01-01T00:00:00Z"),
    ]) {
      expect([other, await list(`payments?${other}`)]).toEqual([other, []]);
    }
    const detail = await one(`payments/${payment?.id}`);
    expect(detail).toMatchObject({ ...payment, entitlement: { status: "active" } });
    expect(detail.audit).not.toEqual([]);
  });

  it("a payment shows its charges, refunds and disputes, what differs of them, and what was told", async () => {
    const own = await adminWorld();
    try {
      for (const sample of ["payment-succeeded", "refund-created", "dispute-created"]) {
        await own.deliver({ source: "stripe", sample });
      }
      const { data } = await own.json<{ data: Row[] }>("/api/admin/payments");
      const [refund] = await own.database.query<Record<string, unknown>>(
        "SELECT external_id AS id, payment_ref AS of FROM ledger_object WHERE kind = 'refund'",
        [],
      );
      const payment = data.find(({ externalId }) => externalId === refund?.of);
      await own.database.query(
        `INSERT INTO discrepancy (id, source, kind, object_kind, account, livemode, external_id, status, ours, theirs,
          proposal, first_run_id, last_run_id, found_at, updated_at, version)
        VALUES ('dis_1', 'stripe', 'refund', 'refund', '', false, $1, 'open', 'null', 'null',
          '{"kind": "none", "words": "w"}', 'rec_1', 'rec_1', now(), now(), 0)`,
        [refund?.id],
      );
      const { data: detail } = await own.json<{ data: Record<string, Row[]> }>(
        `/api/admin/payments/${payment?.id}`,
      );
      expect(detail.objects).toContainEqual(
        expect.objectContaining({
          kind: "refund",
          externalId: refund?.id,
          amount: expect.any(String),
        }),
      );
      const kept = await own.database.query<{ n: number }>(
        "SELECT count(*)::int AS n FROM ledger_object WHERE payment_ref = $1",
        [refund?.of],
      );
      expect(detail.objects).toHaveLength(Number(kept[0]?.n));
      expect(detail.discrepancies).toMatchObject([{ id: "dis_1", externalId: refund?.id }]);
      const templates = detail.notifications?.map(({ template }) => template);
      expect(templates).toContain("payment-received");
    } finally {
      await own.close();
    }
  });

  it("entitlements", async () => {
    const [entitlement] = await list("entitlements?userRef=user_sample_1");
    const [payment] = await list("payments");
    expect(entitlement).toEqual({
      id: expect.stringMatching(/^ent_/),
      paymentId: payment?.id,
      subscriptionId: null,
      originRef: payment?.externalId,
      account: "",
      livemode: false,
      userRef: "user_sample_1",
      packageRef: "pro-monthly",
      ordinal: 1,
      status: "active",
      grantedAt: ISO,
      paidAt: ISO,
      startsAt: ISO,
      endsAt: null,
      months: null,
      warnedDays: null,
      revokedAt: null,
      revokedBecause: null,
      updatedAt: ISO,
    });
    expect(await one(`entitlements/${entitlement?.id}`)).toMatchObject(entitlement ?? {});
  });

  it("notifications, with what is to be said in the detail only", async () => {
    const [notice] = await list("notifications?channel=email");
    const [event] = await list("events?requestId=req_msg_1");
    expect(notice).toEqual({
      id: expect.stringMatching(/^ntc_/),
      channel: "email",
      template: "payment-received",
      recipient: "somchai@example.com",
      status: "pending",
      vendorId: null,
      eventId: event?.id,
      cause: expect.stringContaining("succeeded"),
      locale: "th",
      calls: 0,
      error: null,
      createdAt: ISO,
      firstCalledAt: null,
      sentAt: null,
    });
    expect(await list(`notifications?eventId=${event?.id}&status=pending`)).toEqual([notice]);
    const detail = await one(`notifications/${notice?.id}`);
    expect(detail).toMatchObject({ data: { currency: "THB" }, payload: null, deadLetter: null });
  });

  it("incidents count their signals, and show them with the timeline in the detail", async () => {
    const [incident] = await list("incidents?status=open");
    expect(incident).toMatchObject({
      id: expect.stringMatching(/^INC-\d{8}-\d{4}$/),
      status: "open",
      signals: 1,
      alerts: 1,
      openedAt: ISO,
      resolvedAt: null,
    });
    const detail = await one(`incidents/${incident?.id}`);
    expect(detail.signalLog).toMatchObject([{ kind: "raised", occurredAt: ISO }]);
    expect(detail.timeline).not.toEqual([]);
    expect(detail.alertLog).toMatchObject([{ status: "open", openedAt: ISO }]);
    expect(detail.notifications).toMatchObject([{ channel: "slack", template: "incident-raised" }]);
  });

  it("deployments", async () => {
    const [deployment] = await list("deployments?source=vercel");
    expect(deployment).toMatchObject({ state: "succeeded", createdAt: ISO });
    expect(await one(`deployments/${deployment?.id}`)).toMatchObject(deployment ?? {});
    expect(await list("deployments?project=none")).toEqual([]);
  });

  it("audit entries, by subject and by event", async () => {
    const [payment] = await list("payments");
    const entries = await list(`audit?subject=${payment?.id}`);
    expect(entries).toHaveLength(2);
    expect(entries[1]).toEqual({
      id: expect.stringMatching(/^aud_/),
      at: ISO,
      action: "payment.recorded",
      actor: "source:stripe",
      subject: payment?.id,
      eventId: expect.stringMatching(/^evt_/),
      details: expect.objectContaining({ after: "succeeded" }),
    });
    expect(await list(`audit?eventId=${dead}`)).toMatchObject([{ action: "dead_letter.opened" }]);
    expect(await one(`audit/${entries[1]?.id}`)).toEqual(entries[1]);
  });
});

describe("dead letters", () => {
  it("name what died, and why, and what to do", async () => {
    expect(await list("dead-letters?status=open")).toEqual([
      {
        id: expect.stringMatching(/^ded_/),
        eventId: dead,
        noticeId: null,
        status: "open",
        code: "unreadable_body",
        message: expect.stringContaining("not JSON"),
        hint: expect.stringContaining("stored body"),
        deaths: 1,
        createdAt: ISO,
        updatedAt: ISO,
        event: {
          id: dead,
          source: "stripe",
          type: expect.any(String),
          eventKey: expect.any(String),
          receivedAt: ISO,
        },
        notice: null,
      },
    ]);
  });
});

describe("refusals", () => {
  it("are the latest of one source, or of all, newest first", async () => {
    const refusal = (second: number) =>
      JSON.stringify({
        at: `2026-11-21T03:00:0${second}.000Z`,
        requestId: `req_${second}`,
        code: "bad_signature",
        detail: "no v1 signature matches a live secret",
      });
    const lists = {
      "refusals:stripe": [refusal(1), refusal(3)],
      "refusals:unknown": [refusal(2)],
    };
    await w.kv.tally({}, lists, { ttlMs: 60_000, listMax: 200 });
    const all = await list("refusals");
    expect(all.map(({ source, requestId }) => [source, requestId])).toEqual([
      ["stripe", "req_3"],
      ["unknown", "req_2"],
      ["stripe", "req_1"],
    ]);
    expect(await list("refusals?source=stripe&limit=1")).toEqual([all[0]]);
    expect(await list("refusals?source=vercel")).toEqual([]);
  });
});

describe("setup and health", () => {
  it("setup reports what it registered and checked", async () => {
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
    const answer = await w.json("/api/admin/setup", { method: "POST", headers });
    expect(answer).toMatchObject({
      data: { schedules: [{ id: "relay", state: "created" }], checks: [{ ok: false }] },
    });
  });

  it("health is 503 when unhealthy, so that a monitor needs no parser", async () => {
    expect(await w.json("/api/admin/health")).toMatchObject({ data: { status: "healthy" } });
    w.health.status = "unhealthy";
    const answer = await w.ask("/api/admin/health");
    w.health.status = "healthy";
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ data: { status: "unhealthy" } });
    w.health.status = "degraded";
    const degraded = await w.ask("/api/admin/health");
    w.health.status = "healthy";
    expect(degraded.status, "it still takes every delivery").toBe(200);
  });
});
