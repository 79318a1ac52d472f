/** What can become of a mail that was accepted. */
export const MAIL_EVENTS = ["delivered", "bounced", "complained", "failed", "suppressed"] as const;
export type MailEvent = (typeof MAIL_EVENTS)[number];

/** A mail as it reached us. */
export interface Mail {
  id: string;
  from: string;
  to: string[];
  cc: string[];
  bcc: string[];
  replyTo: string[];
  subject: string;
  html: string | null;
  text: string | null;
  headers: Record<string, string>;
  tags: { name: string; value: string }[];
  attachments: { filename: string; contentType: string | null; bytes: number }[];
  /** ISO 8601, UTC. */
  createdAt: string;
  scheduledAt: string | null;
  lastEvent: "scheduled" | "canceled" | MailEvent;
  idempotencyKey: string | null;
  /** True when the sender never learnt that it was accepted. */
  answerLost: boolean;
}
