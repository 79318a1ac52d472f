import { sources } from "../../src/sources/registry.js";

/** Long enough for the one that has a least length, and in base64 for the one that is a key in it. */
export const secretOf = (source: string): string =>
  Buffer.from(`secret-of-${source}-for-this-run`).toString("base64url");

export const QUEUE_TOKEN = "queue-token-for-this-run";
export const PUBLIC_BASE_URL = "https://signalbox.example";

/** What the door reads, with QStash and KV at one address. */
export function doorEnvironment(platformUrl: string): Record<string, string> {
  return {
    PUBLIC_BASE_URL,
    QSTASH_URL: platformUrl,
    QSTASH_TOKEN: QUEUE_TOKEN,
    KV_REST_API_URL: platformUrl,
    KV_REST_API_TOKEN: "kv-token-for-this-run",
    LOG_LEVEL: "error",
    ...Object.fromEntries(sources.map(({ id, secret }) => [secret, secretOf(id)])),
  };
}
