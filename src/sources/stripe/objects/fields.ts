import type { Links, Payer } from "../../../domain/ledger.js";
import type { Instant } from "../../../domain/time.js";
import {
  at,
  firstText,
  instantOfSeconds,
  isObject,
  type JsonObject,
  needText,
  oneLine,
  shortText,
  text,
  unexpected,
} from "../../read.js";

/** What the vendor itself allows (https://docs.stripe.com/api/metadata); more is a mistake, not a purchase. */
const METADATA_KEYS_MAX = 50;
const METADATA_CHARS_MAX = 500;

/**
 * The id behind a reference, which is an id or, where somebody asked for it to be expanded, the whole object.
 *
 * @param name the field as it is called in the body: `charge.payment_intent`.
 * @throws Permanent `unexpected_shape`
 */
export function refOf(value: unknown, name: string): string | null {
  const id = isObject(value) ? value.id : (value ?? null);
  return id === null ? null : needText(id, name);
}

/**
 * The payment that something belongs to that was done to a charge: the intent, or the charge itself where there is none.
 *
 * @param subject with `payment_intent` and `charge`.
 */
export function paymentRefOf(subject: JsonObject, name: string): string | null {
  return (
    refOf(subject.payment_intent, `${name}.payment_intent`) ??
    refOf(at(subject.charge, "payment_intent"), `${name}.charge.payment_intent`) ??
    refOf(subject.charge, `${name}.charge`)
  );
}

/** An amount in minor units. @throws Permanent `unexpected_shape` */
export function needMinor(value: unknown, name: string): number {
  return typeof value === "number" && Number.isSafeInteger(value)
    ? value
    : unexpected(`${name} must be a whole number of the smallest unit`);
}

/** The same of an amount that older or newer shapes leave out. @throws Permanent `unexpected_shape` */
export function minorOr<Else extends number | null>(
  value: unknown,
  name: string,
  otherwise: Else,
): number | Else {
  return value == null ? otherwise : needMinor(value, name);
}

/** ISO 4217 in upper case. @throws Permanent `unexpected_shape` */
export function needCurrency(value: unknown, name: string): string {
  const code = needText(value, name).toUpperCase();
  return /^[A-Z]{3}$/.test(code) ? code : unexpected(`${name} must be an ISO 4217 code`);
}

/** The same where there may be none. @throws Permanent `unexpected_shape` */
export function currencyOf(value: unknown, name: string): string | null {
  return value == null ? null : needCurrency(value, name);
}

/** A time in seconds that may be missing, but not be nonsense. @throws Permanent `unexpected_shape` */
export function timeOf(value: unknown, name: string): Instant | null {
  if (value == null) return null;
  return instantOfSeconds(value) ?? unexpected(`${name} must be a time in seconds since 1970`);
}

/** How many; what is left out is `otherwise`. @throws Permanent `unexpected_shape` */
export function countOf(value: unknown, name: string, otherwise: number): number {
  if (value == null) return otherwise;
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0
    ? value
    : unexpected(`${name} must be a whole number, 0 or more`);
}

/** A short text for a person or a rule: a reason, a type. */
export function labelOf(value: unknown): string | null {
  const label = shortText(value);
  return label === null ? null : oneLine(label);
}

/** Our word for a status; the vendor adds new ones all the time, and those are `unknown`. */
export function stateOf<State extends string>(
  words: Readonly<Record<string, State>>,
  status: unknown,
): State | "unknown" {
  const word =
    typeof status === "string" && Object.hasOwn(words, status) ? words[status] : undefined;
  return word ?? "unknown";
}

const NO_LINKS: Links = {
  customerRef: null,
  paymentRef: null,
  chargeRef: null,
  invoiceRef: null,
  subscriptionRef: null,
};

/** Links of which most are null. */
export const linksOf = (known: Partial<Links>): Links => ({ ...NO_LINKS, ...known });

/** The objects of a list as the vendor writes one, `{object: "list", data: […]}`; none where it is left out. */
export function listOf(value: unknown): JsonObject[] {
  const data = at(value, "data");
  return Array.isArray(data) ? data.filter(isObject) : [];
}

/** Where an object says who pays. What is left out is not known there. */
interface PayerFields {
  emails: readonly unknown[];
  name: unknown;
  locales?: readonly unknown[];
  clientRef?: unknown;
  metadata: Readonly<Record<string, string>>;
}

/** Who pays, cleaned and bounded. A locale in the metadata was chosen for this very purchase, and goes first. */
export function payerOf({ emails, name, locales, clientRef, metadata }: PayerFields): Payer {
  const given = text(name);
  return {
    email: firstEmail(emails),
    name: given === null ? null : oneLine(given),
    locale: firstLocale([metadata.locale, metadata.language, ...(locales ?? [])]),
    clientRef: shortText(clientRef),
    metadata,
  };
}

/** Metadata as texts, without what is blank or no value at all. */
export function metadataOf(value: unknown): Record<string, string> {
  if (!isObject(value)) return {};
  const entries: [string, string][] = [];
  for (const [key, given] of Object.entries(value)) {
    const name = shortText(key);
    const content = typeof given === "number" || typeof given === "boolean" ? `${given}` : given;
    const clean = text(content);
    if (name === null || clean === null) continue;
    // No character is longer than two units, so none is cut in half.
    const chars = [...clean.slice(0, METADATA_CHARS_MAX * 2)];
    entries.push([name, chars.slice(0, METADATA_CHARS_MAX).join("")]);
    if (entries.length === METADATA_KEYS_MAX) break;
  }
  return Object.fromEntries(entries);
}

/** Why a try to pay failed: the most exact code there is, and the vendor's sentence for it. */
export function failureOf(codes: readonly unknown[], message: unknown) {
  return {
    code: oneLine(firstText(...codes) ?? "unknown"),
    message: oneLine(text(message) ?? "The gateway gave no reason."),
  };
}

function firstEmail(values: readonly unknown[]): string | null {
  const looksRight = (value: unknown) => /^[^\s@]+@[^\s@]+$/.test(shortText(value) ?? "");
  return text(values.find(looksRight));
}

/** The first that is a BCP 47 tag; `auto`, which leaves it to the browser, is none. */
function firstLocale(values: readonly unknown[]): string | null {
  for (const value of values) {
    const tag = shortText(value)?.replaceAll("_", "-") ?? "";
    if (/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(tag)) return tag;
  }
  return null;
}
