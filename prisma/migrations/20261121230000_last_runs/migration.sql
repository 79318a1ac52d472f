-- Health asks every few seconds how the last run of each source ended, however many there have been.
CREATE INDEX reconciliation_last_idx ON reconciliation (source, id DESC)
  WHERE status <> 'running' AND NOT dry_run;
