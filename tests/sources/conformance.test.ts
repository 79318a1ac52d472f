import { Webhook } from "standardwebhooks";
import Stripe from "stripe";
import { describe, expect, it } from "vitest";
import { loadSample, sampleNames } from "../../cli/samples/index.js";
import { encodeBody, signedRequest } from "../../cli/sign.js";
import { sourceById, sourceIds, sources, webhookSourceById } from "../../src/sources/registry.js";
import { type SourceKit, sourceConformance } from "./conformance.js";
import { NOW } from "./kit.js";

const bodyOf = (source: string, sample: string) =>
  new TextDecoder().decode(encodeBody(source, loadSample(source, sample).body));

/** The last hex digit with its lowest bit flipped. */
const flipLastDigit = (hex: string) =>
  hex.slice(0, -1) + (Number.parseInt(hex.slice(-1), 16) ^ 1).toString(16);

const flipMiddle = (text: string) => {
  const middle = text.length >> 1;
  return text.slice(0, middle) + (text[middle] === "A" ? "B" : "A") + text.slice(middle + 1);
};

const KITS: Record<(typeof sources)[number]["id"], SourceKit> = {
  stripe: {
    // The vendor's own SDK signs, so that what agrees here is not only we with ourselves.
    sign: (body, secret, now) => ({
      "stripe-signature": Stripe.webhooks.generateTestHeaderString({
        // The SDK takes text: a body that is no text is signed by our own signer.
        payload: "",
        secret,
        timestamp: Math.floor(now / 1000),
        ...stripeSigned(body, secret, now),
      }),
    }),
    proof: "stripe-signature",
    spoil: flipLastDigit,
    body: bodyOf("stripe", "checkout-completed"),
    headers: {},
    unknown: {
      headers: {},
      body: { id: "evt_u", object: "event", type: "moon.rose", created: 1, data: {} },
    },
  },
  sentry: {
    sign: (body, secret, now) => {
      const { headers } = signedRequest("sentry", body, { secret, now });
      return { "sentry-hook-signature": headers["Sentry-Hook-Signature"] ?? "" };
    },
    proof: "sentry-hook-signature",
    spoil: flipLastDigit,
    body: bodyOf("sentry", "issue-created"),
    headers: { "sentry-hook-resource": "issue", "sentry-hook-timestamp": String(NOW / 1000) },
    unknown: { headers: { "Sentry-Hook-Resource": "moon" }, body: { action: "rose", data: {} } },
  },
  vercel: {
    sign: (body, secret, now) => signedRequest("vercel", body, { secret, now }).headers,
    proof: "x-vercel-signature",
    spoil: flipLastDigit,
    body: bodyOf("vercel", "deployment-error"),
    headers: {},
    unknown: { headers: {}, body: { id: "uev_u", type: "moon.rose", createdAt: 1, payload: {} } },
  },
  "better-stack": {
    sign: (body, secret, now) => signedRequest("better-stack", body, { secret, now }).headers,
    proof: "Authorization",
    spoil: flipMiddle,
    body: bodyOf("better-stack", "incident-started").replace("Shop: checkout", "ร้านค้า"),
    headers: {},
    unknown: { headers: {}, body: { event: "rose", data: { id: "1", type: "moon" } } },
  },
  resend: {
    sign: (body, secret, now) => {
      const { headers } = signedRequest("resend", body, { secret, now });
      // The published library signs what it can: text, and not under an empty secret.
      const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(body);
      if (secret === "" || !Buffer.from(text).equals(body)) return headers;
      const id = headers["svix-id"] ?? "";
      return { ...headers, "svix-signature": new Webhook(secret).sign(id, new Date(now), text) };
    },
    proof: "svix-signature",
    spoil: flipMiddle,
    body: bodyOf("resend", "email-bounced"),
    headers: {},
    unknown: { headers: {}, body: { type: "email.rose", created_at: "x", data: {} } },
    secrets: ["whsec_Y29uZm9ybWFuY2Utc2VjcmV0LTE=", "whsec_Y29uZm9ybWFuY2Utc2VjcmV0LTI="],
  },
};

function stripeSigned(body: Uint8Array, secret: string, now: number) {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(body);
  if (Buffer.from(text).equals(body)) return { payload: text };
  const own = signedRequest("stripe", body, { secret, now }).headers["Stripe-Signature"] ?? "";
  return { signature: own.slice(own.indexOf("v1=") + 3) };
}

describe("registry", () => {
  it("finds every source by its name in the address, and nothing by another", () => {
    for (const source of sources) expect(sourceById(source.id)).toBe(source);
    for (const id of ["", "Stripe", "constructor", "__proto__", "betterstack"]) {
      expect(sourceById(id)).toBeUndefined();
    }
  });

  it("knows our own source, which nobody posts", () => {
    expect(sourceById("monitor")?.id).toBe("monitor");
    expect(sourceIds).toEqual([...sources.map(({ id }) => id), "monitor"]);
    expect(webhookSourceById("monitor")).toBeUndefined();
    for (const source of sources) expect(webhookSourceById(source.id)).toBe(source);
  });

  it("names each source's secret, and has samples to send for each", () => {
    expect(sources.map((source) => source.secret)).toEqual([
      "STRIPE_WEBHOOK_SECRET",
      "SENTRY_CLIENT_SECRET",
      "VERCEL_WEBHOOK_SECRET",
      "BETTER_STACK_WEBHOOK_TOKEN",
      "RESEND_WEBHOOK_SECRET",
    ]);
    for (const source of sources) expect(sampleNames(source.id).length).toBeGreaterThan(3);
  });
});

for (const source of sources) sourceConformance(source, KITS[source.id]);
