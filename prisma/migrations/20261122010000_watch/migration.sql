-- What the watch reads each minute, of the last minutes only: small indexes for rows that come in their order.
CREATE INDEX attempt_started_at_idx ON attempt USING brin (started_at) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX signal_occurred_at_idx ON signal USING brin (occurred_at) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX metric_minute_minute_idx ON metric_minute USING brin (minute) WITH (pages_per_range = 16, autosummarize = on);
