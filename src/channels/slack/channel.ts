import type { Channel, ChannelCommon, SlackConfig } from "../channel.js";
import { notConfigured, refusalOf } from "../failure.js";
import { post } from "../post.js";
import { renderSlack } from "./message.js";

/**
 * Slack by incoming webhook. It knows no idempotency key, so a call whose answer was lost may be
 * read twice. The webhook belongs to one channel: the recipient is only our name for it.
 *
 * @see https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
 */
export function slackChannel(config: SlackConfig | undefined, common: ChannelCommon): Channel {
  const { platformName, timeoutMs } = common;
  return {
    id: "slack",
    configured: config !== undefined,
    atLeastOnce: true,
    timeoutMs,
    async render(notice) {
      if (config === undefined) throw notConfigured("SLACK_WEBHOOK_URL");
      return renderSlack(notice, platformName);
    },
    async send({ payload }) {
      if (config === undefined) throw notConfigured("SLACK_WEBHOOK_URL");
      const answer = await post({
        vendor: "Slack",
        url: config.webhookUrl.reveal(),
        headers: { "content-type": "application/json; charset=utf-8" },
        body: JSON.stringify(payload),
        timeoutMs,
      });
      const { status, headers, text } = answer;
      if (status < 200 || status > 299) {
        throw refusalOf({ vendor: "Slack", status, word: text?.trim(), headers });
      }
      // A webhook answers `ok` and names no message; its request id at least finds the call again.
      return { vendorId: headers.get("x-slack-unique-id") ?? headers.get("x-slack-req-id") };
    },
  };
}
