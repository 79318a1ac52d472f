import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Permanent } from "../../src/domain/errors.js";
import { type EventRun, runEvent } from "../../src/handlers/run-event.js";
import { presetOf } from "../../src/policy/presets/index.js";
import { runDeps, sampleRun } from "../support/events.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

let w: StoreWorld;
beforeEach(async () => {
  w = await storeWorld();
});
afterEach(async () => {
  await w.close();
});

function textOf({ body }: EventRun): string {
  if (body instanceof Permanent) throw body;
  return new TextDecoder().decode(body);
}

const statuses = () => w.rows("SELECT type, status FROM event ORDER BY type");

describe("a purchase", () => {
  it.each([
    [["payment-succeeded", "checkout-completed"]],
    [["checkout-completed", "payment-succeeded"]],
  ])("is one payment, one entitlement and one mail, told in the order %j", async (names) => {
    const deps = runDeps(w);
    for (const name of names) await runEvent(await sampleRun("stripe", name), deps);
    for (const table of ["payment", "entitlement", "notice", "outbox"]) {
      expect(await w.count(table), table).toBe(1);
    }
    expect(await w.rows("SELECT state, refunded_minor::int FROM payment")).toEqual([
      { state: "succeeded", refunded_minor: 0 },
    ]);
    expect(await w.rows("SELECT status FROM entitlement")).toEqual([{ status: "active" }]);
    expect(await w.rows("SELECT count(DISTINCT event_id)::int AS n FROM audit_entry")).toEqual([
      { n: 2 },
    ]);
  });

  it("is one of everything when both events run at once, again and again", async () => {
    const deps = runDeps(w);
    const runs = Array.from({ length: 20 }, async (_, i) => {
      const name = i % 2 === 0 ? "payment-succeeded" : "checkout-completed";
      const uniqueId = `u${i % 5}`;
      return runEvent(await sampleRun("stripe", name, { uniqueId, attemptId: `m${i}:0` }), deps);
    });
    const outcomes = (await Promise.all(runs)).map((result) => result.outcome);
    expect(outcomes.filter((o) => o === "processed")).toHaveLength(10);
    expect(outcomes.filter((o) => o === "duplicate")).toHaveLength(10);
    for (const table of ["payment", "entitlement", "notice", "outbox"]) {
      expect(await w.count(table), table).toBe(5);
    }
  });

  it("loses its entitlement when all of the money goes back, in either order", async () => {
    const deps = runDeps(w);
    for (const [uniqueId, names] of [
      ["a", ["payment-succeeded", "charge-refunded"]],
      ["b", ["charge-refunded", "payment-succeeded"]],
    ] as const) {
      for (const name of names) {
        await runEvent(await sampleRun("stripe", name, { uniqueId }), deps);
      }
    }
    const rows = await w.rows("SELECT DISTINCT status FROM entitlement");
    expect(rows).toEqual([{ status: "revoked" }]);
    expect(await w.count("entitlement")).toBe(2);
  });
});

describe("a payer", () => {
  it("reads in the receipt what was bought, and until when it lasts", async () => {
    const tbat = presetOf("tbat");
    const payments = { ...tbat.payments, monthsOf: { "pro-monthly": 1 } };
    const policy = { ...tbat, payments };
    const deps = { ...runDeps(w), policy };
    await runEvent(await sampleRun("stripe", "payment-succeeded"), deps);
    const [entitlement] = await w.rows(
      "SELECT package_ref, extract(epoch FROM ends_at)::float8 * 1000 AS ends FROM entitlement",
    );
    expect(entitlement?.ends).toBeGreaterThan(0);
    expect(await w.rows("SELECT data FROM notice")).toMatchObject([
      {
        data: {
          packageRef: entitlement?.package_ref,
          entitlementEndsAt: Number(entitlement?.ends),
        },
      },
    ]);
  });

  it("gets no receipt for a refund of a payment that we never heard of", async () => {
    await runEvent(await sampleRun("stripe", "charge-refunded"), runDeps(w));
    expect(await w.rows("SELECT state FROM payment")).toEqual([{ state: "succeeded" }]);
    expect(await w.rows("SELECT template FROM notice")).toEqual([]);
  });

  it.each([[["checkout-completed", "payment-failed"]], [["payment-failed", "checkout-completed"]]])(
    "hears once that a delayed payment failed, told in the order %j",
    async (names) => {
      const texts: Record<string, (text: string) => string> = {
        "checkout-completed": (text) =>
          text
            .replace('"payment_status":"paid"', '"payment_status":"unpaid"')
            .replace(/"created":\d+/, '"created":1790000000'),
        // The same intent, which does not know whom to tell: only the checkout does.
        "payment-failed": (text) =>
          text
            .replace('"pi_sample_failed_one"', '"pi_sample_purchase_one"')
            .replace(/"receipt_email":"[^"]*"/, '"receipt_email":null')
            .replace(/"created":\d+/, '"created":1790000009'),
      };
      const deps = runDeps(w);
      for (const name of names) {
        const run = await sampleRun("stripe", name);
        const text = texts[name]?.(textOf(run).replace(/": /g, '":')) ?? "";
        await runEvent({ ...run, body: new TextEncoder().encode(text) }, deps);
      }
      expect(await w.rows("SELECT state FROM payment")).toEqual([{ state: "failed" }]);
      expect(await w.rows("SELECT template FROM notice")).toEqual([{ template: "payment-failed" }]);
    },
  );
});

describe("an event", () => {
  it("that comes twice does nothing the second time, and says so in its attempts", async () => {
    const deps = runDeps(w);
    await runEvent(await sampleRun("stripe", "payment-succeeded"), deps);
    const again = await sampleRun("stripe", "payment-succeeded", { attemptId: "m2:0" });
    expect((await runEvent(again, deps)).outcome).toBe("duplicate");
    expect(await w.count("payment")).toBe(1);
    expect(await w.rows("SELECT outcome FROM attempt ORDER BY outcome")).toEqual([
      { outcome: "duplicate" },
      { outcome: "processed" },
    ]);
  });

  it("of a type that nobody handles is kept as ignored, with its type", async () => {
    const set = { type: "product.created" };
    const run = await sampleRun("stripe", "payment-succeeded", { set });
    expect((await runEvent(run, runDeps(w))).outcome).toBe("ignored");
    expect(await statuses()).toEqual([{ type: "product.created", status: "ignored" }]);
  });

  it("that is signed but unreadable becomes a dead letter with its bytes", async () => {
    const run = await sampleRun("stripe", "payment-succeeded");
    const body = new TextEncoder().encode("\uFEFF{not json");
    expect((await runEvent({ ...run, body }, runDeps(w))).outcome).toBe("dead");
    const [letter] = await w.rows("SELECT code, message, hint, status FROM dead_letter");
    expect(letter).toMatchObject({ code: "unreadable_body", status: "open" });
    expect(String(letter?.hint)).toContain("discard");
    const [kept] = await w.rows("SELECT body FROM event_body");
    expect(Uint8Array.from(kept?.body as Buffer)).toEqual(body);
  });

  it("that died runs again when the provider sends it again, and its dead letter is settled", async () => {
    const deps = runDeps(w);
    const run = await sampleRun("stripe", "payment-succeeded");
    const verdict = new Permanent("worker_refused", { detail: "a test" });
    expect((await runEvent({ ...run, verdict }, deps)).outcome).toBe("dead");
    expect((await runEvent({ ...run, attemptId: "m2:0" }, deps)).outcome).toBe("processed");
    expect(await w.rows("SELECT status, deaths FROM dead_letter")).toEqual([
      { status: "resolved", deaths: 1 },
    ]);
    expect(await w.count("payment")).toBe(1);
  });

  it("that dies twice is one dead letter with two deaths", async () => {
    const deps = runDeps(w);
    const run = await sampleRun("stripe", "payment-succeeded");
    const verdict = new Permanent("worker_refused", { detail: "a test" });
    await runEvent({ ...run, verdict }, deps);
    await runEvent({ ...run, verdict, attemptId: "m2:0" }, deps);
    expect(await w.rows("SELECT status, deaths FROM dead_letter")).toEqual([
      { status: "open", deaths: 2 },
    ]);
  });

  it("never dies after it was processed", async () => {
    const deps = runDeps(w);
    const run = await sampleRun("stripe", "payment-succeeded");
    await runEvent(run, deps);
    const verdict = new Permanent("worker_refused");
    expect((await runEvent({ ...run, verdict, attemptId: "m2:0" }, deps)).outcome).toBe(
      "duplicate",
    );
    expect(await w.count("dead_letter")).toBe(0);
  });
});

describe("trouble", () => {
  it("is one incident when its beginning and its end are worked on at once, again and again", async () => {
    const deps = runDeps(w);
    const names = ["issue-created", "issue-resolved"];
    const runs = Array.from({ length: 20 }, async (_, i) => {
      const uniqueId = `u${Math.floor(i / 2)}`;
      const name = names[i % 2] ?? "";
      const set = { "data.issue.project.slug": `shop-${uniqueId}` };
      const options = { uniqueId, set, attemptId: `m${i}:0` };
      return runEvent(await sampleRun("sentry", name, options), deps);
    });
    await Promise.all(runs);
    expect(await w.rows("SELECT status, count(*)::int AS n FROM incident GROUP BY 1")).toEqual([
      { status: "resolved", n: 10 },
    ]);
  });

  it("of twenty services that fail at once, in one minute, is twenty incidents without the queue's retry", async () => {
    const deps = runDeps(w);
    const runs = Array.from({ length: 20 }, async (_, i) => {
      const uniqueId = `u${i}`;
      const set = { "data.issue.project.slug": `shop-${uniqueId}` };
      return runEvent(
        await sampleRun("sentry", "issue-created", { uniqueId, set, attemptId: `m${i}:0` }),
        deps,
      );
    });
    await Promise.all(runs);
    expect(await w.count("incident")).toBe(20);
  });

  it("is one incident with one clock, however many alerts speak of it", async () => {
    const deps = runDeps(w);
    await runEvent(await sampleRun("sentry", "issue-created"), deps);
    await runEvent(await sampleRun("sentry", "event-alert"), deps);
    expect(await w.count("incident")).toBe(1);
    expect(await w.count("signal")).toBe(2);
    expect(await w.rows("SELECT kind, status FROM timer")).toEqual([
      { kind: "incident.due", status: "waiting" },
    ]);
  });

  it.each([
    [["incident-started", "incident-acknowledged", "incident-resolved"]],
    [["incident-resolved", "incident-started", "incident-acknowledged"]],
    [["incident-acknowledged", "incident-resolved", "incident-started"]],
  ])("ends resolved with its beginning known, told in the order %j", async (names) => {
    for (const name of names) await runEvent(await sampleRun("better-stack", name), runDeps(w));
    const [incident, ...more] = await w.rows("SELECT status, service, severity FROM incident");
    expect(more).toEqual([]);
    expect(incident).toMatchObject({ status: "resolved", severity: "P0" });
    expect(incident?.service).not.toBe("");
    expect(await w.count("signal")).toBe(3);
  });

  it("with a deployment makes a record and an incident from one event", async () => {
    await runEvent(await sampleRun("vercel", "deployment-error"), runDeps(w));
    expect(await w.rows("SELECT state FROM deployment")).toEqual([{ state: "failed" }]);
    expect(await w.count("incident")).toBe(1);
  });

  it("with a deployment is over when a later one was good, whichever is told first", async () => {
    const at = (seconds: number) => ({ createdAt: String(w.ctx.now + seconds * 1_000) });
    const failed = { uniqueId: "bad", set: at(0) };
    const good = { uniqueId: "good", set: at(60) };
    await runEvent(await sampleRun("vercel", "deployment-succeeded", good), runDeps(w));
    expect(await w.count("incident")).toBe(0); // a good deployment is no incident, ended or not
    await runEvent(await sampleRun("vercel", "deployment-error", failed), runDeps(w));
    expect(await w.count("incident")).toBe(0);
    expect(await w.count("notice")).toBe(0);
    expect(await w.count("deployment")).toBe(2);
  });

  it("of our own is told, but past ten incidents a minute it is only kept, whatever issues they are", async () => {
    const deps = runDeps(w, ["4509877862268928"]);
    for (let i = 0; i < 25; i += 1) {
      const project = { "data.issue.project.id": "4509877862268928" };
      const set = { ...project, "data.issue.project.slug": `signalbox-${i}` };
      const run = await sampleRun("sentry", "issue-created", { uniqueId: `own${i}`, set });
      await runEvent(run, deps);
    }
    expect(await w.count("incident")).toBe(25);
    expect(await w.count("timer"), "only these are told").toBe(10);
    expect(await w.rows("SELECT DISTINCT status FROM event")).toEqual([{ status: "processed" }]);
  });

  /** One issue, told at these seconds; each telling is an event of its own. */
  const tellIssue = async (name: string, seconds: number): Promise<void> => {
    const run = await sampleRun("sentry", name, {
      uniqueId: "flap",
      attemptId: `${name}${seconds}:0`,
    });
    const occurredAt = w.ctx.now + seconds * 1_000;
    const at = new Date(occurredAt).toISOString();
    const text = textOf(run).replace(/"firstSeen":"[^"]*"/, `"firstSeen":"${at}"`);
    const headers = {
      ...run.delivery.headers,
      "sentry-hook-timestamp": String(occurredAt / 1_000),
    };
    const delivery = { ...run.delivery, headers, eventKey: `${name}${seconds}`, occurredAt };
    await runEvent({ ...run, body: new TextEncoder().encode(text), delivery }, runDeps(w));
  };
  const open = async (): Promise<number> =>
    (await w.rows("SELECT id FROM incident WHERE status <> 'resolved'")).length;

  it("that came back is not ended by an end from before", async () => {
    await tellIssue("issue-created", 10);
    await tellIssue("issue-created", 30);
    await tellIssue("issue-resolved", 20); // waited for a retry
    expect(await open()).toBe(1);
    await tellIssue("issue-resolved", 40);
    expect(await open()).toBe(0);
  });

  it("that came back and ended again is over, though the end is told before the coming back", async () => {
    await tellIssue("issue-created", 10);
    await tellIssue("issue-resolved", 20);
    await tellIssue("issue-resolved", 40);
    await tellIssue("issue-created", 30);
    expect(await open()).toBe(0);
  });

  it("with a deployment is over when the failed and the later good one are worked on at once", async () => {
    const deps = runDeps(w);
    for (let i = 0; i < 15; i += 1) {
      const at = (seconds: number) => ({
        createdAt: String(w.ctx.now + seconds * 1_000),
        "payload.project.id": `prj_${i}`,
      });
      const bad = await sampleRun("vercel", "deployment-error", {
        uniqueId: `bad${i}`,
        set: at(0),
      });
      const good = await sampleRun("vercel", "deployment-succeeded", {
        uniqueId: `good${i}`,
        set: at(60),
      });
      await Promise.all([runEvent(bad, deps), runEvent(good, deps)]);
    }
    expect(await w.count("deployment")).toBe(30);
    expect(await open()).toBe(0);
  });
});
