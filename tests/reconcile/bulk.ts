import type { StripeEmulator } from "../../emulators/stripe/index.js";
import { joinWord, type LedgerKind, type LedgerObject } from "../../src/domain/ledger.js";
import { derivePayment } from "../../src/domain/payment.js";
import { buyerIn } from "../../src/handlers/record-ledger/buyer.js";
import type { Database } from "../../src/store/database.js";
import { TABLE_SQL } from "../../src/store/tables.js";
import type { LedgerWorld } from "../support/ledger-world.js";

type Kind = Parameters<StripeEmulator["objects"]>[0];
const KINDS: readonly [Kind, LedgerKind][] = [
  ["payment_intents", "payment"],
  ["charges", "charge"],
  ["refunds", "refund"],
  ["disputes", "dispute"],
  ["radar/early_fraud_warnings", "fraud_warning"],
  ["customers", "customer"],
  ["checkout/sessions", "checkout"],
];
const ROWS_AT_ONCE = 1_000;

/**
 * Our rows as the events would have left them, by the same reader, join and derivation, without the engine between:
 * a hundred thousand payments in seconds. `--ordinary` works on the events themselves instead.
 */
export async function loadBulk(
  world: LedgerWorld,
  emulator: StripeEmulator,
  undelivered: ReadonlySet<string>,
): Promise<void> {
  const now = world.clock.now();
  const source = world.sourceById("stripe");
  if (source?.readObject === undefined) throw new Error("the source reads no objects");
  const ofPayment = new Map<string, LedgerObject[]>();
  const rows: LedgerObject[] = [];
  for (const [name, kind] of KINDS) {
    for (const object of emulator.objects(name)) {
      const key = { kind, account: "", livemode: false, externalId: object.id };
      const word = source.readObject(key, object, now);
      const joined = joinWord(null, word, { id: world.ids.next("ledgerObject"), now });
      if (joined.kind !== "joined") throw new Error(`a first word is ${joined.kind}`);
      const { row } = joined;
      if (row.paymentRef !== null) {
        if (undelivered.has(row.paymentRef)) continue;
        ofPayment.set(row.paymentRef, [...(ofPayment.get(row.paymentRef) ?? []), row]);
      }
      rows.push({ ...row, userRef: null });
    }
  }
  await insert(world.database, "ledgerObject", rows);
  const payments = [...ofPayment].map(([externalId, objects]) => {
    const derived = derivePayment(objects, (payer) => buyerIn(payer, world.policy.payments));
    const id = world.ids.next("payment");
    const times = { createdAt: now, updatedAt: now, version: 0 };
    return { id, account: "", livemode: false, externalId, told: [], ...derived, ...times };
  });
  await insert(world.database, "payment", payments);
  await world.database.pool.query("ANALYZE");
}

async function insert(
  { pool }: Database,
  table: "ledgerObject" | "payment",
  rows: readonly object[],
): Promise<void> {
  const { name, columns, values, recordset } = TABLE_SQL[table];
  const sql = `INSERT INTO ${name} (${columns.join(", ")}) SELECT ${values.join(", ")}
    FROM jsonb_to_recordset($1::jsonb) AS x(${recordset})`;
  for (let n = 0; n < rows.length; n += ROWS_AT_ONCE) {
    await pool.query(sql, [JSON.stringify(rows.slice(n, n + ROWS_AT_ONCE))]);
  }
}
