import { read } from "../../store/load.js";
import { recipientHashSql } from "../../store/recipient-hash.js";
import { defineHandler } from "../handler.js";
import { decideMail } from "./decide.js";

/** The notice by the service's name for its mail, or by our own where the service has not answered yet. */
const OF_MAIL = `n.channel = 'email' AND n.id IN (
  SELECT m.id FROM notice m WHERE m.vendor_id = ? UNION ALL SELECT ?)`;

/** Keeps what became of each mail, and whom nothing may be sent to any more. */
export const trackMail = defineHandler({
  id: "track-mail",
  reactsTo: ["mail.status_reported"],
  load: ({ vendorId, noticeId }) => {
    const ids = [vendorId, noticeId];
    const join = (on: string): { join: string } => ({ join: `JOIN notice n ON ${on}` });
    return {
      notices: read("notice", OF_MAIL, ids, join("n.id = t.id")),
      deadLetters: read("deadLetter", OF_MAIL, ids, join("n.id = t.notice_id")),
      timers: read(
        "timer",
        `t.kind = 'notice.give_up' AND ${OF_MAIL}`,
        ids,
        join("n.id = t.subject"),
      ),
      suppressions: read(
        "suppression",
        OF_MAIL,
        ids,
        join(`t.recipient_hash = ${recipientHashSql("n.recipient")}`),
      ),
      incidents: read("incident", OF_MAIL, ids, join("t.id = n.incident_id")),
      siblings: read(
        "notice",
        `n.instead <> '[]' AND ${OF_MAIL}`,
        ids,
        join("t.cause = n.cause AND t.template = n.template AND t.id <> n.id"),
      ),
    };
  },
  decide: (fact, rows, context) => decideMail(fact, rows, context),
});
