-- A correction is done at the gateway under its own id, so it needs no other key. `begun_at` is written before the
-- gateway is called: past a day the gateway has forgotten the key, and the call must not be made again.
ALTER TABLE correction DROP CONSTRAINT correction_kind_check;
ALTER TABLE correction ADD CONSTRAINT correction_kind_check CHECK (kind IN ('adopt','refund','cancel','grant','revoke'));
ALTER TABLE correction
  DROP COLUMN idempotency_key,
  ADD COLUMN source      text NOT NULL,
  ADD COLUMN user_ref    text,
  ADD COLUMN package_ref text,
  ADD COLUMN applied_by  text,
  ADD COLUMN begun_at    timestamptz,
  ADD COLUMN vendor_ref  text;
-- The same planned twice is one correction, while it waits.
CREATE UNIQUE INDEX correction_open_key ON correction (external_id, kind, account, livemode)
  WHERE status IN ('planned','approved');

-- What a person has decided about what a payment gives; it stands until another such decision.
ALTER TABLE payment ADD COLUMN override jsonb;

-- What was touched in a time: both tables grow in the order of time, so that a block range index costs next to nothing.
CREATE INDEX audit_entry_at_idx ON audit_entry USING brin (at);
CREATE INDEX notice_created_at_idx ON notice USING brin (created_at);
