import { z } from "zod";
import { LEDGER_KINDS } from "../domain/ledger.js";
import { decimalOf } from "../domain/money.js";
import { isoOf } from "../domain/time.js";
import { discrepancy } from "./reconciliations.js";
import { auditEntry, entitlement, notification, paid, paymentFields } from "./schemas.js";

const time = z
  .number()
  .transform(isoOf)
  .pipe(z.iso.datetime())
  .meta({ description: "ISO 8601, UTC" });
const text = z.string();

interface Amount {
  amountMinor: number | null;
  currency: string | null;
}

const ledgerObject = z
  .preprocess(
    (given) => {
      const { amountMinor, currency } = given as Amount;
      const isSaid = amountMinor !== null && currency !== null;
      const amount = isSaid ? decimalOf({ amountMinor, currency }) : null;
      return { ...(given as Amount), amount };
    },
    z.object({
      id: text,
      kind: z.string().meta({ enum: [...LEDGER_KINDS] }),
      externalId: text.meta({ description: "The gateway's id" }),
      state: text,
      stateAsOf: time,
      amountMinor: z.int().nullable(),
      amount: text.nullable().meta({ description: "Decimal", example: "1999.00" }),
      currency: text.nullable(),
      chargeRef: text.nullable(),
      bornAt: time.nullable().meta({ description: "When it came to be at the gateway" }),
      createdAt: time,
      updatedAt: time,
    }),
  )
  .meta({ id: "LedgerObject" });

/** A payment with what hangs on it. */
export const paymentDetail = paid(
  paymentFields.extend({
    entitlement: entitlement.nullable(),
    objects: z.array(ledgerObject).meta({
      description: "What the gateway has of it: itself, its charges, refunds, disputes and so on",
    }),
    discrepancies: z
      .array(discrepancy)
      .meta({ description: "Of it and of its objects, whatever their status" }),
    notifications: z.array(notification).meta({ description: "What was told of it" }),
    audit: z.array(auditEntry),
  }),
).meta({ id: "PaymentDetail" });
