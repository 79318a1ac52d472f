-- An entitlement has a window, comes from a payment or from a subscription, and has its place among those of its user.
ALTER TABLE entitlement ALTER COLUMN payment_id DROP NOT NULL;
ALTER TABLE entitlement ADD COLUMN subscription_id text CONSTRAINT entitlement_subscription_id_key UNIQUE;
ALTER TABLE entitlement ADD COLUMN origin_ref text;
ALTER TABLE entitlement ADD COLUMN ordinal integer;
ALTER TABLE entitlement ADD COLUMN paid_at timestamptz;
ALTER TABLE entitlement ADD COLUMN starts_at timestamptz;
ALTER TABLE entitlement ADD COLUMN ends_at timestamptz;
ALTER TABLE entitlement ADD COLUMN months integer;
ALTER TABLE entitlement ADD COLUMN revoked_because text;
-- The last reminder that was planned, as days before the end; none for this end yet when null.
ALTER TABLE entitlement ADD COLUMN warned_days integer;

-- What was granted until now was for ever, and was only taken away by a full refund.
UPDATE entitlement e SET
  origin_ref = coalesce((SELECT p.external_id FROM payment p WHERE p.id = e.payment_id), e.payment_id),
  paid_at = coalesce((SELECT p.paid_at FROM payment p WHERE p.id = e.payment_id), e.granted_at),
  revoked_because = CASE e.status WHEN 'revoked' THEN 'refunded' END;
UPDATE entitlement e SET starts_at = e.paid_at, ordinal = o.ordinal
FROM (
  SELECT id, row_number() OVER (PARTITION BY account, livemode, user_ref, package_ref ORDER BY paid_at, id) AS ordinal
  FROM entitlement
) o WHERE o.id = e.id;

ALTER TABLE entitlement ALTER COLUMN origin_ref SET NOT NULL;
ALTER TABLE entitlement ALTER COLUMN ordinal SET NOT NULL;
ALTER TABLE entitlement ALTER COLUMN paid_at SET NOT NULL;
ALTER TABLE entitlement ALTER COLUMN starts_at SET NOT NULL;
ALTER TABLE entitlement DROP CONSTRAINT entitlement_status_check;
ALTER TABLE entitlement ADD CONSTRAINT entitlement_status_check CHECK (status IN ('active','expired','revoked'));
ALTER TABLE entitlement ADD CONSTRAINT entitlement_origin_check
  CHECK ((payment_id IS NULL) <> (subscription_id IS NULL));
-- Two that are granted at once would be laid over each other: the second finds its place taken, and loads again.
CREATE UNIQUE INDEX entitlement_ordinal_key
  ON entitlement (account, livemode, user_ref, package_ref, ordinal);
-- What the sweep reads: those that will end, by when.
CREATE INDEX entitlement_ends_at_idx ON entitlement (ends_at) WHERE status = 'active' AND ends_at IS NOT NULL;
