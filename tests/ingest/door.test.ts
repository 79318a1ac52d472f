import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freshen, loadSample, requestOf } from "../../cli/samples/index.js";
import { signedRequest } from "../../cli/sign.js";
import { BODY_BYTES_MAX } from "../../src/sources/source.js";
import { type House, openHouse, SECRETS } from "../support/house.js";

let h: House;
beforeAll(async () => {
  h = await openHouse();
});
afterAll(async () => {
  await h.close();
});

const door = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${h.url}/api/webhooks/${path}`, { method: "POST", ...init });

function signed(source: string, name: string, secret: string, uniqueId = "door") {
  const sample = freshen(loadSample(source, name), { uniqueId, now: Date.now() });
  return requestOf(sample, { secret, now: Date.now() });
}

async function refused(response: Response): Promise<[number, string]> {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const body = (await response.json()) as Record<string, string | number>;
  expect(body.requestId).toBe(response.headers.get("x-request-id"));
  expect(String(body.detail).length).toBeGreaterThan(10);
  return [response.status, String(body.code)];
}

describe("the door's answers", () => {
  it("says 202 with the event's key and a request id", async () => {
    const { headers, body } = signed("stripe", "payment-succeeded", SECRETS.STRIPE_WEBHOOK_SECRET);
    const response = await door("stripe", { headers, body });
    expect(response.status).toBe(202);
    expect(Object.keys((await response.json()) as object).sort()).toEqual([
      "eventKey",
      "requestId",
      "status",
    ]);
  });

  it("says 404 unknown_source to a source that it has not, and to a token where none is taken", async () => {
    expect(await refused(await door("paypal"))).toEqual([404, "unknown_source"]);
    expect(await refused(await door("constructor"))).toEqual([404, "unknown_source"]);
    expect(await refused(await door("monitor", { body: "{}" }))).toEqual([404, "unknown_source"]);
    expect(await refused(await door("stripe/some-token"))).toEqual([404, "unknown_source"]);
  });

  it("says 405 with Allow to anything but POST", async () => {
    const response = await fetch(`${h.url}/api/webhooks/stripe`);
    expect(response.headers.get("allow")).toBe("POST");
    expect(await refused(response)).toEqual([405, "method_not_allowed"]);
  });

  it("says 401 with the cause, and never repeats what it was given", async () => {
    const { headers, body } = signed("stripe", "payment-succeeded", "whsec_wrong");
    expect(await refused(await door("stripe", { body }))).toEqual([401, "missing_signature"]);
    expect(await refused(await door("stripe", { headers, body }))).toEqual([401, "bad_signature"]);
    const sample = freshen(loadSample("stripe", "payment-succeeded"), { uniqueId: "old", now: 0 });
    const secret = SECRETS.STRIPE_WEBHOOK_SECRET;
    const old = requestOf(sample, { secret, now: Date.now() - 301_000 });
    const stale = await door("stripe", { headers: old.headers, body: old.body });
    const text = await stale.clone().text();
    expect(text).not.toContain(old.headers["Stripe-Signature"] ?? "nothing");
    expect(await refused(stale)).toEqual([401, "stale_signature"]);
  });

  it("takes Better Stack's token as password, as header and as the last segment", async () => {
    const { body } = signed("better-stack", "incident-started", "");
    const token = SECRETS.BETTER_STACK_WEBHOOK_TOKEN;
    const basic = { authorization: `Basic ${btoa(`anybody:${token}`)}` };
    const accepted = [
      await door("better-stack", { headers: basic, body }),
      await door("better-stack", { headers: { "x-webhook-token": token }, body }),
      await door(`better-stack/${token}`, { body }),
    ];
    expect(accepted.map((r) => r.status)).toEqual([202, 200, 200]);
    const wrong = await door("better-stack/wrong-token-wrong-token", { body });
    expect(await wrong.clone().text()).not.toContain("wrong-token");
    expect(await refused(wrong)).toEqual([401, "bad_signature"]);
  });

  it("refuses what is announced as too large before it reads a byte of it", async () => {
    const status = await new Promise<number>((resolve, reject) => {
      const url = new URL(`${h.url}/api/webhooks/stripe`);
      const headers = { "content-length": String(BODY_BYTES_MAX + 1) };
      const request = httpRequest(url, { method: "POST", headers }, (response) => {
        resolve(response.statusCode ?? 0);
        request.destroy();
      });
      request.on("error", reject);
      request.flushHeaders(); // the head only: an answer now means that nothing was waited for
    });
    expect(status).toBe(413);
  });

  it("stops reading a body of unknown length at the limit", async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 256 * 1024;
        controller.enqueue(new Uint8Array(256 * 1024));
      },
    });
    const response = await door("stripe", { body: endless, duplex: "half" } as RequestInit).catch(
      () => null, // the door may close the connection while we still send: that is a refusal too
    );
    if (response !== null) expect(await refused(response)).toEqual([413, "too_large"]);
    expect(sent).toBeLessThan(4 * BODY_BYTES_MAX);
  });

  it("accepts the largest body that it allows", async () => {
    const text = JSON.stringify({ id: "evt_large", type: "x.y", created: 1, pad: "" });
    const pad = "x".repeat(BODY_BYTES_MAX - text.length);
    const body = new TextEncoder().encode(text.replace('"pad":""', `"pad":"${pad}"`));
    expect(body.length).toBe(BODY_BYTES_MAX);
    const secret = SECRETS.STRIPE_WEBHOOK_SECRET;
    const { headers } = signedRequest("stripe", body, { secret, now: Date.now() });
    expect((await door("stripe", { headers, body })).status).toBe(202);
  });

  it("keeps the last refusals of a source with their cause, for a person who asks", async () => {
    await door("vercel", { body: "{}" });
    const kept = () => h.admin<{ data: Record<string, string>[] }>("refusals?source=vercel");
    await expect.poll(async () => (await kept()).data.length, { timeout: 5_000 }).toBe(1);
    const [refusal] = (await kept()).data;
    expect(refusal).toMatchObject({ code: "missing_signature" });
    expect(Object.keys(refusal ?? {}).sort()).toEqual([
      "at",
      "code",
      "detail",
      "requestId",
      "source",
    ]);
  });
});

describe("signed but unreadable", () => {
  it.each([
    ["bad JSON", new TextEncoder().encode('{"id": "evt_1",')],
    ["bad UTF-8", Uint8Array.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])],
    ["a BOM", new TextEncoder().encode('\uFEFF{"id":"evt_bom","type":"x.y","created":1}')],
    ["nothing at all", new Uint8Array()],
  ])("%s is accepted and becomes a dead letter", async (_name, body) => {
    const secret = SECRETS.STRIPE_WEBHOOK_SECRET;
    const { headers } = signedRequest("stripe", body, { secret, now: Date.now() });
    const response = await door("stripe", { headers, body });
    expect(response.status).toBe(202);
    const { eventKey } = (await response.json()) as { eventKey: string };
    await h.rest();
    const events = await h.list("events");
    expect(events.find((event) => event.eventKey === eventKey)).toMatchObject({
      status: "dead",
      error: { code: "unreadable_body" },
    });
  });
});
