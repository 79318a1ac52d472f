import type { Fact } from "../../domain/facts.js";
import type { LedgerKind } from "../../domain/ledger.js";
import {
  at,
  bodyObject,
  instantOfIso,
  instantOfSeconds,
  type JsonObject,
  needObject,
  needText,
  unexpected,
} from "../read.js";
import type { NormaliseContext } from "../source.js";
import { accountOf } from "./identify.js";
import { listOf } from "./objects/fields.js";
import { type Sighting, saidOf } from "./objects/index.js";

/**
 * What an event's type is about, which is all of it before the last dot, and what a thin event calls its object.
 * A type that is new there is read as well, because an event has the whole object, whatever was done to it.
 * A map, not an object: a type called `constructor.x` is unknown like any other.
 */
const KINDS: ReadonlyMap<string, LedgerKind> = new Map([
  ["payment_intent", "payment"],
  ["charge", "charge"],
  ["charge.refund", "refund"],
  ["refund", "refund"],
  ["charge.dispute", "dispute"],
  ["dispute", "dispute"],
  ["radar.early_fraud_warning", "fraud_warning"],
  ["invoice", "invoice"],
  ["invoice_payment", "invoice_payment"],
  ["customer.subscription", "subscription"],
  ["subscription", "subscription"],
  ["customer", "customer"],
  ["checkout.session", "checkout"],
]);

/** A preview of an invoice that is still to be made: of no object that there is. */
const PREVIEW = "invoice.upcoming";

/** Thin events of the objects that a snapshot has too are called like its type, with this before it. */
const THIN_PREFIX = "v1.";

/**
 * What an event says of the objects in it, in both shapes of the API; of a thin event only that an object has changed.
 *
 * @returns none for types of which the ledger keeps nothing.
 * @throws Permanent `unreadable_body` or `unexpected_shape` (names the field).
 */
export function readEvent(
  _headers: Readonly<Record<string, string>>,
  body: Uint8Array<ArrayBuffer>,
  context: NormaliseContext,
): Fact[] {
  const event = bodyObject(body);
  const type = needText(event.type, "type");
  if (event.object === "v2.core.event") return readThin(event, type, context);
  const [subject, verb] = partsOf(type);
  const kind = KINDS.get(subject);
  if (kind === undefined || type === PREVIEW) return [];
  const given = needObject(at(event.data, "object"), "data.object");
  // The copy of what was deleted may still be the one from before.
  const object = verb === "deleted" ? { ...given, deleted: true } : given;
  const sighting: Sighting = {
    account: event.account == null ? "" : needText(event.account, "account"),
    livemode: livemodeOf(event.livemode ?? object.livemode),
    occurredAt: instantOfSeconds(event.created) ?? context.receivedAt,
    authority: "event",
  };
  return [saidOf(kind, object, sighting), ...nestedOf(kind, object, sighting)];
}

/** `charge.dispute.created`: what it is about, and what was done to it. */
function partsOf(type: string): [subject: string, verb: string] {
  const dot = type.lastIndexOf(".");
  return [type.slice(0, Math.max(dot, 0)), type.slice(dot + 1)];
}

/** Charges within an intent and refunds within a charge, whole as they were before 2022-11-15: each speaks for itself. */
function nestedOf(kind: LedgerKind, object: JsonObject, sighting: Sighting): Fact[] {
  if (kind === "payment") {
    return wholeOf(object.charges, "charge").flatMap((charge) => {
      const owned = { payment_intent: object.id, ...charge };
      return [saidOf("charge", owned, sighting), ...nestedOf("charge", owned, sighting)];
    });
  }
  if (kind !== "charge") return [];
  const { id: charge, payment_intent } = object;
  return wholeOf(object.refunds, "refund").map((refund) => {
    return saidOf("refund", { charge, payment_intent, ...refund }, sighting);
  });
}

const wholeOf = (list: unknown, name: string): JsonObject[] =>
  listOf(list).filter(({ object }) => object === name);

/** A thin event: which object has changed, with nothing of the object in it. */
function readThin(event: JsonObject, type: string, { receivedAt }: NormaliseContext): Fact[] {
  const related = event.related_object;
  if (!type.startsWith(THIN_PREFIX) || type === THIN_PREFIX + PREVIEW || related == null) return [];
  const { id, type: relatedType } = needObject(related, "related_object");
  const kind = KINDS.get(needText(relatedType, "related_object.type"));
  if (kind === undefined) return [];
  const account = accountOf(event);
  return [
    {
      kind: "object.mentioned",
      object: {
        kind,
        account: account === null ? "" : needText(account, "context"),
        livemode: livemodeOf(event.livemode),
        externalId: needText(id, "related_object.id"),
      },
      occurredAt: instantOfIso(event.created) ?? receivedAt,
    },
  ];
}

/** Test and live never mix: a mode that cannot be read is not taken for either. */
function livemodeOf(value: unknown): boolean {
  if (value == null) return false;
  return typeof value === "boolean" ? value : unexpected("livemode must be true or false");
}
