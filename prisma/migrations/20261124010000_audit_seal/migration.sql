-- The audit trail's seals, a chain of hashes over its entries; see docs/decisions/0017-audit-seals.md. Without entries
-- of its own in any plan: what is sealed is written by a sweep, and an event pays nothing for it.
SET LOCAL statement_timeout = 0;
CREATE TABLE audit_seal (
  number integer PRIMARY KEY,
  previous_hash text NOT NULL,
  hash text NOT NULL,
  entry_ids text[] NOT NULL,
  digests bytea NOT NULL,
  settled_before timestamptz(6) NOT NULL,
  recorded_at timestamptz(6) NOT NULL DEFAULT now(),
  archived_at timestamptz(6),
  archived_by text
);
CREATE INDEX audit_seal_recorded_at_idx ON audit_seal (recorded_at);
-- The sweep reads the trail from where it stopped, in this order and so many at once: no BRIN has an order.
CREATE INDEX audit_entry_recorded_at_idx ON audit_entry (recorded_at);
