import type { LedgerDetails, LedgerKind, Payer } from "../../domain/ledger.js";
import type { Buyer } from "../../domain/payment.js";
import { buyerOf, type PaymentPolicy } from "../../policy/payments.js";

const NOBODY: Buyer = { userRef: null, packageRef: null, orderRef: null, locale: null };

/** What was read of the details of late, which nobody changes: each is asked for several times in one decision. */
const known = new WeakMap<object, { policy: PaymentPolicy; buyer: Buyer }>();

/** Who bought what, as far as these details say; not every kind of object says anything of it. */
export function buyerIn(details: LedgerDetails[LedgerKind], policy: PaymentPolicy): Buyer {
  if (!("metadata" in details)) return NOBODY;
  const read = known.get(details);
  if (read?.policy === policy) return read.buyer;
  const buyer = buyerOf(details, policy);
  known.set(details, { policy, buyer });
  return buyer;
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
