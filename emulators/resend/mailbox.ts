import { escapeHtml, htmlPage, htmlTable, shortTime } from "../recorder/page.js";
import type { Mail } from "./mail.js";

/** The list of mails, newest first. */
export function mailboxPage(mails: Mail[]): string {
  const rows = mails.map((mail) => [
    `<small>${shortTime(Date.parse(mail.createdAt))}</small>`,
    escapeHtml(mail.to.join(", ")),
    `<a href="/mailbox/${mail.id}">${escapeHtml(mail.subject || "(no subject)")}</a>`,
    escapeHtml(mail.lastEvent),
  ]);
  return htmlPage(
    `Mailbox (${mails.length})`,
    htmlTable(["Sent (UTC)", "To", "Subject", "State"], rows, "No mail was sent yet."),
  );
}

/** One mail. Its HTML is shown in a sandboxed frame: no scripts, no forms, no access to this page. */
export function mailPage(mail: Mail): string {
  const facts: [string, string | null][] = [
    ["From", mail.from],
    ["To", mail.to.join(", ")],
    ["Cc", mail.cc.join(", ")],
    ["Bcc", mail.bcc.join(", ")],
    ["Reply to", mail.replyTo.join(", ")],
    ["Sent", mail.createdAt],
    ["Scheduled", mail.scheduledAt],
    ["State", mail.lastEvent],
    ["Id", mail.id],
    ["Idempotency key", mail.idempotencyKey],
    ["Tags", mail.tags.map(({ name, value }) => `${name}=${value}`).join(", ")],
    ["Attachments", mail.attachments.map((a) => `${a.filename} (${a.bytes} bytes)`).join(", ")],
  ];
  const list = facts
    .filter(([, value]) => value)
    .map(([name, value]) => `<dt>${name}</dt><dd>${escapeHtml(value ?? "")}</dd>`)
    .join("");
  const html =
    mail.html === null
      ? ""
      : `<iframe sandbox title="mail" srcdoc="${escapeHtml(mail.html)}"></iframe>`;
  const text = mail.text === null ? "" : `<h2>Plain text</h2><pre>${escapeHtml(mail.text)}</pre>`;
  return htmlPage(
    mail.subject || "(no subject)",
    `<p><a href="/mailbox">All mails</a></p><dl>${list}</dl>${html}${text}`,
  );
}
