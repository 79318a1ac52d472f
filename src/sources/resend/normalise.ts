import type { Fact } from "../../domain/facts.js";
import type { MailOutcome } from "../../domain/notice.js";
import { at, bodyObject, instantOfIso, needObject, needText, shortText } from "../read.js";
import type { NormaliseContext } from "../source.js";

const OUTCOMES: ReadonlyMap<string, MailOutcome> = new Map([
  ["email.delivered", "delivered"],
  ["email.bounced", "bounced"],
  ["email.complained", "complained"],
  ["email.failed", "failed"],
  ["email.suppressed", "suppressed"],
]);

/**
 * How a mail ended. A bounce is for good only where it says so itself (`Permanent`; the others are
 * `Transient` and `Undetermined`). Its words are not read: they quote the address.
 *
 * @see https://resend.com/docs/dashboard/webhooks/event-types
 */
export function normalise(
  _headers: Readonly<Record<string, string>>,
  body: Uint8Array<ArrayBuffer>,
  context: NormaliseContext,
): Fact[] {
  const event = bodyObject(body);
  const outcome = OUTCOMES.get(needText(event.type, "type"));
  if (outcome === undefined) return [];
  const data = needObject(event.data, "data");
  const permanent =
    outcome === "complained" ||
    (outcome === "bounced" && at(data, "bounce", "type") === "Permanent");
  return [
    {
      kind: "mail.status_reported",
      vendorId: needText(data.email_id, "data.email_id"),
      // Tags are sent as a list and come back as an object.
      noticeId: shortText(at(data, "tags", "notice")),
      outcome,
      permanent,
      occurredAt: instantOfIso(event.created_at) ?? context.receivedAt,
    },
  ];
}
