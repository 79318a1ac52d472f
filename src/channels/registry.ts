import { CHANNEL_TIMEOUT_MS, type Channels, type ChannelsConfig } from "./channel.js";
import { pagerdutyChannel } from "./pagerduty/channel.js";
import { resendChannel } from "./resend/channel.js";
import { slackChannel } from "./slack/channel.js";
import { twilioChannel } from "./twilio/channel.js";

/** Every way to reach a person, by the channel's id; the only list of them. */
export function buildChannels(config: ChannelsConfig): Channels {
  const { platformName, timeoutMs = CHANNEL_TIMEOUT_MS } = config;
  const common = { platformName, timeoutMs };
  return Object.freeze({
    email: resendChannel(config.resend, common),
    slack: slackChannel(config.slack, common),
    pagerduty: pagerdutyChannel(config.pagerduty, common),
    sms: twilioChannel(config.twilio, common),
  });
}
