-- What the source said last of each object that the ledger is made of, one row per object. A payment is derived from
-- its own row here and from those that name it; see src/domain/ledger.ts for the states and how words are joined.
CREATE TABLE ledger_object (
  id               text PRIMARY KEY,
  kind             text NOT NULL CHECK (kind IN (
    'payment','charge','refund','dispute','fraud_warning','invoice','invoice_payment','subscription','customer','checkout'
  )),
  account          text NOT NULL,
  livemode         boolean NOT NULL,
  external_id      text NOT NULL,
  state            text NOT NULL,
  state_as_of      timestamptz NOT NULL,
  amount_minor     bigint,
  currency         text,
  customer_ref     text,
  payment_ref      text,
  charge_ref       text,
  invoice_ref      text,
  subscription_ref text,
  details          jsonb NOT NULL,
  born_at          timestamptz,
  as_of            timestamptz NOT NULL,
  authority        text NOT NULL CHECK (authority IN ('event','fetched')),
  user_ref         text,
  told             jsonb NOT NULL,
  created_at       timestamptz NOT NULL,
  updated_at       timestamptz NOT NULL,
  version          integer NOT NULL,
  CONSTRAINT ledger_object_key UNIQUE (external_id, kind, account, livemode)
);
CREATE INDEX ledger_object_payment_ref_idx ON ledger_object (payment_ref) WHERE payment_ref IS NOT NULL;
CREATE INDEX ledger_object_subscription_ref_idx ON ledger_object (subscription_ref) WHERE subscription_ref IS NOT NULL;
CREATE INDEX ledger_object_born_at_idx ON ledger_object (born_at);

ALTER TABLE payment DROP CONSTRAINT payment_state_check;
ALTER TABLE payment ADD CONSTRAINT payment_state_check CHECK (state IN (
  'pending','action_required','processing','authorized','failed','canceled','succeeded','unknown'
)) NOT VALID;
ALTER TABLE payment VALIDATE CONSTRAINT payment_state_check;
ALTER TABLE payment ADD COLUMN received_minor bigint NOT NULL DEFAULT 0;
ALTER TABLE payment ADD COLUMN disputed_minor bigint NOT NULL DEFAULT 0;
ALTER TABLE payment ADD COLUMN dispute_state text;
ALTER TABLE payment ADD COLUMN order_ref text;
ALTER TABLE payment ADD COLUMN customer_ref text;
ALTER TABLE payment ADD COLUMN invoice_ref text;
ALTER TABLE payment ADD COLUMN born_at timestamptz;
ALTER TABLE payment ADD COLUMN told jsonb NOT NULL DEFAULT '[]';
CREATE INDEX payment_user_ref_idx ON payment (user_ref) WHERE user_ref IS NOT NULL;
CREATE INDEX payment_order_ref_idx ON payment (order_ref) WHERE order_ref IS NOT NULL;

-- What was recorded until now, as the payment's own word. What was refunded is a refund of its own: the objects that it
-- was made of were not kept, and the next word of the payment's charge takes its place.
INSERT INTO ledger_object (id, kind, account, livemode, external_id, state, state_as_of, amount_minor, currency, payment_ref,
  user_ref, details, as_of, authority, told, created_at, updated_at, version)
SELECT replace(id, 'pay_', 'obj_'), 'payment', account, livemode, external_id, state, state_as_of, amount_minor, currency,
  external_id, user_ref,
  jsonb_build_object(
    'email', email, 'name', name, 'locale', locale, 'clientRef', user_ref,
    'metadata', jsonb_strip_nulls(jsonb_build_object('userId', user_ref, 'package', package_ref)),
    'receivedMinor', CASE WHEN state = 'succeeded' THEN amount_minor ELSE 0 END,
    'failure', CASE WHEN failure_code IS NULL THEN NULL
      ELSE jsonb_build_object('code', failure_code, 'message', coalesce(failure_message, '')) END),
  state_as_of, 'event', '[]', created_at, updated_at, 0
FROM payment;
INSERT INTO ledger_object (id, kind, account, livemode, external_id, state, state_as_of, amount_minor, currency, payment_ref,
  details, as_of, authority, told, created_at, updated_at, version)
SELECT replace(id, 'pay_', 'obr_'), 'charge', account, livemode, 'of ' || external_id, 'succeeded', state_as_of, amount_minor,
  currency, external_id,
  jsonb_build_object('email', NULL, 'name', NULL, 'locale', NULL, 'clientRef', NULL, 'metadata', '{}'::jsonb,
    'capturedMinor', amount_minor, 'refundedMinor', refunded_minor, 'failure', NULL),
  state_as_of, 'event', '["received"]', created_at, updated_at, 0
FROM payment WHERE refunded_minor > 0;
-- Those payers were told already.
UPDATE payment SET received_minor = CASE WHEN state = 'succeeded' THEN amount_minor ELSE 0 END,
  told = CASE state WHEN 'succeeded' THEN '["received"]'::jsonb WHEN 'failed' THEN '["failed"]'::jsonb ELSE '[]'::jsonb END;
ALTER TABLE payment DROP COLUMN money_as_of;
