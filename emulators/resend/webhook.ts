import { createHmac } from "node:crypto";
import { z } from "zod";
import { MAIL_EVENTS, type Mail } from "./mail.js";

const POST_TIMEOUT_MS = 10_000;

/** What to say of a mail, and where. A bounce is `Permanent` unless told otherwise. */
export const WebhookSchema = z.strictObject({
  emailId: z.string(),
  event: z.enum(MAIL_EVENTS),
  url: z.url(),
  secret: z.string().startsWith("whsec_"),
  bounceType: z.enum(["Permanent", "Transient", "Undetermined"]).default("Permanent"),
  /** The message's id; a redelivery has that of the first. */
  messageId: z.string().optional(),
});
export type WebhookOrder = z.input<typeof WebhookSchema>;

/** What was answered to the webhook. */
export interface WebhookAnswer {
  messageId: string;
  status: number;
  body: string;
}

/** Posts what became of a mail, once, signed as Svix signs for Resend. */
export async function postWebhook(
  mail: Mail,
  order: z.output<typeof WebhookSchema>,
  now: number,
): Promise<WebhookAnswer> {
  const { url, secret, messageId = `msg_${crypto.randomUUID().replaceAll("-", "")}` } = order;
  const payload = JSON.stringify(eventOf(mail, order, now));
  const timestamp = String(Math.floor(now / 1000));
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const signature = createHmac("sha256", key).update(`${messageId}.${timestamp}.${payload}`);
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "svix-id": messageId,
      "svix-timestamp": timestamp,
      "svix-signature": `v1,${signature.digest("base64")}`,
    },
    body: payload,
    signal: AbortSignal.timeout(POST_TIMEOUT_MS),
  });
  return { messageId, status: response.status, body: await response.text() };
}

function eventOf(
  mail: Mail,
  { event, bounceType }: z.output<typeof WebhookSchema>,
  now: number,
): object {
  const details = {
    delivered: {},
    complained: {},
    bounced: { bounce: { type: bounceType, subType: "General", message: "It was not taken." } },
    failed: { failed: { reason: "unknown" } },
    suppressed: { suppressed: { type: "OnAccountSuppressionList", message: "It is on the list." } },
  }[event];
  return {
    type: `email.${event}`,
    created_at: new Date(now).toISOString(),
    data: {
      email_id: mail.id,
      message_id: `<${mail.id}@emulated.resend.dev>`,
      created_at: mail.createdAt,
      from: mail.from,
      to: mail.to,
      subject: mail.subject,
      // Sent as a list, told as an object.
      tags: Object.fromEntries(mail.tags.map(({ name, value }) => [name, value])),
      ...details,
    },
  };
}
