import type { AuditEntry } from "../domain/audit.js";
import { toStorableJson } from "./clean.js";
import type { Database } from "./database.js";
import { TABLE_SQL } from "./tables.js";

const { columns, values, recordset } = TABLE_SQL.auditEntry;

/** An entry is written only by whoever deleted its row: of two at once, one has something to say. */
const DELETE = `WITH gone AS (
  DELETE FROM suppression t USING jsonb_to_recordset($1::jsonb) AS x(subject text) WHERE t.id = x.subject
  RETURNING t.id)
INSERT INTO audit_entry (${columns.join(", ")})
SELECT ${values.join(", ")} FROM jsonb_to_recordset($1::jsonb) AS x(${recordset})
JOIN gone ON gone.id = x.subject RETURNING subject`;

/**
 * Takes suppressions off the list, each with the entry that says so.
 *
 * @param entries one for each, whose subject is the suppression.
 * @returns the ids of those that were there.
 */
export async function deleteSuppressions(
  database: Database,
  entries: readonly AuditEntry[],
): Promise<string[]> {
  if (entries.length === 0) return [];
  const rows = await database.query<{ subject: string }>(DELETE, [toStorableJson(entries)]);
  return rows.map(({ subject }) => subject);
}
