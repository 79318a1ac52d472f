SET LOCAL statement_timeout = 0;

-- The timers of notices that have ended, by when they were due: there retention finds what may go.
CREATE INDEX timer_ended_idx ON timer (due_at) WHERE kind = 'notice.give_up' AND status = 'done';

-- Making or dropping a partition takes the whole table for a moment, and while it waits for that, every event's bytes
-- wait behind it. So it waits for half a second at most, a tenth of what they do, and is tried again by the next sweep.
-- A month of which the default partition has rows already is left to it: they cannot be in two places.
CREATE OR REPLACE FUNCTION signalbox_ensure_partitions() RETURNS integer LANGUAGE plpgsql
SET lock_timeout = '500ms' AS $$
DECLARE
  first date;
  since timestamptz;
  until timestamptz;
  made integer := 0;
BEGIN
  FOR ahead IN 0..3 LOOP
    first := (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead))::date;
    since := first::timestamp AT TIME ZONE 'UTC';
    until := (first + interval '1 month') AT TIME ZONE 'UTC';
    CONTINUE WHEN to_regclass(format('event_body_%s', to_char(first, 'YYYYMM'))) IS NOT NULL;
    CONTINUE WHEN EXISTS (SELECT FROM event_body_default WHERE recorded_at >= since AND recorded_at < until);
    EXECUTE format('CREATE TABLE event_body_%s PARTITION OF event_body FOR VALUES FROM (%L) TO (%L)',
      to_char(first, 'YYYYMM'), since, until);
    made := made + 1;
  END LOOP;
  RETURN made;
END $$;

-- Drops the bodies of a month (YYYYMM), in one statement, so that no session is ever left with the table in its hands.
--   dropped     they are gone
--   busy        the locks were not to be had: the next sweep tries again
--   unfinished  events that still need their bytes have them there
--   gone        there is no such partition any more
-- Refuses a month that is not over for 35 days, whatever clock asks.
CREATE FUNCTION signalbox_drop_bodies(month text) RETURNS text LANGUAGE plpgsql
SET lock_timeout = '500ms' AS $$
DECLARE
  part text := format('event_body_%s', month);
  needed boolean;
BEGIN
  IF month !~ '^\d{6}$' OR month >= to_char((now() - interval '35 days') AT TIME ZONE 'UTC', 'YYYYMM') THEN
    RAISE EXCEPTION 'the bodies of % are not to be dropped yet', month;
  END IF;
  IF NOT pg_try_advisory_xact_lock(hashtext('signalbox_drop_bodies')) THEN
    RETURN 'busy';
  END IF;
  BEGIN
    -- Nobody adds to a month that is over, and what is finished stays so: this is as true after the lock as before it.
    -- By the few open events, whatever the planner thinks: a join could read the whole month.
    EXECUTE format('SELECT EXISTS (SELECT FROM event e
      CROSS JOIN LATERAL (SELECT FROM %I b WHERE b.event_id = e.id LIMIT 1) b
      WHERE e.status IN (''received'',''held'',''dead''))', part) INTO needed;
    IF needed THEN
      RETURN 'unfinished';
    END IF;
    EXECUTE format('DROP TABLE %I', part);
  EXCEPTION
    WHEN undefined_table THEN RETURN 'gone';
    WHEN lock_not_available OR deadlock_detected THEN RETURN 'busy';
  END;
  RETURN 'dropped';
END $$;
