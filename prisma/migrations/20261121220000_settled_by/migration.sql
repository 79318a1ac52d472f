-- A refund takes from the subscription whose invoice its payment has paid: the payments of an invoice are looked for.
CREATE INDEX payment_invoice_ref_idx ON payment (invoice_ref) WHERE invoice_ref IS NOT NULL;

-- Where a customer can be written to may be known later than that they have subscribed.
CREATE INDEX ledger_object_subscriptions_of_idx ON ledger_object (customer_ref)
  WHERE kind = 'subscription' AND customer_ref IS NOT NULL;
