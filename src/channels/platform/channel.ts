import { Webhook } from "standardwebhooks";
import { canonicalJson } from "../../domain/canonical-json.js";
import type { Channel, ChannelCommon, PlatformConfig } from "../channel.js";
import { notConfigured, refusalOf } from "../failure.js";
import { noSuchTemplate } from "../notice-data.js";
import { post } from "../post.js";
import { renderEntitlement } from "./entitlement.js";

const VARIABLES = "PLATFORM_WEBHOOK_URL and PLATFORM_WEBHOOK_SECRET";

/**
 * The platform's own application, by a webhook that is signed as Standard Webhooks says. The notice's id is the
 * `webhook-id` of every attempt, so an application that remembers it acts once. Each attempt is signed anew, because the
 * signature's time is held against the receiver's clock; under rotation with each secret that is valid.
 *
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function platformChannel(
  config: PlatformConfig | undefined,
  { timeoutMs }: ChannelCommon,
): Channel {
  return {
    id: "platform",
    configured: config !== undefined,
    atLeastOnce: false,
    timeoutMs,
    async render(notice) {
      if (config === undefined) throw notConfigured(VARIABLES);
      if (notice.template !== "entitlement-changed") return noSuchTemplate(notice);
      return renderEntitlement(notice);
    },
    async send({ idempotencyKey, payload }) {
      if (config === undefined) throw notConfigured(VARIABLES);
      const { url, secrets, clock } = config;
      const body = canonicalJson(payload); // every attempt sends the same bytes
      const sentAt = new Date(clock.now());
      const signatures = secrets.map((secret) =>
        new Webhook(secret.reveal()).sign(idempotencyKey, sentAt, body),
      );
      const { status, headers } = await post({
        vendor: "The platform",
        url,
        headers: {
          "content-type": "application/json",
          "user-agent": "Signalbox",
          "webhook-id": idempotencyKey,
          "webhook-timestamp": String(Math.floor(sentAt.getTime() / 1000)),
          "webhook-signature": signatures.join(" "),
        },
        body,
        timeoutMs,
      });
      if (status < 200 || status > 299)
        throw refusalOf({ vendor: "The platform", status, headers });
      return { vendorId: null };
    },
  };
}
