-- When users were told that it is coming: who was told that is told when it does not come.
ALTER TABLE maintenance ADD COLUMN announced_at timestamptz;
-- What the minute looks for: those that are to be told, begun or ended.
CREATE INDEX maintenance_unended_idx ON maintenance (starts_at) WHERE status IN ('scheduled', 'begun', 'verifying');
