import * as Sentry from "@sentry/node";
import { Transient } from "../../domain/errors.js";
import type { Post } from "../../domain/ports.js";
import type { Secret } from "../../domain/secret.js";
import { testEventTitle } from "../../domain/test-event.js";

const TIMEOUT_MS = 5_000;

/**
 * Sends one event to a project of Sentry's, as its SDK would, for Sentry to tell our own door of. Each marker is an
 * issue of its own by its fingerprint, because Sentry tells of new issues.
 *
 * @param dsn of a project whose alerts come to this deployment.
 * @throws Transient when it does not take the event.
 */
export async function postTestEvent(marker: string, dsn: Secret, post: Post): Promise<void> {
  let answer: { status: number } | null = null;
  const client = new Sentry.NodeClient({
    dsn: dsn.reveal(),
    integrations: [],
    stackParser: Sentry.defaultStackParser,
    transport: (options) =>
      Sentry.createTransport(options, async ({ body }) => {
        const headers = { "content-type": "application/x-sentry-envelope" };
        const bytes = typeof body === "string" ? body : new Uint8Array(body);
        answer = await post({ url: options.url, headers, body: bytes, timeoutMs: TIMEOUT_MS });
        return { statusCode: answer.status };
      }),
  });
  client.captureEvent({
    message: testEventTitle(marker),
    level: "info",
    fingerprint: ["signalbox-check", marker],
    tags: { signalbox_check: marker },
  });
  await client.flush(TIMEOUT_MS);
  const { status } = (answer as { status: number } | null) ?? { status: null };
  if (status === null) throw new Transient("gateway_unavailable", { detail: "no answer" });
  if (status >= 300) throw new Transient("gateway_unavailable", { detail: `status ${status}` });
}
