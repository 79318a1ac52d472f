-- The n-th incident of its group. What is decided on a group having no incident (or no later one) rests on
-- this key: an end that comes first leaves an ended incident, which the index of open ones does not see.
-- Nullable, because a version from before this migration may still be inserting while it runs.
ALTER TABLE incident ADD COLUMN ordinal integer;
UPDATE incident t SET ordinal = x.ordinal
FROM (SELECT id, row_number() OVER (PARTITION BY group_key ORDER BY opened_at, id) AS ordinal FROM incident) x
WHERE x.id = t.id;
CREATE UNIQUE INDEX incident_group_key_ordinal_key ON incident (group_key, ordinal);
