-- What was an incident (one trouble, as its source knows it) is an alert; an incident is one outage, of one alert
-- or more. Every incident that there is becomes one with one alert. A worker of the version before cannot write
-- to `incident` any more once this has run: its events are tried again by the queue, and run by the new one.
ALTER TABLE incident RENAME TO alert;
ALTER TABLE alert RENAME CONSTRAINT incident_pkey TO alert_pkey;
ALTER INDEX incident_group_key_ordinal_key RENAME TO alert_group_key_ordinal_key;
ALTER INDEX incident_open_group_key RENAME TO alert_open_group_key;
ALTER INDEX incident_group_key_idx RENAME TO alert_group_key_idx;
DROP INDEX incident_ours_idx;
ALTER TABLE alert ALTER COLUMN ordinal SET NOT NULL;

CREATE TABLE incident (
  id              text PRIMARY KEY,
  correlation_key text NOT NULL,
  ordinal         integer NOT NULL,
  kind            text NOT NULL,
  title           text NOT NULL,
  service         text NOT NULL,
  environment     text,
  ours            boolean NOT NULL,
  severity        text NOT NULL CHECK (severity IN ('P0','P1','P2','P3')),
  rule            text NOT NULL,
  route           text NOT NULL,
  status          text NOT NULL CHECK (status IN ('open','acknowledged','resolved')),
  url             text,
  opened_at       timestamptz NOT NULL,
  acknowledged_at timestamptz,
  acknowledged_by text,
  resolved_at     timestamptz,
  resolved_by     text,
  green_since     timestamptz,
  routed_at       timestamptz NOT NULL,
  routings        integer NOT NULL,
  reopened_at     timestamptz,
  reopenings      integer NOT NULL,
  suspect_id      text,
  last_good_id    text,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  version         integer NOT NULL,
  -- What is decided on a key having no later incident rests on this.
  CONSTRAINT incident_correlation_key_ordinal_key UNIQUE (correlation_key, ordinal)
);
CREATE INDEX incident_opened_at_idx ON incident (opened_at);
CREATE INDEX incident_open_idx ON incident (opened_at) WHERE status <> 'resolved';
CREATE INDEX incident_created_at_idx ON incident (created_at);

INSERT INTO incident (id, correlation_key, ordinal, kind, title, service, environment, ours, severity, rule, route,
  status, url, opened_at, acknowledged_at, acknowledged_by, resolved_at, resolved_by, routed_at, routings, reopenings, created_at, updated_at, version)
SELECT id, 'before:' || group_key, ordinal, kind, title, service, environment, ours, severity, 'before', 'before',
  status, url, opened_at, acknowledged_at, acknowledged_by, resolved_at, resolved_by, opened_at, 1, 0, created_at, updated_at, version
FROM alert WHERE service IS NOT NULL;

ALTER TABLE alert
  ADD COLUMN incident_id text,
  ADD COLUMN source text NOT NULL DEFAULT 'unknown',
  ADD COLUMN level text,
  ADD COLUMN rule text NOT NULL DEFAULT 'before',
  DROP COLUMN ours;
UPDATE alert SET incident_id = id WHERE service IS NOT NULL;
UPDATE alert a SET source = e.source FROM signal s JOIN event e ON e.id = s.event_id WHERE s.incident_id = a.id;
CREATE INDEX alert_incident_id_idx ON alert (incident_id, status, opened_at);
CREATE INDEX alert_kind_opened_at_idx ON alert (kind, opened_at);

ALTER TABLE signal ADD COLUMN alert_id text, ALTER COLUMN incident_id DROP NOT NULL;
UPDATE signal SET alert_id = incident_id;
UPDATE signal s SET incident_id = NULL FROM alert a WHERE a.id = s.alert_id AND a.incident_id IS NULL;
ALTER TABLE signal ALTER COLUMN alert_id SET NOT NULL;
CREATE INDEX signal_alert_id_idx ON signal (alert_id, occurred_at);

DROP TRIGGER incident_last_word ON alert;
DROP FUNCTION incident_last_word();
-- An alert does not end before it was last raised, nor an incident before its last alert. Both are decided by
-- what was read; but a signal that joins meanwhile, and an alert that does, only insert, and move no version. So
-- the row, which the end and the joining both lock, looks again as it ends: each query of a VOLATILE function
-- sees what was committed until then, which the statement that calls it does not. "Moved" makes the end's worker
-- load and decide again.
CREATE FUNCTION alert_last_word() RETURNS trigger LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM signal s
             WHERE s.alert_id = NEW.id AND s.kind = 'raised' AND s.occurred_at > NEW.resolved_at) THEN
    PERFORM signalbox_moved();
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER alert_last_word BEFORE UPDATE ON alert FOR EACH ROW
  WHEN (OLD.status <> 'resolved' AND NEW.status = 'resolved') EXECUTE FUNCTION alert_last_word();
CREATE FUNCTION incident_last_alert() RETURNS trigger LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM alert a WHERE a.incident_id = NEW.id AND a.status <> 'resolved') THEN
    PERFORM signalbox_moved();
  END IF;
  RETURN NEW;
END $$;
-- After the statement's own rows are written: the alert that ends is one of them. Only where the incident is said
-- to be green; a person may end it all the same.
CREATE CONSTRAINT TRIGGER incident_last_alert AFTER UPDATE ON incident DEFERRABLE INITIALLY IMMEDIATE FOR EACH ROW
  WHEN (OLD.green_since IS NULL AND NEW.green_since IS NOT NULL) EXECUTE FUNCTION incident_last_alert();

ALTER TABLE incident_entry
  ADD COLUMN kind text NOT NULL DEFAULT 'transition',
  ADD COLUMN actor text NOT NULL DEFAULT 'system';

-- What an incident's clock asked for, each once: the key is what a timer that comes twice meets.
CREATE TABLE incident_step (
  id          text PRIMARY KEY,
  incident_id text NOT NULL,
  step        text NOT NULL,
  taken_at    timestamptz NOT NULL,
  CONSTRAINT incident_step_key UNIQUE (incident_id, step)
);

CREATE TABLE incident_task (
  id          text PRIMARY KEY,
  incident_id text NOT NULL,
  task        text NOT NULL,
  title       text NOT NULL,
  role        text NOT NULL,
  due_at      timestamptz NOT NULL,
  done_at     timestamptz,
  done_by     text,
  created_at  timestamptz NOT NULL,
  version     integer NOT NULL,
  CONSTRAINT incident_task_key UNIQUE (incident_id, task)
);
CREATE INDEX incident_task_due_idx ON incident_task (due_at) WHERE done_at IS NULL;

CREATE TABLE subscriber (
  id         text PRIMARY KEY,
  email      text NOT NULL CONSTRAINT subscriber_email_key UNIQUE,
  locale     text NOT NULL,
  services   jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  removed_at timestamptz,
  version    integer NOT NULL
);

CREATE TABLE maintenance (
  id         text PRIMARY KEY,
  rule       text CONSTRAINT maintenance_rule_key UNIQUE,
  title      text NOT NULL,
  services   jsonb NOT NULL,
  starts_at  timestamptz NOT NULL,
  ends_at    timestamptz NOT NULL CHECK (ends_at > starts_at),
  notice_at  timestamptz,
  status     text NOT NULL CHECK (status IN ('scheduled','begun','verifying','completed','failed','canceled')),
  created_by text NOT NULL,
  begun_at   timestamptz,
  ended_at   timestamptz,
  outcome    text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  version    integer NOT NULL
);
CREATE INDEX maintenance_starts_at_idx ON maintenance (starts_at);

-- One value a minute, metric and label. Written once a minute by a job, never by a plan.
CREATE TABLE metric_minute (
  minute  timestamptz NOT NULL,
  metric  text NOT NULL,
  label   text NOT NULL,
  value   double precision NOT NULL,
  samples integer NOT NULL,
  PRIMARY KEY (metric, label, minute)
);

ALTER TABLE deployment
  ADD COLUMN labels jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN ours boolean NOT NULL DEFAULT false;
CREATE INDEX deployment_name_idx ON deployment (lower(name), state_as_of);

ALTER TABLE notice
  ADD COLUMN incident_id text,
  ADD COLUMN stops_at text,
  ADD COLUMN instead jsonb NOT NULL DEFAULT '[]';
CREATE INDEX notice_incident_id_idx ON notice (incident_id) WHERE incident_id IS NOT NULL;
ALTER TABLE notice DROP CONSTRAINT notice_status_check;
ALTER TABLE notice ADD CONSTRAINT notice_status_check CHECK (status IN (
  'pending','sending','sent','failed','unknown','discarded','delivered','suppressed','bounced','complained','canceled')) NOT VALID;
ALTER TABLE notice VALIDATE CONSTRAINT notice_status_check;
