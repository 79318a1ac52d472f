import type { PlantedFault } from "../faults/planted.js";

/** The known ways to get payments wrong. */
export const PLANTED_FAULTS: readonly PlantedFault[] = [
  {
    name: "two words of one moment: the last one to arrive wins",
    file: "src/domain/ledger.ts",
    from: "  if (word.alone === true) return judgeAlone(before, word);",
    to: '  if (later === 0) return "replaces";',
  },
  {
    name: "two words of one moment: the first one to arrive stays",
    file: "src/domain/ledger.ts",
    from: "  if (word.alone === true) return judgeAlone(before, word);",
    to: '  if (later === 0) return "is_older";',
  },
  {
    name: "states may regress: what is final is left for what is not",
    file: "src/domain/ledger.ts",
    from: 'if (later === 0 && higher !== 0) return higher > 0 ? "replaces" : "is_older";',
    to: 'if (later === 0 && higher !== 0) return "replaces";',
  },
  {
    name: "the order of arrival is trusted",
    file: "src/domain/ledger.ts",
    from: "  const { said } = word;\n  if (word.after",
    to: '  const { said } = word;\n  if (word.occurredAt > 0) return "replaces";\n  if (word.after',
  },
  {
    name: "no unique key on the ledger's objects and payments",
    file: "prisma/migrations/20261121170000_ledger/migration.sql",
    from: "CREATE INDEX ledger_object_payment_ref_idx",
    to: "ALTER TABLE ledger_object DROP CONSTRAINT ledger_object_key;\nALTER TABLE payment DROP CONSTRAINT payment_account_livemode_external_id_key;\nCREATE INDEX ledger_object_payment_ref_idx",
  },
  {
    name: "refunds are added up as their events come, a failed one too",
    file: "src/domain/payment.ts",
    from: 'state === "failed" || state === "canceled";',
    to: 'state === "nothing";',
  },
];
