import type { LedgerDetails, LedgerKind, Payer } from "../../domain/ledger.js";
import type { Buyer } from "../../domain/payment.js";
import { buyerOf, type PaymentPolicy } from "../../policy/payments.js";

const NOBODY: Buyer = { userRef: null, packageRef: null, orderRef: null, locale: null };

/** Who bought what, as far as these details say; not every kind of object says anything of it. */
export function buyerIn(details: LedgerDetails[LedgerKind], policy: PaymentPolicy): Buyer {
  return "metadata" in details ? buyerOf(details, policy) : NOBODY;
}

/** Who is written to: the first that each is known from. */
export interface Reader {
  email: string | null;
  name: string | null;
  locale: string | null;
}

export function readerIn(
  details: readonly LedgerDetails[LedgerKind][],
  policy: PaymentPolicy,
): Reader {
  const people = details.filter((one): one is Payer => "email" in one);
  const first = (pick: (one: Payer) => string | null): string | null =>
    people.map(pick).find((value) => value !== null) ?? null;
  return {
    email: first(({ email }) => email),
    name: first(({ name }) => name),
    locale: first((payer) => buyerOf(payer, policy).locale),
  };
}
