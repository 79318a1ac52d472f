import { Hono } from "hono";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createEntitlementsApp, ENTITLEMENTS_PATH } from "../../src/admin/entitlements.js";
import type { Entitlement } from "../../src/domain/entitlement.js";
import type { ApiKey, Role } from "../../src/domain/operator.js";
import { PlanBuilder } from "../../src/domain/plan.js";
import { Secret } from "../../src/domain/secret.js";
import { DAY_MS } from "../../src/domain/time.js";
import { newKey } from "../../src/runtime/new-key.js";
import { keyHashOf } from "../../src/store/api-keys.js";
import { apply } from "../../src/store/apply.js";
import type { Database } from "../../src/store/database.js";
import { readEntitlements } from "../../src/store/entitlements.js";
import { listeningLog } from "../support/fakes.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

let w: StoreWorld;
beforeAll(async () => {
  w = await storeWorld();
});
afterAll(() => w.close());

const TOKEN = "an-admin-token-of-the-tests";
const log = listeningLog();
const reported: unknown[] = [];
let queries = 0;

function serve(database: Pick<Database, "query"> = w.database) {
  const counted = {
    ...w.database,
    query: (text: string, values: readonly unknown[]) => {
      queries += 1;
      return database.query(text, values);
    },
  } as Database;
  const app = createEntitlementsApp({
    adminToken: new Secret("ADMIN_TOKEN", TOKEN),
    read: (given, of) => readEntitlements(counted, given, of, w.ctx.now),
    clock: { now: () => w.ctx.now },
    ids: w.ctx.ids,
    log,
    report: (error) => void reported.push(error),
  });
  const root = new Hono().route(ENTITLEMENTS_PATH, app);
  return (path: string, bearer?: string, method = "GET") => {
    queries = 0;
    const headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
    return root.request(`${ENTITLEMENTS_PATH}/${path}`, { method, headers });
  };
}

async function keyOf(role: Role, given: Partial<ApiKey> = {}): Promise<string> {
  const text = newKey();
  const id = w.ctx.ids.next("apiKey");
  const made = { createdBy: "admin", createdAt: w.ctx.now, version: 0 };
  const idle = { lastUsedAt: w.ctx.now, revokedBy: null, revokedAt: null };
  const row = { id, name: id, role, keyHash: keyHashOf(text), ...made, ...idle, ...given };
  await apply(w.database, new PlanBuilder(w.ctx).insert("apiKey", row).build());
  return text;
}

async function has(userRef: string, given: Partial<Entitlement> = {}): Promise<void> {
  const { now, ids } = w.ctx;
  const id = ids.next("entitlement");
  const row: Entitlement = {
    id,
    account: "",
    livemode: true,
    userRef,
    packageRef: "ADVANCED",
    ordinal: Number(id.slice(4)),
    paymentId: `pay_of_${id}`,
    subscriptionId: null,
    originRef: `pi_of_${id}`,
    status: "active",
    grantedAt: now,
    paidAt: now,
    startsAt: now - DAY_MS,
    endsAt: null,
    months: null,
    warnedDays: null,
    revokedAt: null,
    revokedBecause: null,
    updatedAt: now,
    version: 0,
    ...given,
  };
  await apply(w.database, new PlanBuilder(w.ctx).insert("entitlement", row).build());
}

interface Answer {
  userId: string;
  livemode: boolean;
  active: string[];
  entitlements: Record<string, unknown>[];
}
const answerOf = async (answer: Response): Promise<Answer> => {
  expect(answer.status).toBe(200);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  return (await answer.json()) as Answer;
};

describe("GET /api/entitlements/{userId}", () => {
  it("answers a read key in one query: what the user has, what waits and what is over", async () => {
    const { now } = w.ctx;
    await has("somchai");
    await has("somchai", { startsAt: now + DAY_MS, endsAt: now + 9 * DAY_MS, packageRef: "LATER" });
    await has("somchai", { endsAt: now, packageRef: "OVER" });
    await has("somchai", {
      status: "revoked",
      packageRef: "GONE",
      revokedAt: now,
      revokedBecause: "refunded",
    });
    await has("somchai", { livemode: false, packageRef: "TEST" });
    await has("somchai", { account: "acct_1", packageRef: "SHOP" });
    await has("somsri", { packageRef: "OTHER" });
    const ask = serve();
    const read = await keyOf("read");
    const answer = await answerOf(await ask("somchai", read));
    expect(queries).toBe(1);
    expect(answer).toMatchObject({
      userId: "somchai",
      livemode: true,
      active: ["ADVANCED", "SHOP"],
    });
    expect(answer.entitlements.map((one) => [one.package, one.inForce]).sort()).toEqual([
      ["ADVANCED", true],
      ["GONE", false],
      ["LATER", false],
      ["OVER", false],
      ["SHOP", true],
    ]);
    expect(answer.entitlements.find((one) => one.package === "LATER")).toMatchObject({
      status: "active",
      startsAt: "2026-11-22T09:00:00.000Z",
      endsAt: "2026-11-30T09:00:00.000Z",
      revokedAt: null,
    });
    const own = await answerOf(await ask("somchai?account=acct_1", read));
    expect(own.active).toEqual(["SHOP"]);
    const test = await answerOf(await ask("somchai?livemode=false", read));
    expect(test).toMatchObject({ livemode: false, active: ["TEST"] });
  });

  it("has nothing of a user whom nobody knows, whatever the name is made of", async () => {
    const ask = serve();
    const read = await keyOf("read");
    for (const name of ["nobody", "a%2Fb", "%E0%B8%AA", "' OR true --", "x".repeat(500)]) {
      const answer = await answerOf(await ask(name, read));
      expect(answer).toMatchObject({ active: [], entitlements: [] });
    }
    expect((await answerOf(await ask("%E0%B8%AA", read))).userId).toBe("ส");
  });

  it("is open to every key that is in use and to the admin token, and to nobody else", async () => {
    const ask = serve();
    for (const role of ["read", "operator", "approver"] as const) {
      expect((await ask("somchai", await keyOf(role))).status).toBe(200);
    }
    expect((await answerOf(await ask("somchai", TOKEN))).active).toContain("ADVANCED");
    const revoked = await keyOf("read", { revokedAt: w.ctx.now, revokedBy: "admin" });
    for (const bearer of [undefined, "", "nonsense", newKey(), revoked, `${TOKEN}x`]) {
      for (const path of ["somchai", "somchai?livemode=maybe", "%00"]) {
        const answer = await ask(path, bearer);
        expect([path, answer.status]).toEqual([path, 401]);
        expect(answer.headers.get("www-authenticate")).toBe("Bearer");
        expect(await answer.text()).not.toContain("ADVANCED");
      }
    }
  });

  it("says what is asked wrongly", async () => {
    const ask = serve();
    const read = await keyOf("read");
    for (const [path, said] of [
      ["somchai?livemode=maybe", "livemode: must be true or false"],
      ["somchai?accounts=a", "accounts: not known here"],
      ["%00", "userId: must not hold a NUL character"],
      [`${"x".repeat(501)}`, "userId: may have 500 characters at most"],
    ]) {
      const answer = await ask(String(path), read);
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({
        code: "invalid_request",
        detail: expect.stringContaining(String(said)),
      });
    }
  });

  it("is only read: another method hears which one there is", async () => {
    const answer = await serve()("somchai", undefined, "POST");
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET"]);
    expect(await answer.json()).toMatchObject({ code: "method_not_allowed" });
    expect(queries).toBe(0);
  });

  it("notes a key's use, once an hour", async () => {
    const ask = serve();
    const read = await keyOf("read", { lastUsedAt: null });
    await ask("somchai", read);
    const [row] = await w.rows("SELECT last_used_at FROM api_key WHERE key_hash = $1", [
      keyHashOf(read),
    ]);
    expect(row).toEqual({ last_used_at: new Date(w.ctx.now) });
    await ask("somchai", read);
    expect(queries).toBe(1);
  });

  it("logs who asked and never of whom, and reports a defect", async () => {
    log.lines.length = 0;
    await serve()("somchai", await keyOf("read"));
    expect(log.lines.map(({ action }) => action)).toEqual(["entitlements.answered"]);
    const broken = serve({ query: () => Promise.reject(new TypeError("secret words")) });
    const answer = await broken("somchai", await keyOf("read"));
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain("secret words");
    expect(reported).toMatchObject([{ message: "secret words" }]);
    expect(JSON.stringify(log.lines)).not.toContain("somchai");
  });
});
