import type { StripeEmulator } from "../../emulators/stripe/index.js";
import { KIND_NAMES, type Kind } from "../../emulators/stripe/tables.js";
import type { LedgerKey, LedgerKind, LedgerObject, Payer } from "../../src/domain/ledger.js";
import { linksOf } from "../../src/domain/ledger.js";
import { derivePayment, type Payment } from "../../src/domain/payment.js";
import { buyerOf, type PaymentPolicy } from "../../src/policy/payments.js";
import { stripe } from "../../src/sources/stripe/index.js";
import type { Database } from "../../src/store/database.js";
import { load, read } from "../../src/store/load.js";

/** The emulator's lists and what the ledger calls what is in them. */
const KINDS = {
  payment_intents: "payment",
  charges: "charge",
  refunds: "refund",
  disputes: "dispute",
  "radar/early_fraud_warnings": "fraud_warning",
  invoices: "invoice",
  invoice_payments: "invoice_payment",
  subscriptions: "subscription",
  customers: "customer",
  "checkout/sessions": "checkout",
} as const satisfies Record<string, LedgerKind>;

type Row = Record<string, unknown>;

/** What the ledger must hold: every object that an event has spoken of, as the gateway has it now. */
export function truthOf(emulator: StripeEmulator, at: number): LedgerObject[] {
  const spokenOf = new Set(emulator.events().map(({ data }) => String((data.object as Row).id)));
  return Object.entries(KINDS).flatMap(([list, kind]) =>
    (KIND_NAMES.includes(list as Kind) ? (emulator.objects(list as Kind) as Row[]) : [])
      .filter((row) => spokenOf.has(String(row.id)))
      .map((row) => {
        const livemode = row.livemode === true;
        const key: LedgerKey = { kind, account: "", livemode, externalId: String(row.id) };
        const word = stripe.readObject?.(key, row, at);
        if (word === undefined) throw new Error("the source reads no objects");
        const { links: _, ...said } = word.said;
        const kept = { userRef: null, told: [], createdAt: at, updatedAt: at, version: 0 };
        const times = { asOf: at, stateAsOf: at, authority: "fetched" as const };
        return { id: key.externalId, ...key, ...linksOf(word), ...said, ...times, ...kept };
      }),
  );
}

const COMPARED = ["state", "amountMinor", "currency", "details", "bornAt"] as const;
const LINKS = ["customerRef", "paymentRef", "chargeRef", "invoiceRef", "subscriptionRef"] as const;
const MONEY = [
  "state",
  "amountMinor",
  "receivedMinor",
  "refundedMinor",
  "disputedMinor",
  "disputeState",
  "currency",
  "userRef",
  "packageRef",
  "orderRef",
  "invoiceRef",
] as const satisfies readonly (keyof Payment)[];

const GONE: ReadonlySet<string> = new Set(["failed", "canceled"]);
const TAKING: ReadonlySet<string> = new Set(["lost", "needs_response", "under_review"]);

/** The sums once more, without the code that is held to them. */
function moneyOf(objects: readonly LedgerObject[]) {
  const sum = (kind: LedgerKind, counts: (state: string) => boolean): number =>
    objects
      .filter((one) => one.kind === kind && counts(one.state))
      .reduce((total, { amountMinor }) => total + (amountMinor ?? 0), 0);
  return {
    refundedMinor: sum("refund", (state) => !GONE.has(state)),
    disputedMinor: sum("dispute", (state) => TAKING.has(state)),
  };
}

const text = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );

/** Where the ledger is not what the gateway's objects say, a line each. */
export async function differences(
  database: Database,
  truth: readonly LedgerObject[],
  policy: PaymentPolicy,
): Promise<string[]> {
  const found: string[] = [];
  const refs = new Set(
    truth.flatMap(({ paymentRef }) => (paymentRef === null ? [] : [paymentRef])),
  );
  for (const wanted of truth) {
    const { kind, externalId } = wanted;
    const where = "t.kind = ? AND t.external_id = ?";
    const { rows } = await load(database, {
      rows: read("ledgerObject", where, [kind, externalId]),
    });
    const [row] = rows;
    if (row === undefined) {
      found.push(`${kind} ${externalId} is missing; there it is ${wanted.state}`);
      continue;
    }
    for (const field of COMPARED) {
      const [ours, theirs] = [text(row[field]), text(wanted[field])];
      if (ours !== theirs) found.push(`${kind} ${externalId} ${field}: ${ours}, there ${theirs}`);
    }
    for (const link of LINKS) {
      if (wanted[link] !== null && row[link] !== wanted[link]) {
        found.push(`${kind} ${externalId} ${link}: ${row[link]}, there ${wanted[link]}`);
      }
    }
  }
  for (const ref of refs) {
    const objects = truth.filter(({ paymentRef }) => paymentRef === ref);
    const wanted = {
      ...derivePayment(objects, (payer: Payer) => buyerOf(payer, policy)),
      ...moneyOf(objects),
    };
    const { rows } = await load(database, { rows: read("payment", "t.external_id = ?", [ref]) });
    if (rows.length !== 1) found.push(`payment ${ref} has ${rows.length} rows`);
    for (const field of rows[0] === undefined ? [] : MONEY) {
      const [ours, theirs] = [rows[0]?.[field], wanted[field]];
      // The newest shape does not link an unpaid invoice to its payment; the one before did.
      const isMore = field === "invoiceRef" && theirs === null;
      if (ours !== theirs && !isMore) {
        found.push(`payment ${ref} ${field}: ${ours}, derived ${theirs}`);
      }
    }
  }
  return found;
}
