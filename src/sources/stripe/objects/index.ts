import type { ObjectSaid } from "../../../domain/facts.js";
import type { LedgerKey, LedgerKind, Said, Word } from "../../../domain/ledger.js";
import type { Instant } from "../../../domain/time.js";
import { type JsonObject, needObject, needText, unexpected } from "../../read.js";
import { readDispute, readFraudWarning, readRefund } from "./claims.js";
import { readInvoice, readInvoicePayment } from "./invoice.js";
import { readCharge, readPayment } from "./payment.js";
import { readCheckout, readCustomer } from "./shopper.js";
import { readSubscription } from "./subscription.js";

interface Reader<K extends LedgerKind> {
  /** What the vendor calls the object in its field `object`. */
  name: string;
  read(object: JsonObject): Said<K>;
}

const READERS: { readonly [K in LedgerKind]: Reader<K> } = {
  payment: { name: "payment_intent", read: readPayment },
  charge: { name: "charge", read: readCharge },
  refund: { name: "refund", read: readRefund },
  dispute: { name: "dispute", read: readDispute },
  fraud_warning: { name: "radar.early_fraud_warning", read: readFraudWarning },
  invoice: { name: "invoice", read: readInvoice },
  invoice_payment: { name: "invoice_payment", read: readInvoicePayment },
  subscription: { name: "subscription", read: readSubscription },
  customer: { name: "customer", read: readCustomer },
  checkout: { name: "checkout.session", read: readCheckout },
};

/** Where an object was seen: all that its key has beside its id, and when it was like this. */
export interface Sighting extends Pick<LedgerKey, "account" | "livemode"> {
  occurredAt: Instant;
  authority: Word["authority"];
}

/**
 * What an object says of itself.
 *
 * @throws Permanent `unexpected_shape` naming the field, also where it is an object of another kind.
 */
export function saidOf(
  kind: LedgerKind,
  object: JsonObject,
  { account, livemode, occurredAt, authority }: Sighting,
): ObjectSaid {
  const { name, read } = READERS[kind];
  if (object.object != null && object.object !== name) {
    unexpected(`the object must be a ${name}, as its type says`);
  }
  const externalId = needText(object.id, `${name}.id`);
  const key = { kind, account, livemode, externalId };
  const fact = { kind: `${kind}.said`, object: key, said: read(object), occurredAt, authority };
  return fact as ObjectSaid; // the table has the reader of each kind under its name
}

/**
 * An object as the gateway fetched it, in either shape of the API.
 *
 * @param key what was asked for.
 * @throws Permanent `unexpected_shape` naming the field, also where it is another object than was asked for.
 */
export function readObject(key: LedgerKey, object: unknown, occurredAt: Instant): ObjectSaid {
  const { name } = READERS[key.kind];
  const given = needObject(object, name);
  if (given.livemode != null && given.livemode !== key.livemode) {
    unexpected(`${name}.livemode is not that of the object which was fetched`);
  }
  const { account, livemode } = key;
  const fact = saidOf(key.kind, given, { account, livemode, occurredAt, authority: "fetched" });
  return fact.object.externalId === key.externalId
    ? fact
    : unexpected(`${name}.id is not that of the object which was fetched`);
}
