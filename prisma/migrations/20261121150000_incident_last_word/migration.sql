-- An incident does not end before it was last raised. The end decides so by the signals that it read; but one
-- that joins meanwhile only inserts, and moves no version. So the row, which the end and the joining raise
-- both lock, looks again as it ends: each query of a VOLATILE function sees what was committed until then,
-- which the statement that calls it does not. "Moved" makes the end's worker load and decide again.
CREATE FUNCTION incident_last_word() RETURNS trigger LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM signal s
             WHERE s.incident_id = NEW.id AND s.kind = 'raised' AND s.occurred_at > NEW.resolved_at) THEN
    PERFORM signalbox_moved();
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER incident_last_word BEFORE UPDATE ON incident FOR EACH ROW
  WHEN (OLD.status <> 'resolved' AND NEW.status = 'resolved') EXECUTE FUNCTION incident_last_word();
