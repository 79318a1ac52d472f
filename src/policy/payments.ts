import { z } from "zod";
import type { Payer } from "../domain/ledger.js";

/**
 * What an event takes away of what was bought. `at_period_end`: what is paid for stays until its end; a payment
 * that is not of a subscription has no further period, so for it that is the same as `keep`.
 */
const takes = z.enum(["revoke", "keep", "at_period_end"]);

const keys = z.array(z.string().min(1)).min(1);
/** Null: forever. */
const months = z.int().min(1).max(1_200).nullable();

/** What a platform means by its payments: data only, so that a further platform is a further preset. */
export const paymentPolicy = z.strictObject({
  /** Names in the metadata that the platform's checkout code writes; the first that is there counts. */
  metadataKeys: z.strictObject({ user: keys, package: keys, order: keys, locale: keys }),
  /** By the gateway's id of a price or product, for what carries no package in its metadata. */
  packageOf: z.record(z.string(), z.string()),
  /** What is bought where nothing names it. */
  defaultPackage: z.string().min(1),
  /** How long one payment lasts. */
  defaultMonths: months,
  monthsOf: z.record(z.string(), months),
  fullRefund: takes,
  partialRefund: takes,
  lostDispute: takes,
  openDispute: takes,
  canceledSubscription: takes,
  /** How long after a period's end a subscription still gives access while its payment is awaited. */
  graceDays: z.int().min(0),
  /** Days before the end on which the user is reminded, each once. */
  warnDays: z.array(z.int().min(1)),
  defaultLocale: z.string(),
  /** IANA; for what people read. Months are counted in UTC. */
  timeZone: z.string(),
  /** ISO 4217; of what names none. */
  currency: z.string().regex(/^[A-Z]{3}$/),
});
export type PaymentPolicy = Readonly<z.output<typeof paymentPolicy>>;

/**
 * Reads `price_1=ADVANCED,prod_2=BASIC`, the mapping that only a deployment knows.
 *
 * @returns null when it is not of that shape.
 */
export function readPackageOf(text: string): Record<string, string> | null {
  const pairs = text.split(",").map((pair) => pair.split("=").map((part) => part.trim()));
  const whole = pairs.every((parts) => parts.length === 2 && parts.every((part) => part !== ""));
  return whole ? (Object.fromEntries(pairs) as Record<string, string>) : null;
}

/** Who bought what, as far as one object says; null is not said, and nothing is guessed. */
export interface SaidBuyer {
  userRef: string | null;
  packageRef: string | null;
  orderRef: string | null;
  locale: string | null;
}

/** References are short; what is longer is no reference, and no index takes it. */
const REF_CHARS_MAX = 255;

/** @param payer a subscription has its metadata only. */
export function buyerOf(
  payer: Pick<Payer, "metadata"> & Partial<Pick<Payer, "clientRef" | "locale">>,
  policy: PaymentPolicy,
): SaidBuyer {
  const { metadata, clientRef = null, locale = null } = payer;
  const given = (names: readonly string[]) => names.map((name) => own(metadata, name) ?? null);
  const { metadataKeys } = policy;
  return {
    userRef: firstRef(...given(metadataKeys.user), clientRef),
    packageRef: firstRef(...given(metadataKeys.package)),
    orderRef: firstRef(...given(metadataKeys.order)),
    locale: firstLocale(...given(metadataKeys.locale), locale),
  };
}

function firstRef(...values: readonly (string | null)[]): string | null {
  const refs = values.map((value) => value?.trim() ?? "");
  return refs.find((ref) => ref !== "" && ref.length <= REF_CHARS_MAX) ?? null;
}

/** The first that is a BCP 47 tag; `auto`, which leaves it to the browser, is none. */
function firstLocale(...values: readonly (string | null)[]): string | null {
  for (const value of values) {
    const tag = value?.trim().replaceAll("_", "-") ?? "";
    if (/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(tag)) return tag;
  }
  return null;
}

/** The package of what is on a bill or in a subscription: the first that the policy knows by price, then by product. */
export function packageOfItems(
  items: readonly { price: string | null; product: string | null }[],
  { packageOf }: PaymentPolicy,
): string | null {
  for (const { price, product } of items) {
    const known = own(packageOf, price ?? "") ?? own(packageOf, product ?? "");
    if (known !== undefined) return known;
  }
  return null;
}

/** For how many months one payment for the package lasts; null is forever. */
export function monthsOf(packageRef: string, policy: PaymentPolicy): number | null {
  const known = own(policy.monthsOf, packageRef);
  return known === undefined ? policy.defaultMonths : known;
}

/** What is asked for came in a webhook: `constructor` is no package. */
const own = <V>(record: Readonly<Record<string, V>>, key: string): V | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined;
