import type { Channel, ChannelCommon, StatusPageConfig } from "../channel.js";
import { notConfigured, refusalOf } from "../failure.js";
import { objectOf, post } from "../post.js";
import { pageReport } from "./report.js";
import { PAGE_SERVICES } from "./services.js";

const VARIABLES = "STATUS_PAGE_URL and STATUS_PAGE_TOKEN";

/** One service's own word for too many requests. */
const TOO_MANY = 420;

/**
 * The page on which users look whether it works. What follows a report that was made is added to it, so that an
 * outage is one entry. The services know no idempotency key: a report whose answer was lost may stand there twice.
 */
export function statusPageChannel(
  config: StatusPageConfig | undefined,
  { timeoutMs }: ChannelCommon,
): Channel {
  return {
    id: "status_page",
    configured: config !== undefined,
    atLeastOnce: true,
    timeoutMs,
    async render(notice, follows = null) {
      if (config === undefined) throw notConfigured(VARIABLES);
      const report = pageReport(notice);
      return PAGE_SERVICES[config.kind].request(report, follows, config.resources);
    },
    async send({ payload }) {
      if (config === undefined) throw notConfigured(VARIABLES);
      const service = PAGE_SERVICES[config.kind];
      const { status, headers, text } = await post({
        vendor: service.name,
        url: `${config.url.replace(/\/+$/, "")}${String(payload.path)}`,
        method: payload.method === "PATCH" ? "PATCH" : "POST",
        headers: {
          authorization: service.authorization(config.token.reveal()),
          "content-type": "application/json",
        },
        body: JSON.stringify(payload.body),
        timeoutMs,
      });
      if (status < 200 || status > 299) {
        const mayWorkLater = status === TOO_MANY ? true : undefined;
        throw refusalOf({ vendor: service.name, status, headers, mayWorkLater });
      }
      const { follows } = payload;
      // An update has an id of its own; what comes next adds to the report.
      return { vendorId: typeof follows === "string" ? follows : service.idIn(objectOf(text)) };
    },
  };
}
