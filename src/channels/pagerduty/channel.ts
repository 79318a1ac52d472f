import type { Channel, ChannelCommon, PagerDutyConfig } from "../channel.js";
import { notConfigured, refusalOf, retryAfterOf } from "../failure.js";
import { objectOf, post } from "../post.js";
import { renderPagerDuty } from "./event.js";

/** PagerDuty asks for minutes, not seconds, before a call that it throttled is tried again. */
const THROTTLED_SECONDS = 120;

/**
 * PagerDuty by Events API v2. The incident's id is the `dedup_key`: a repeated trigger joins the
 * open alert, a repeated resolve does nothing, so nobody is paged twice.
 *
 * @see https://developer.pagerduty.com/docs/send-alert-event
 */
export function pagerdutyChannel(
  config: PagerDutyConfig | undefined,
  common: ChannelCommon,
): Channel {
  const { platformName, timeoutMs } = common;
  return {
    id: "pagerduty",
    configured: config !== undefined,
    atLeastOnce: false,
    timeoutMs,
    async render(notice) {
      if (config === undefined) throw notConfigured("PAGERDUTY_ROUTING_KEY");
      return renderPagerDuty(notice, platformName);
    },
    async send({ payload }) {
      if (config === undefined) throw notConfigured("PAGERDUTY_ROUTING_KEY");
      const { status, headers, text } = await post({
        vendor: "PagerDuty",
        url: config.eventsUrl,
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ routing_key: config.routingKey.reveal(), ...payload }),
        timeoutMs,
      });
      const answer = objectOf(text);
      if (status < 200 || status > 299) throw refused(status, headers, answer);
      const key = answer.dedup_key ?? payload.dedup_key;
      return { vendorId: typeof key === "string" ? key : null };
    },
  };
}

function refused(status: number, headers: Headers, answer: Record<string, unknown>): Error {
  const said = typeof answer.status === "string" ? answer.status.replaceAll(" ", "_") : "";
  return refusalOf({
    vendor: "PagerDuty",
    status,
    word: said,
    headers,
    retryAfterSeconds: status === 429 ? (retryAfterOf(headers) ?? THROTTLED_SECONDS) : undefined,
  });
}
