import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Transient } from "../../src/domain/errors.js";
import { Secret } from "../../src/domain/secret.js";
import { unsubscribe, unsubscribeUrl } from "../../src/operations/unsubscribe.js";
import { PAGE_POLICY } from "../../src/runtime/page.js";
import { unsubscribeRoutes } from "../../src/runtime/unsubscribe-page.js";
import { recipientHash } from "../../src/store/recipient-hash.js";
import { countingIds, listeningLog, stillClock } from "../support/fakes.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

const SECRET = new Secret("UNSUBSCRIBE_SECRET", "a-secret-of-the-tests-0123456789-0123");
const OTHER = new Secret("UNSUBSCRIBE_SECRET", "another-secret-of-0123456789-012345");
const BUYER = "Buyer@Example.com";
const ONE_CLICK = "List-Unsubscribe=One-Click";

let w: StoreWorld;
beforeEach(async () => {
  w = await storeWorld();
});
afterEach(() => w.close());

function pathOf(locale = "en", secret = SECRET, recipient = BUYER): string {
  const made = { publicBaseUrl: "https://box.example", secrets: [secret] };
  return unsubscribeUrl({ recipient, locale }, made).slice("https://box.example".length);
}

function routes(o: { secrets?: readonly Secret[]; fails?: boolean } = {}) {
  const deps = { database: w.database, clock: stillClock(), ids: countingIds("u") };
  const log = listeningLog();
  const app = unsubscribeRoutes({
    platformName: "Shop <&> Co",
    secrets: o.secrets ?? [SECRET],
    unsubscribe: (link) =>
      o.fails ? Promise.reject(new Transient("database_unavailable")) : unsubscribe(link, deps),
    ids: deps.ids,
    log,
  });
  const post = (path: string, body: NonNullable<RequestInit["body"]> = ONE_CLICK) =>
    app.request(path, {
      method: "POST",
      body,
      headers:
        typeof body === "string" ? { "content-type": "application/x-www-form-urlencoded" } : {},
    });
  return { log, post, get: (path: string) => app.request(path) };
}
const kept = () => w.rows("SELECT recipient_hash, reason FROM suppression");
const unsubscribed = [{ recipient_hash: recipientHash(BUYER), reason: "unsubscribed" }];

describe("the link to unsubscribe", () => {
  it("holds a hash and not the address, and is the same for the same recipient", () => {
    const token = new URL(pathOf(), "https://box.example").searchParams.get("token") ?? "";
    const payload = Buffer.from(token.split(".")[1] ?? "", "base64url").toString();
    expect(JSON.parse(payload)).toEqual({ recipientHash: recipientHash(BUYER), locale: "en" });
    expect(pathOf()).toBe(pathOf());
  });

  it("is not made without a secret", () => {
    const made = { publicBaseUrl: "https://box.example", secrets: [] };
    const make = () => unsubscribeUrl({ recipient: BUYER, locale: "en" }, made);
    expect(make).toThrow("UNSUBSCRIBE_SECRET");
  });

  it("does nothing when it is only followed, as scanners do", async () => {
    const { get } = routes();
    const page = await get(pathOf());
    expect(page.status).toBe(200);
    expect(await page.text()).toMatch(/<form method="post">.*One-Click.*<button>Unsubscribe</);
    expect(await kept()).toEqual([]);
  });

  it.each<[string, () => NonNullable<RequestInit["body"]>]>([
    ["a form", () => ONE_CLICK],
    [
      "a multipart form",
      () => {
        const form = new FormData();
        form.set("List-Unsubscribe", "One-Click");
        return form;
      },
    ],
  ])("unsubscribes by %s, once, and says so in the audit trail", async (_name, body) => {
    const { post, log } = routes();
    for (let i = 0; i < 2; i += 1) {
      const answer = await post(pathOf(), body());
      expect(answer.status).toBe(200);
      expect(await answer.text()).toContain("incidents still do");
    }
    expect(await kept()).toEqual(unsubscribed);
    expect(await w.rows("SELECT action, actor, details FROM audit_entry")).toEqual([
      {
        action: "suppression.added",
        actor: "recipient",
        details: { reason: "unsubscribed", via: "link" },
      },
    ]);
    expect(JSON.stringify(log.lines)).not.toMatch(/token|@/);
  });

  it("unsubscribes each of twenty clicks at once, as one", async () => {
    const { post } = routes();
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(pathOf())));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(await kept()).toEqual(unsubscribed);
    expect(await w.count("audit_entry")).toBe(1);
  });

  it("speaks the language of the mail, and shows names as text", async () => {
    const { get, post } = routes();
    const thai = await (await get(pathOf("th"))).text();
    expect(thai).toContain('<html lang="th">');
    expect(thai).toContain("ยกเลิกการรับ");
    expect(thai).toContain("Shop &lt;&amp;&gt; Co");
    expect(await (await post(pathOf("th-TH"))).text()).toContain("ยกเลิกการรับแล้ว");
  });

  it("is good by the secret before, and by no other, nor changed, nor cut, nor without any", async () => {
    const good = pathOf();
    expect((await routes({ secrets: [OTHER, SECRET] }).get(good)).status).toBe(200);
    const [base = "", payload = "", mac = ""] = good.split(".");
    const other = Buffer.from(
      JSON.stringify({ recipientHash: recipientHash("x@y.z"), locale: "en" }),
    );
    const bad = [
      `${base}.${other.toString("base64url")}.${mac}`,
      `${base}.${payload}.`,
      `${base}.${payload}`,
      `${good}.x`,
      "/unsubscribe",
      "/unsubscribe?token=v1..",
    ];
    for (const path of bad) {
      expect([path, (await routes().post(path)).status]).toEqual([path, 400]);
    }
    expect((await routes({ secrets: [OTHER] }).post(good)).status).toBe(400);
    expect((await routes({ secrets: [] }).post(good)).status).toBe(400);
    expect(await kept()).toEqual([]);
  });

  it("wants what a mail program or the button posts", async () => {
    for (const body of ["", "List-Unsubscribe=Maybe", "{}", "x".repeat(10_000)]) {
      expect((await routes().post(pathOf(), body)).status).toBe(400);
    }
    expect(await kept()).toEqual([]);
  });

  it("asks to come again when the database is gone", async () => {
    const answer = await routes({ fails: true }).post(pathOf());
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "30"]);
    expect(await answer.text()).toContain("Nothing was changed");
  });
});

describe("the page's policy", () => {
  it("is the same where Vercel sets it", () => {
    const file = readFileSync(resolve(import.meta.dirname, "../../vercel.json"), "utf8");
    const { headers } = JSON.parse(file) as {
      headers: { source: string; headers: { key: string; value: string }[] }[];
    };
    const own = headers.find(({ source }) => source === "/(unsubscribe|acknowledge)");
    expect(own?.headers).toEqual([{ key: "Content-Security-Policy", value: PAGE_POLICY }]);
    expect(headers.at(-1), "the last one counts").toBe(own);
  });
});
