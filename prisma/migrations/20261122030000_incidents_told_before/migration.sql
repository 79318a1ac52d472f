-- What was told of an incident before its notices knew of it is found by what they were named by then.
UPDATE notice n SET incident_id = i.id FROM incident i
WHERE n.incident_id IS NULL AND n.cause IN ('incident:' || i.id || ' opened', 'incident:' || i.id || ' resolved');

-- An incident that is open across this deployment, and that somebody was told of, has taken the first step of its
-- first routing, under that step's name: it is not told as begun once more, and who was told hears that it is over.
WITH told AS (
  UPDATE notice n SET cause = 'incident:' || i.id || ' page:1:0' FROM incident i
  WHERE n.incident_id = i.id AND i.status <> 'resolved' AND n.template = 'incident-raised'
    AND n.cause = 'incident:' || i.id || ' opened' AND n.status NOT IN ('failed', 'discarded', 'suppressed', 'canceled')
    -- Its clock may have run since, and told it itself.
    AND NOT EXISTS (SELECT 1 FROM notice o WHERE o.cause = 'incident:' || i.id || ' page:1:0'
                    AND o.template = n.template AND o.recipient = n.recipient)
  RETURNING i.id AS incident_id, n.created_at
)
INSERT INTO incident_step (id, incident_id, step, taken_at)
SELECT 'ist_before_' || incident_id, incident_id, 'page:1:0', min(created_at) FROM told GROUP BY incident_id
ON CONFLICT DO NOTHING;
