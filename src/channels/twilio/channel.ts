import type { Channel, ChannelCommon, TwilioConfig } from "../channel.js";
import { notConfigured, refusalOf } from "../failure.js";
import { objectOf, post } from "../post.js";
import { renderSms } from "./text.js";

const VARIABLES = "TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM";

/** Too many requests at once, which older parts of the API say with another status than 429. */
const TOO_MANY = 20429;

/**
 * SMS by Twilio's Messages resource. It knows no idempotency key, so a call whose answer was lost
 * may be read twice. An answer of success without a readable body still counts as sent.
 *
 * @see https://www.twilio.com/docs/messaging/api/message-resource
 */
export function twilioChannel(config: TwilioConfig | undefined, common: ChannelCommon): Channel {
  const { platformName, timeoutMs } = common;
  return {
    id: "sms",
    configured: config !== undefined,
    atLeastOnce: true,
    timeoutMs,
    async render(notice) {
      if (config === undefined) throw notConfigured(VARIABLES);
      return { body: renderSms(notice, platformName), from: config.from };
    },
    async send({ recipient, payload }) {
      if (config === undefined) throw notConfigured(VARIABLES);
      const { status, headers, text } = await post({
        vendor: "Twilio",
        url: messagesUrl(config),
        headers: {
          authorization: `Basic ${Buffer.from(`${config.accountSid}:${config.authToken.reveal()}`).toString("base64")}`,
          "content-type": "application/x-www-form-urlencoded",
        },
        body: form(recipient, payload).toString(),
        timeoutMs,
      });
      const { sid, code } = objectOf(text);
      if (status < 200 || status > 299) {
        const word = typeof code === "number" ? String(code) : undefined;
        throw refusalOf({
          vendor: "Twilio",
          status,
          word,
          headers,
          mayWorkLater: code === TOO_MANY ? true : undefined,
        });
      }
      return { vendorId: typeof sid === "string" ? sid : null };
    },
  };
}

function messagesUrl({ apiUrl, accountSid }: TwilioConfig): string {
  const base = apiUrl.replace(/\/+$/, "");
  return `${base}/2010-04-01/Accounts/${encodeURIComponent(accountSid)}/Messages.json`;
}

function form(recipient: string, payload: Record<string, unknown>): URLSearchParams {
  const from = String(payload.from);
  const sender = from.startsWith("MG") ? "MessagingServiceSid" : "From";
  return new URLSearchParams({ To: recipient, [sender]: from, Body: String(payload.body) });
}
