-- What is decided from all objects of a subscription has one row to meet at: two workers that add an object each would
-- not see the other's. The id names the subscription, so that the first two notice each other too.
CREATE TABLE subscription_version (
  id      text PRIMARY KEY,
  version integer NOT NULL
);

-- The transition that payers were told of before the ledger is called `succeeded`; under another name it would be told
-- again, against the notice that is there.
UPDATE payment SET told = (told - 'received') || '["succeeded"]'::jsonb WHERE told ? 'received';

-- A run of the reconciliation looks for what does not fit among the payments of its range.
CREATE INDEX payment_born_at_idx ON payment (born_at);
