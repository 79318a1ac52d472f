import { CHANNEL_TIMEOUT_MS, type Channel, type Channels, type ChannelsConfig } from "./channel.js";
import { withZone } from "./notice-data.js";
import { pagerdutyChannel } from "./pagerduty/channel.js";
import { platformChannel } from "./platform/channel.js";
import { resendChannel } from "./resend/channel.js";
import { slackChannel } from "./slack/channel.js";
import { statusPageChannel } from "./status-page/channel.js";
import { twilioChannel } from "./twilio/channel.js";

/** Every way to reach a person, or the platform's own application, by the channel's id; the only list of them. */
export function buildChannels(config: ChannelsConfig): Channels {
  const { platformName, timeZone = "UTC", timeoutMs = CHANNEL_TIMEOUT_MS } = config;
  const common = { platformName, timeoutMs };
  const inZone = (channel: Channel): Channel => ({
    ...channel,
    render: (notice, follows) => channel.render(withZone(notice, timeZone), follows),
  });
  return Object.freeze({
    email: inZone(resendChannel(config.resend, common, config.unsubscribeUrl)),
    slack: inZone(slackChannel(config.slack, common)),
    pagerduty: inZone(pagerdutyChannel(config.pagerduty, common)),
    sms: inZone(twilioChannel(config.twilio, common)),
    platform: platformChannel(config.platform, common),
    status_page: inZone(statusPageChannel(config.statusPage, common)),
  });
}
