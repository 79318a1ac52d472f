-- How often the queue has refused a row: its takes count an outage's as well, which is no refusal.
ALTER TABLE outbox ADD COLUMN refusals integer NOT NULL DEFAULT 0;
