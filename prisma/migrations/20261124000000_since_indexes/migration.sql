-- What a list's `since` asks for: rows come in the order of their time, so a small index finds the few newest without
-- the whole table. The trail, notices and incidents have theirs; subscribers and suppressions are few.
CREATE INDEX event_received_at_idx ON event USING brin (received_at) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX payment_created_at_idx ON payment USING brin (created_at) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX dead_letter_created_at_idx ON dead_letter USING brin (created_at) WITH (pages_per_range = 16, autosummarize = on);
