import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildChannels } from "../../src/channels/registry.js";
import { addMonths, decideEntitlements, type Grant } from "../../src/domain/entitlement.js";
import { Transient } from "../../src/domain/errors.js";
import { PlanBuilder } from "../../src/domain/plan.js";
import { Secret } from "../../src/domain/secret.js";
import { isoOf } from "../../src/domain/time.js";
import { planEntitlements } from "../../src/handlers/entitlement-plan.js";
import { sendNotification } from "../../src/handlers/send-notification/index.js";
import { apply } from "../../src/store/apply.js";
import { load, read } from "../../src/store/load.js";
import { startVendor, type Vendor } from "../channels/vendor.js";
import { type StillClock, stillClock } from "../support/fakes.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

const SECRET = `whsec_${Buffer.alloc(32, 9).toString("base64")}`;

let w: StoreWorld;
let vendor: Vendor;
let clock: StillClock;
beforeEach(async () => {
  [w, vendor] = await Promise.all([storeWorld(), startVendor()]);
  clock = stillClock(Date.now()); // the library holds a signature against the real clock
});
afterEach(async () => {
  await Promise.all([w.close(), vendor.close()]);
});

const grant = (given: Partial<Grant> = {}): Grant => ({
  origin: { paymentId: "pay_1" },
  originRef: "pi_1",
  account: "",
  livemode: true,
  userRef: "user_7",
  packageRef: "ADVANCED",
  paidAt: clock.now(),
  months: 6,
  endsAt: null,
  revoked: null,
  ...given,
});

async function give(given: Grant): Promise<void> {
  const { rows } = await load(w.database, { rows: read("entitlement", "true", []) });
  const ctx = { ...w.ctx, now: clock.now() };
  const plan = new PlanBuilder(ctx);
  const decision = decideEntitlements({ grants: [given], rows }, ctx);
  planEntitlements(plan, decision, { tellsPlatform: true });
  await apply(w.database, plan.build());
}

/** Works on the oldest message that nobody has completed. */
async function work() {
  const [row] = await w.rows(
    "SELECT id, message ->> 'noticeId' AS notice FROM outbox WHERE message ->> 'type' = 'notice.due.v1' ORDER BY id LIMIT 1",
  );
  const secrets = [new Secret("PLATFORM_WEBHOOK_SECRET", SECRET)];
  const platform = { url: `${vendor.url}/hooks`, secrets, clock };
  const channels = buildChannels({ platform, platformName: "Example", timeoutMs: 2_000 });
  const due = { noticeId: String(row?.notice), outboxId: String(row?.id), requestId: "req_1" };
  const deps = { database: w.database, channels, clock, ids: w.ctx.ids };
  return { send: () => sendNotification(due, deps), noticeId: due.noticeId };
}

/** What the application reads once it has verified it. */
function heard(): { type: string; data: Record<string, unknown> }[] {
  return vendor.seen.map(({ body, headers }) => {
    const given = Object.entries(headers).map(([name, value]) => [name, String(value)]);
    return new Webhook(SECRET).verify(body, Object.fromEntries(given)) as ReturnType<
      typeof heard
    >[0];
  });
}

describe("the word to the platform's own application", () => {
  it("is asked for again with the same id until it is taken, and verified by the library each time", async () => {
    await give(grant());
    const { send, noticeId } = await work();
    vendor.behave({ status: 429, headers: { "retry-after": "7" } });
    const refused = await send().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Transient);
    expect(refused).toMatchObject({ retryAfterSeconds: 7 });
    clock.advance(8_000);
    vendor.behave({ status: 204 });
    expect(await send()).toMatchObject({ outcome: "sent" });
    expect(await send()).toMatchObject({ outcome: "settled" });
    expect(vendor.seen.map(({ headers }) => headers["webhook-id"])).toEqual([noticeId, noticeId]);
    expect(new Set(vendor.seen.map(({ body }) => body)).size).toBe(1);
    const data = {
      userId: "user_7",
      package: "ADVANCED",
      status: "active",
      cause: "paid",
      ordinal: 1,
    };
    expect(heard()[1]).toMatchObject({ type: "entitlement.granted", data });
    expect(heard()[1]?.data.endsAt).toBe(isoOf(addMonths(clock.now() - 8_000, 6)));
  });

  it("ends as a dead letter that a person finds, when the application has gone (410)", async () => {
    await give(grant());
    vendor.behave({ status: 410 });
    expect(await (await work()).send()).toMatchObject({ outcome: "failed" });
    expect(await w.rows("SELECT code, status FROM dead_letter")).toEqual([
      { code: "channel_refused", status: "open" },
    ]);
  });

  it("is said of each change, also of one that goes back, and of none that is not", async () => {
    vendor.behave({ status: 200 });
    const paid = grant();
    for (const revoked of [null, null, "refunded", "refunded", null])
      await give({ ...paid, revoked });
    while ((await w.count("outbox")) > 0) {
      const [left] = await w.rows(
        "SELECT count(*)::int AS n FROM outbox WHERE message ->> 'type' = 'notice.due.v1'",
      );
      if (left?.n === 0) break;
      await (await work()).send();
    }
    expect(heard().map(({ type, data }) => [type, data.version, data.cause])).toEqual([
      ["entitlement.granted", 0, "paid"],
      ["entitlement.revoked", 1, "refunded"],
      ["entitlement.granted", 2, "restored"],
    ]);
  });
});
