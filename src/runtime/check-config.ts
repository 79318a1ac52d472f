import type { Secret } from "../domain/secret.js";
import type { Reader } from "./environment.js";

/** What the checks of deployments and maintenances need to know of this deployment. */
export interface CheckConfig {
  /** Of the project that a test event is sent to. */
  sentryDsn: Secret | undefined;
  /** Where a service answers in place of its deployments' own addresses; by its name, in lower case. */
  baseUrls: ReadonlyMap<string, string>;
}

export function readChecks(read: Reader): CheckConfig {
  const sentryDsn = read.isSet("CHECK_SENTRY_DSN") ? read.secret("CHECK_SENTRY_DSN") : undefined;
  if (sentryDsn !== undefined && !/^https?:\/\/[^@\s/]+@[^\s/]+\/.*\d+$/.test(sentryDsn.reveal())) {
    read.problem("CHECK_SENTRY_DSN must be a DSN: https://<key>@<host>/<project>");
  }
  return { sentryDsn, baseUrls: readBaseUrls(read) };
}

/** `web=https://shop.example,api=https://api.shop.example`. */
function readBaseUrls(read: Reader): Map<string, string> {
  const found = new Map<string, string>();
  for (const pair of (read.optionalText("CHECK_BASE_URLS") ?? "").split(",")) {
    if (pair.trim() === "") continue;
    const [name = "", url = ""] = splitOnce(pair);
    if (name === "" || !/^https?:\/\/[^\s/]+/.test(url) || !URL.canParse(url)) {
      read.problem("CHECK_BASE_URLS must be pairs such as web=https://shop.example");
    } else found.set(name.toLowerCase(), url);
  }
  return found;
}

function splitOnce(pair: string): [string, string] {
  const at = pair.indexOf("=");
  return at < 0 ? ["", ""] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
}
