import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildChannels } from "../../src/channels/registry.js";
import { Permanent } from "../../src/domain/errors.js";
import { TEMPLATES } from "../../src/domain/notice.js";
import { Secret } from "../../src/domain/secret.js";
import { fullOf, notice } from "./notices.js";

const channels = buildChannels({
  resend: { apiKey: new Secret("RESEND_API_KEY", "k"), from: "Example <a@example.org>" },
  slack: { webhookUrl: new Secret("SLACK_WEBHOOK_URL", "http://127.0.0.1:9") },
  pagerduty: {
    routingKey: new Secret("PAGERDUTY_ROUTING_KEY", "k"),
    eventsUrl: "http://127.0.0.1:9",
  },
  twilio: {
    accountSid: "AC1",
    authToken: new Secret("TWILIO_AUTH_TOKEN", "k"),
    from: "+1",
    apiUrl: "http://127.0.0.1:9",
  },
  platformName: "Example",
});

const value = fc.oneof(
  fc.string({ unit: "binary", maxLength: 2_000 }),
  fc.constantFrom("<!channel>", "\u0000", "\ud800", "https://example.com/|>", "P0", "THB", ""),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
);
const keys = [...new Set(TEMPLATES.flatMap((template) => Object.keys(fullOf(template))))];
const data = fc.dictionary(fc.constantFrom(...keys), value);
const locale = fc
  .tuple(
    fc.constantFrom("th", "en", "ja", ""),
    fc.oneof(fc.constant(""), fc.string({ maxLength: 6 })),
  )
  .map(([language, rest]) => language + rest);

describe("render, whatever the webhook brought", () => {
  for (const channel of Object.values(channels)) {
    it(`${channel.id} gives plain JSON that a database keeps, or refuses`, async () => {
      const anything = fc.record({ template: fc.constantFrom(...TEMPLATES), data, locale });
      await fc.assert(
        fc.asyncProperty(anything, async (about) => {
          const full = fullOf(about.template);
          const over = { ...about, channel: channel.id, data: { ...full, ...about.data } };
          const payload = await channel
            .render(notice(about.template, over))
            .catch((e: unknown) => e);
          if (payload instanceof Error) {
            expect(payload).toBeInstanceOf(Permanent);
            return;
          }
          const text = JSON.stringify(payload);
          expect(JSON.parse(text)).toEqual(payload);
          expect(text).not.toMatch(/\\u0000|\\ud[89a-f]/); // what jsonb refuses
        }),
        { numRuns: 150 },
      );
    });
  }
});
