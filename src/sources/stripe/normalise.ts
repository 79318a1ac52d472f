import type { Buyer, Fact, PaymentKey } from "../../domain/facts.js";
import type { Money } from "../../domain/money.js";
import type { Instant } from "../../domain/time.js";
import {
  at,
  bodyObject,
  firstText,
  instantOfSeconds,
  isObject,
  type JsonObject,
  needObject,
  needText,
  oneLine,
  shortText,
  text,
  unexpected,
} from "../read.js";
import type { NormaliseContext } from "../source.js";

/** What every reader below is given: the event, the thing it is about, and what both agree on. */
interface Happening {
  object: JsonObject;
  account: string;
  livemode: boolean;
  occurredAt: Instant;
}

/** A map, not an object: a type called `constructor` is unknown like any other. */
const READERS: ReadonlyMap<string, (happening: Happening) => Fact[]> = new Map([
  ["payment_intent.succeeded", intentSucceeded],
  ["payment_intent.payment_failed", intentFailed],
  ["payment_intent.canceled", intentCanceled],
  ["checkout.session.completed", (h: Happening) => sessionCompleted(h, sessionPaid(h.object))],
  ["checkout.session.async_payment_succeeded", (h: Happening) => sessionCompleted(h, true)],
  ["charge.refunded", chargeRefunded],
]);

/** Facts of the payment events; of any other type, none. Both shapes of the API, before and after basil, are read. */
export function normalise(
  _headers: Readonly<Record<string, string>>,
  body: Uint8Array<ArrayBuffer>,
  context: NormaliseContext,
): Fact[] {
  const event = bodyObject(body);
  const read = READERS.get(needText(event.type, "type"));
  if (read === undefined) return [];
  const object = needObject(at(event.data, "object"), "data.object");
  return read({
    object,
    account: event.account == null ? "" : needText(event.account, "account"),
    livemode: (event.livemode ?? object.livemode) === true,
    occurredAt: instantOfSeconds(event.created) ?? context.receivedAt,
  });
}

function intentSucceeded(h: Happening): Fact[] {
  const amount = h.object.amount_received ?? h.object.amount;
  return [
    {
      kind: "payment.succeeded",
      payment: keyOf(h, needText(h.object.id, "data.object.id")),
      money: moneyOf(h.object, amount, "amount_received"),
      buyer: buyerOfIntent(h.object),
      occurredAt: h.occurredAt,
    },
  ];
}

function intentFailed(h: Happening): Fact[] {
  const error = h.object.last_payment_error;
  return [
    {
      kind: "payment.failed",
      payment: keyOf(h, needText(h.object.id, "data.object.id")),
      money: moneyOf(h.object, h.object.amount, "amount"),
      buyer: buyerOfIntent(h.object),
      failure: {
        code: oneLine(
          firstText(at(error, "decline_code"), at(error, "code"), at(error, "type")) ?? "unknown",
        ),
        message: oneLine(text(at(error, "message")) ?? "The gateway gave no reason."),
      },
      occurredAt: h.occurredAt,
    },
  ];
}

function intentCanceled(h: Happening): Fact[] {
  return [
    {
      kind: "payment.canceled",
      payment: keyOf(h, needText(h.object.id, "data.object.id")),
      money: moneyOf(h.object, h.object.amount, "amount"),
      buyer: buyerOfIntent(h.object),
      occurredAt: h.occurredAt,
    },
  ];
}

function sessionPaid(session: JsonObject): boolean {
  return session.payment_status === "paid" || session.payment_status === "no_payment_required";
}

/** A session that set up or began a subscription, or took no money, has no payment intent and is no payment. */
function sessionCompleted(h: Happening, paid: boolean): Fact[] {
  const session = h.object;
  const intent = referenceOf(session.payment_intent);
  if (intent === null || (text(session.mode) ?? "payment") !== "payment") return [];
  const who = session.customer_details;
  return [
    {
      kind: "payment.checkout_completed",
      payment: keyOf(h, intent),
      money: moneyOf(session, session.amount_total ?? 0, "amount_total"),
      buyer: {
        ...refsOf(session),
        email: firstEmail(at(who, "email"), session.customer_email),
        name: nameOf(who),
      },
      paid,
      occurredAt: h.occurredAt,
    },
  ];
}

/** Sent for every refund, partial ones too: `amount_refunded` is the sum of them so far. */
function chargeRefunded(h: Happening): Fact[] {
  const charge = h.object;
  const id = referenceOf(charge.payment_intent) ?? needText(charge.id, "data.object.id");
  return [
    {
      kind: "payment.refunded",
      payment: keyOf(h, id),
      money: moneyOf(charge, charge.amount, "amount"),
      refundedMinor: needAmount(charge.amount_refunded, "amount_refunded"),
      buyer: { ...refsOf(charge), ...payerOfCharge(charge) },
      occurredAt: h.occurredAt,
    },
  ];
}

function keyOf(h: Happening, externalId: string): PaymentKey {
  return { account: h.account, livemode: h.livemode, externalId };
}

/** A reference is an id, or the whole thing where somebody asked for it to be expanded. */
function referenceOf(value: unknown): string | null {
  const id = isObject(value) ? value.id : (value ?? null);
  return id === null ? null : needText(id, "data.object.payment_intent");
}

function moneyOf(object: JsonObject, amount: unknown, name: string): Money {
  const currency = needText(object.currency, "data.object.currency").toUpperCase();
  if (!/^[A-Z]{3}$/.test(currency)) unexpected("data.object.currency must be an ISO 4217 code");
  return { amountMinor: needAmount(amount, name), currency };
}

function needAmount(value: unknown, name: string): number {
  return typeof value === "number" && Number.isSafeInteger(value)
    ? value
    : unexpected(`data.object.${name} must be a whole number of the smallest unit`);
}

/** An intent knows its receipt's address only; who paid is on its charge, in the list that it had before 2022-11-15. */
function buyerOfIntent(intent: JsonObject): Buyer {
  const expanded = intent.latest_charge;
  const charge = isObject(expanded) ? expanded : at(intent.charges, "data", 0);
  const payer = payerOfCharge(isObject(charge) ? charge : {});
  return {
    ...refsOf(intent),
    email: firstEmail(intent.receipt_email, payer.email),
    name: payer.name,
  };
}

function payerOfCharge(charge: JsonObject): Pick<Buyer, "email" | "name"> {
  const billing = charge.billing_details;
  return {
    email: firstEmail(at(billing, "email"), charge.receipt_email),
    name: nameOf(billing),
  };
}

function nameOf(payer: unknown): string | null {
  const name = text(at(payer, "name"));
  return name === null ? null : oneLine(name);
}

/** Metadata is free text that the platform's own checkout code writes; these are the names it uses. */
function refsOf(object: JsonObject): Pick<Buyer, "userRef" | "packageRef" | "locale"> {
  const given = (name: string) => at(object.metadata, name);
  return {
    userRef: shortText(
      firstText(
        given("userId"),
        given("user_id"),
        given("userRef"),
        given("user"),
        object.client_reference_id,
      ),
    ),
    packageRef: shortText(
      firstText(given("package"), given("packageId"), given("package_id"), given("plan")),
    ),
    locale: firstLocale(given("locale"), given("language"), object.locale),
  };
}

function firstEmail(...values: readonly unknown[]): string | null {
  const looksRight = (value: unknown) => /^[^\s@]+@[^\s@]+$/.test(shortText(value) ?? "");
  return text(values.find(looksRight));
}

/** The first that is a BCP 47 tag; `auto`, which leaves it to the browser, is none. */
function firstLocale(...values: readonly unknown[]): string | null {
  for (const value of values) {
    const tag = shortText(value)?.replaceAll("_", "-") ?? "";
    if (/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(tag)) return tag;
  }
  return null;
}
