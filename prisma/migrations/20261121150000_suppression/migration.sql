-- What became of a mail after its service took it, as the service reports it.
ALTER TABLE notice DROP CONSTRAINT notice_status_check;
ALTER TABLE notice ADD CONSTRAINT notice_status_check CHECK (status IN (
  'pending','sending','sent','failed','unknown','discarded','delivered','suppressed','bounced','complained'
)) NOT VALID;
ALTER TABLE notice VALIDATE CONSTRAINT notice_status_check;
-- A report names a mail as its service does.
CREATE INDEX notice_vendor_id_idx ON notice (vendor_id) WHERE vendor_id IS NOT NULL;

-- Addresses that get no mail, by their hash only.
CREATE TABLE suppression (
  id             text PRIMARY KEY,
  recipient_hash text NOT NULL,
  reason         text NOT NULL CHECK (reason IN ('bounced','complained','unsubscribed')),
  event_id       text,
  created_at     timestamptz NOT NULL,
  CONSTRAINT suppression_recipient_hash_reason_key UNIQUE (recipient_hash, reason)
);
