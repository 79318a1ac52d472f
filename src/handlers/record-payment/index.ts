import { read } from "../../store/load.js";
import { defineHandler } from "../handler.js";
import { causeOf, decidePayment } from "./decide.js";

export const recordPayment = defineHandler({
  id: "record-payment",
  reactsTo: [
    "payment.succeeded",
    "payment.failed",
    "payment.canceled",
    "payment.checkout_completed",
    "payment.refunded",
  ],
  load: (fact) => {
    const key = [fact.payment.account, fact.payment.livemode, fact.payment.externalId];
    const cause = causeOf(fact);
    return {
      payment: read("payment", "t.account = ? AND t.livemode = ? AND t.external_id = ?", key),
      entitlement: read(
        "entitlement",
        "p.account = ? AND p.livemode = ? AND p.external_id = ?",
        key,
        { join: "JOIN payment p ON p.id = t.payment_id" },
      ),
      // One key a read: for two at once Postgres, while the table is small, plans to read all of it.
      toldPaid: read("notice", "t.cause = ?", [`${cause} succeeded`]),
      toldFailed: read("notice", "t.cause = ?", [`${cause} failed`]),
    };
  },
  decide: (fact, { toldPaid, toldFailed, ...rows }, context) =>
    decidePayment(fact, { ...rows, notices: [...toldPaid, ...toldFailed] }, context),
});
