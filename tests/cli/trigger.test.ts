import type { HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { SECRET_NAMES } from "../../cli/connection.js";
import { sampleNames } from "../../cli/samples/index.js";
import { Secret } from "../../src/domain/secret.js";
import { webhookSourceById } from "../../src/sources/registry.js";
import { cliHome, deserted, run, type Served, served } from "./run.js";

interface Taken {
  source: string;
  eventKey: string;
  body: string;
}

const SECRETS: Record<string, string> = Object.fromEntries(
  // One of them is a key in base64.
  [...SECRET_NAMES].map(([source, name]) => [name, `secret/of/${source.replace("-", "/")}`]),
);
let taken: Taken[] = [];
let s: Served;

/** Verifies and identifies as the real door does, and keeps what it took. */
const door = new Hono().post("/api/webhooks/:source", async (c) => {
  const source = webhookSourceById(c.req.param("source"));
  if (source === undefined) return c.json({ code: "unknown_source" }, 404);
  const body = new Uint8Array(await c.req.arrayBuffer());
  const { headers } = c.req.raw;
  const secrets = [new Secret(source.secret, SECRETS[source.secret] ?? "")];
  const verdict = await source.verify({ headers, body, pathToken: null }, secrets, Date.now());
  if (verdict.kind !== "verified") {
    return c.json({ code: verdict.kind, detail: verdict.detail, requestId: "req_0" }, 401);
  }
  const { eventKey } = await source.identify(headers, body);
  const known = taken.some((one) => one.eventKey === eventKey && one.source === source.id);
  taken.push({ source: source.id, eventKey, body: new TextDecoder().decode(body) });
  const status = known ? "duplicate" : "accepted";
  return c.json({ status, eventKey, requestId: `req_${taken.length}` }, known ? 200 : 202);
});

beforeAll(async () => {
  s = await served(door);
});
afterAll(() => s.close());
afterEach(() => {
  taken = [];
});
const trigger = (...args: string[]) =>
  run(["trigger", ...args], { ...SECRETS, SIGNALBOX_URL: s.url });

describe("trigger", () => {
  // Each is a process of its own; that all samples are signed well is tested with the samples.
  it.each([...SECRET_NAMES.keys()])(
    "%s: samples are signed as the source wants them",
    async (source) => {
      const names = sampleNames(source).slice(0, 4);
      const results = await Promise.all(names.map((name) => trigger(source, name, "--json")));
      for (const { code, out } of results) {
        expect(code).toBe(0);
        expect(JSON.parse(out)).toMatchObject({
          source,
          deliveries: [{ status: 202, outcome: "accepted", requestId: expect.any(String) }],
          summary: { sent: 1, outcomes: { accepted: 1 } },
        });
      }
      expect(new Set(taken.map(({ eventKey }) => eventKey)).size).toBe(names.length);
    },
  );

  it("prints status, event key and request id, and where to look", async () => {
    const { code, out, err } = await trigger("stripe", "payment-succeeded");
    expect(code).toBe(0);
    expect(out).toMatch(/^202 accepted {2}evt_sample_payment_succeeded_\w+ {2}req_1 {2}\d+ ms\n$/);
    expect(err).toBe("What became of it: npx --no signalbox events list --source stripe\n");
  });

  it("knows samples by the provider's name too", async () => {
    expect((await trigger("stripe", "payment_intent.succeeded")).code).toBe(0);
    expect(JSON.parse(taken[0]?.body ?? "")).toMatchObject({ type: "payment_intent.succeeded" });
  });

  it("--count: each an event of its own, numbered, and a summary", async () => {
    const { code, out } = await trigger("vercel", "deployment-ready", "--count", "25");
    expect(code).toBe(0);
    const lines = out.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^\[ 1\/25\] 202 accepted /);
    expect(lines[24]).toMatch(/^\[25\/25\] 202 accepted /);
    expect(lines.at(-1)).toMatch(
      /^25 posted: 25 accepted\. Half were answered within \d+ ms, 99 % within \d+ ms\.$/,
    );
    expect(new Set(taken.map(({ eventKey }) => eventKey)).size).toBe(25);
  });

  it("--twice: the second is byte for byte the first", async () => {
    const { code, out } = await trigger("sentry", "issue-created", "--twice");
    expect(code).toBe(0);
    expect(out).toMatch(
      /202 accepted[\s\S]+200 duplicate[\s\S]+2 posted: 1 accepted, 1 duplicate\./,
    );
    expect(taken[0]?.body).toBe(taken[1]?.body);
  });

  it("--id: what belongs together, and is the same event when triggered again", async () => {
    await trigger("stripe", "payment-succeeded", "--id", "order1");
    await trigger("stripe", "checkout-completed", "--id", "order1");
    const [paid, checkout] = taken.map(({ body }) => JSON.parse(body));
    expect(checkout.data.object.payment_intent).toBe(paid.data.object.id);
    const { out } = await trigger("stripe", "payment-succeeded", "--id", "order1");
    expect(out).toMatch(/^200 duplicate/);
  });

  it("--set: several, by path, numbers as numbers", async () => {
    const changes = ["data.object.amount=500", "data.object.currency=jpy"];
    const more = ["--set", "data.object.metadata.note=a=b"];
    await trigger("stripe", "payment-succeeded", "--set", ...changes, ...more);
    expect(JSON.parse(taken[0]?.body ?? "").data.object).toMatchObject({
      amount: 500,
      currency: "jpy",
      metadata: { note: "a=b" },
    });
  });

  it("--secret beats the environment; a refusal is told with its cause, exit code 1", async () => {
    const { code, out, err } = await trigger("stripe", "payment-succeeded", "--secret", "wrong");
    expect(code).toBe(1);
    expect(err).toBe("Why it was refused: npx --no signalbox refusals --source stripe\n");
    expect(out).toMatch(/^401 bad_signature {2}no v1 signature matches a live secret {2}req_0/);
    expect(taken).toEqual([]);
  });

  it("takes a whole webhook address as --url, too", async () => {
    const args = ["stripe", "payment-succeeded", "--url", `${s.url}/api/webhooks/stripe`];
    expect((await trigger(...args)).code).toBe(0);
  });

  it("signs with the secrets that the local start wrote down", async () => {
    const { home, remove } = cliHome({ url: s.url, adminToken: "t", secrets: SECRETS });
    const ran = await run(["trigger", "better-stack", "incident-started"], {
      SIGNALBOX_HOME: home,
    });
    expect(ran.code).toBe(0);
    const away = await run(["trigger", "stripe", "payment-failed", "--url", "http://127.0.0.1:1"], {
      SIGNALBOX_HOME: home,
    });
    expect(away.err).toContain("There is no secret to sign with for http://127.0.0.1:1.");
    remove();
  });

  it("nobody there: one sentence, not one for each of a thousand", async () => {
    const args = ["stripe", "payment-failed", "--url", await deserted(), "--count", "1000"];
    const { code, err } = await trigger(...args);
    expect(code).toBe(1);
    expect(err.match(/Nothing answers/g)).toHaveLength(1);
  });

  it("cut off in the middle: says what was answered, and what is unknown", async () => {
    let answered = 0;
    const ending = await served(
      new Hono().post("*", (c) => {
        answered += 1;
        if (answered > 20) (c.env as HttpBindings).incoming.destroy();
        return c.json({ status: "accepted", eventKey: "evt_1" }, 202);
      }),
    );
    const args = ["stripe", "payment-failed", "--count", "100", "--url", ending.url];
    const { code, err } = await trigger(...args);
    expect(code).toBe(1);
    const [, done, unknown, rest] =
      /(\d+) of 100 answered \(\d+ accepted\), (\d+) unknown, (\d+) not posted/.exec(err) ?? [];
    expect(Number(done)).toBe(20);
    expect(Number(unknown)).toBeGreaterThan(0);
    expect(Number(done) + Number(unknown) + Number(rest)).toBe(100);
    await ending.close();
  });

  it.each([
    [["stripe", "nope"], 'There is no sample "nope" of stripe; there are charge-refunded'],
    [["github", "push"], 'There is no source "github"; there are stripe, sentry'],
    [["stripe", "payment-failed", "--count", "0"], "whole number from 1 to 100000"],
    [["stripe", "payment-failed", "--set", "amount"], '"amount" changes nothing.'],
    [["stripe", "payment-failed", "--set", "id.x.y=1"], "--set does not fit the sample"],
  ])("%j is a wrong call: exit code 2", async (args, sentence) => {
    const { code, err } = await trigger(...args);
    expect(code).toBe(2);
    expect(err).toContain(sentence);
  });
});
