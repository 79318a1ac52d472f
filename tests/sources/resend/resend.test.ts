import fc from "fast-check";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { loadSample, sampleNames } from "../../../cli/samples/index.js";
import { signedRequest } from "../../../cli/sign.js";
import { Secret } from "../../../src/domain/secret.js";
import { resend } from "../../../src/sources/resend/index.js";
import { bytesOf, factsOf, identityOf, NOW, payload, RECEIVED_AT, rawRequest } from "../kit.js";

const SECRET = "whsec_dGVzdC1rZXktb2YtcmVzZW5k";

/** Signed, verified by the published library, as this source and as our own signer see it. */
const published = (headers: Record<string, string>, body: string, now: number): boolean => {
  const told = Object.entries(headers).map(([name, value]) => [
    name.replace("svix-", "webhook-"),
    value,
  ]);
  try {
    // The library looks at the machine's clock; what it is asked is moved to it by whole seconds.
    new Webhook(SECRET).verify(body, Object.fromEntries(told), { jsonParse: false });
    return Math.abs(now - Date.now()) < 1_000;
  } catch {
    return false;
  }
};

describe("Resend's signatures", () => {
  it("are taken and refused as the published library takes and refuses them", async () => {
    const base64 = fc.base64String({ minLength: 4, maxLength: 48 }).map((text) => `v1,${text}`);
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: "grapheme" }),
        fc.integer({ min: -280, max: 280 }),
        fc.array(base64, { maxLength: 3 }),
        fc.boolean(),
        async (text, offSeconds, others, good) => {
          const now = Date.now();
          const body = JSON.stringify({ text });
          const at = now + offSeconds * 1000;
          const { headers } = signedRequest("resend", bytesOf(body), { secret: SECRET, now: at });
          const signatures = good ? [...others, headers["svix-signature"] ?? ""] : others;
          const given = { ...headers, "svix-signature": signatures.join(" ") };
          const secrets = [new Secret("RESEND_WEBHOOK_SECRET", SECRET)];
          const verdict = await resend.verify(rawRequest(given, bytesOf(body)), secrets, now);
          expect(verdict.kind === "verified").toBe(published(given, body, now));
          expect(verdict.kind === "verified").toBe(good);
        },
      ),
      { numRuns: 100 },
    );
  });

  it("say so when a secret stands for no key", async () => {
    const { headers } = signedRequest("resend", bytesOf("{}"), { secret: SECRET, now: NOW });
    const secrets = [new Secret("RESEND_WEBHOOK_SECRET", "whsec_is this base64?")];
    expect(await resend.verify(rawRequest(headers, bytesOf("{}")), secrets, NOW)).toEqual({
      kind: "bad_signature",
      detail: "RESEND_WEBHOOK_SECRET is not whsec_ and base64",
    });
  });

  it("are bounded in their number", async () => {
    const { headers } = signedRequest("resend", bytesOf("{}"), { secret: SECRET, now: NOW });
    const many = Array.from({ length: 11 }, () => headers["svix-signature"]).join(" ");
    const request = rawRequest({ ...headers, "svix-signature": many }, bytesOf("{}"));
    const verdict = await resend.verify(request, [new Secret("S", SECRET)], NOW);
    expect(verdict).toMatchObject({ kind: "bad_signature" });
  });
});

describe("Resend's events", () => {
  it("are named by the message's id, which a redelivery keeps, and timed by the event", async () => {
    const { body } = loadSample("resend", "email-delivered");
    const headers = { "svix-id": "msg_1" };
    expect(await identityOf(resend, { headers, body })).toEqual({
      eventKey: "msg_1",
      type: "email.delivered",
      occurredAt: Date.UTC(2026, 10, 1, 8, 59, 58, 120),
    });
    const unread = await identityOf(resend, { headers, body: bytesOf("{") });
    expect(unread).toEqual({ eventKey: "msg_1", type: "unreadable", occurredAt: null });
  });

  it.each([
    ["email-delivered", "delivered", false],
    ["email-bounced", "bounced", true],
    ["email-bounced-for-now", "bounced", false],
    ["email-complained", "complained", true],
    ["email-failed", "failed", false],
    ["email-suppressed", "suppressed", false],
  ])("%s: %s, for good: %s", (name, outcome, permanent) => {
    expect(factsOf(resend, loadSample("resend", name))).toEqual([
      {
        kind: "mail.status_reported",
        vendorId: "7f0c1d52-sample",
        noticeId: null,
        outcome,
        permanent,
        occurredAt: Date.UTC(2026, 10, 1, 8, 59, 58, 120),
      },
    ]);
    expect(sampleNames("resend")).toContain(name);
  });

  it("are for good only when they say so", () => {
    for (const name of ["bounce-undetermined", "bounce-without-details"]) {
      expect(factsOf(resend, payload("resend", name))).toMatchObject([{ permanent: false }]);
    }
  });

  it("name our notice by the tag that comes back as an object, and are timed by the door without one", () => {
    const { body } = payload("resend", "tags-as-list");
    expect(factsOf(resend, { headers: {}, body })).toMatchObject([{ noticeId: null }]);
    const data = { email_id: "em_1", tags: { notice: "ntc_1" } };
    expect(factsOf(resend, { headers: {}, body: { type: "email.bounced", data } })).toMatchObject([
      { vendorId: "em_1", noticeId: "ntc_1", occurredAt: RECEIVED_AT },
    ]);
  });

  it("of other kinds are kept and nothing more", () => {
    expect(factsOf(resend, loadSample("resend", "email-opened"))).toEqual([]);
    expect(factsOf(resend, payload("resend", "contact-created"))).toEqual([]);
  });
});
