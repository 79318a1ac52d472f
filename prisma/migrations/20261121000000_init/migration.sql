-- The first lap: events and what becomes of them. Times are timestamptz; amounts are minor units.

-- Raised by a plan whose rows moved since they were read; the worker loads and decides again.
CREATE FUNCTION signalbox_moved() RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RAISE EXCEPTION 'a row moved since it was read' USING ERRCODE = 'SB001';
END $$;

CREATE TABLE event (
  id            text PRIMARY KEY,
  source        text NOT NULL,
  event_key     text NOT NULL,
  type          text NOT NULL,
  status        text NOT NULL CHECK (status IN ('received','processed','ignored','held','dead','discarded')),
  request_id    text NOT NULL,
  occurred_at   timestamptz NOT NULL,
  received_at   timestamptz NOT NULL,
  recorded_at   timestamptz NOT NULL DEFAULT now(),
  processed_at  timestamptz,
  error_code    text,
  error_message text,
  trace         jsonb NOT NULL DEFAULT '{}',
  CONSTRAINT event_source_event_key_key UNIQUE (source, event_key)
);
CREATE INDEX event_open_idx ON event (recorded_at) WHERE status IN ('received','held','dead');

-- Raw bytes, kept for replay; dropped by the month. Inserted only when the event row is new.
CREATE TABLE event_body (
  event_id    text NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  headers     jsonb NOT NULL,
  body        bytea NOT NULL,
  PRIMARY KEY (event_id, recorded_at)
) PARTITION BY RANGE (recorded_at);
CREATE TABLE event_body_default PARTITION OF event_body DEFAULT;

-- This month's partition and three ahead. The sweep calls it; calling it again changes nothing.
CREATE FUNCTION signalbox_ensure_partitions() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  first date;
  made integer := 0;
BEGIN
  FOR ahead IN 0..3 LOOP
    first := (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead))::date;
    IF to_regclass(format('event_body_%s', to_char(first, 'YYYYMM'))) IS NULL THEN
      EXECUTE format(
        'CREATE TABLE event_body_%s PARTITION OF event_body FOR VALUES FROM (%L) TO (%L)',
        to_char(first, 'YYYYMM'),
        first::timestamp AT TIME ZONE 'UTC',
        (first + interval '1 month') AT TIME ZONE 'UTC');
      made := made + 1;
    END IF;
  END LOOP;
  RETURN made;
END $$;
SELECT signalbox_ensure_partitions();

-- One run of a worker. The id is the queue's message id and retry count.
CREATE TABLE attempt (
  id            text PRIMARY KEY,
  event_id      text NOT NULL,
  outcome       text NOT NULL CHECK (outcome IN ('processed','ignored','dead','duplicate','transient')),
  error_code    text,
  error_message text,
  started_at    timestamptz NOT NULL,
  duration_ms   integer NOT NULL
);
CREATE INDEX attempt_event_id_idx ON attempt (event_id);

CREATE TABLE dead_letter (
  id         text PRIMARY KEY,
  event_id   text CONSTRAINT dead_letter_event_id_key UNIQUE,
  notice_id  text CONSTRAINT dead_letter_notice_id_key UNIQUE,
  status     text NOT NULL CHECK (status IN ('open','replaying','resolved','discarded')),
  code       text NOT NULL,
  message    text NOT NULL,
  hint       text NOT NULL,
  deaths     integer NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  version    integer NOT NULL,
  CHECK ((event_id IS NULL) <> (notice_id IS NULL))
);

CREATE TABLE outbox (
  id         text PRIMARY KEY,
  message    jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  due_at     timestamptz NOT NULL,
  publishes  integer NOT NULL DEFAULT 0
);
CREATE INDEX outbox_due_at_idx ON outbox (due_at);

CREATE TABLE notice (
  id              text PRIMARY KEY,
  channel         text NOT NULL,
  template        text NOT NULL,
  cause           text NOT NULL,
  recipient       text NOT NULL,
  locale          text NOT NULL,
  data            jsonb NOT NULL,
  payload         jsonb,
  status          text NOT NULL CHECK (status IN ('pending','sending','sent','failed','unknown','discarded')),
  vendor_id       text,
  event_id        text,
  calls           integer NOT NULL,
  lease_until     timestamptz,
  first_called_at timestamptz,
  error_code      text,
  error_message   text,
  created_at      timestamptz NOT NULL,
  sent_at         timestamptz,
  version         integer NOT NULL,
  CONSTRAINT notice_cause_template_recipient_key UNIQUE (cause, template, recipient, channel)
);
CREATE INDEX notice_event_id_idx ON notice (event_id);

CREATE TABLE timer (
  id         text PRIMARY KEY,
  kind       text NOT NULL,
  subject    text NOT NULL,
  due_at     timestamptz NOT NULL,
  status     text NOT NULL CHECK (status IN ('waiting','done')),
  created_at timestamptz NOT NULL,
  version    integer NOT NULL,
  CONSTRAINT timer_kind_subject_key UNIQUE (kind, subject)
);
CREATE INDEX timer_due_idx ON timer (due_at) WHERE status = 'waiting';

CREATE TABLE payment (
  id              text PRIMARY KEY,
  account         text NOT NULL,
  livemode        boolean NOT NULL,
  external_id     text NOT NULL,
  state           text NOT NULL CHECK (state IN ('pending','failed','canceled','succeeded')),
  state_as_of     timestamptz NOT NULL,
  amount_minor    bigint NOT NULL,
  currency        text NOT NULL,
  refunded_minor  bigint NOT NULL,
  user_ref        text,
  package_ref     text,
  email           text,
  name            text,
  locale          text,
  paid_at         timestamptz,
  failure_code    text,
  failure_message text,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  version         integer NOT NULL,
  CONSTRAINT payment_account_livemode_external_id_key UNIQUE (account, livemode, external_id)
);

CREATE TABLE entitlement (
  id          text PRIMARY KEY,
  payment_id  text NOT NULL CONSTRAINT entitlement_payment_id_key UNIQUE,
  account     text NOT NULL,
  livemode    boolean NOT NULL,
  user_ref    text NOT NULL,
  package_ref text NOT NULL,
  status      text NOT NULL CHECK (status IN ('active','revoked')),
  granted_at  timestamptz NOT NULL,
  revoked_at  timestamptz,
  updated_at  timestamptz NOT NULL,
  version     integer NOT NULL
);
CREATE INDEX entitlement_user_ref_idx ON entitlement (user_ref);

CREATE TABLE incident (
  id              text PRIMARY KEY,
  group_key       text NOT NULL,
  kind            text NOT NULL,
  title           text NOT NULL,
  service         text NOT NULL,
  environment     text,
  severity        text NOT NULL CHECK (severity IN ('P0','P1','P2','P3')),
  status          text NOT NULL CHECK (status IN ('open','acknowledged','resolved')),
  url             text,
  opened_at       timestamptz NOT NULL,
  acknowledged_at timestamptz,
  acknowledged_by text,
  resolved_at     timestamptz,
  resolved_by     text,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  version         integer NOT NULL
);
-- One open incident per group: what the absence of one is decided on.
CREATE UNIQUE INDEX incident_open_group_key ON incident (group_key) WHERE status <> 'resolved';
CREATE INDEX incident_group_key_idx ON incident (group_key, opened_at DESC);

CREATE TABLE incident_entry (
  id          text PRIMARY KEY,
  incident_id text NOT NULL,
  at          timestamptz NOT NULL,
  text        text NOT NULL
);
CREATE INDEX incident_entry_incident_id_idx ON incident_entry (incident_id, at);

CREATE TABLE signal (
  id          text PRIMARY KEY,
  incident_id text NOT NULL,
  event_id    text NOT NULL,
  kind        text NOT NULL CHECK (kind IN ('raised','acknowledged','resolved')),
  level       text,
  title       text NOT NULL,
  occurred_at timestamptz NOT NULL
);
CREATE INDEX signal_incident_id_idx ON signal (incident_id, occurred_at);

CREATE TABLE deployment (
  id          text PRIMARY KEY,
  source      text NOT NULL,
  external_id text NOT NULL,
  project     text NOT NULL,
  name        text NOT NULL,
  target      text NOT NULL,
  state       text NOT NULL,
  state_as_of timestamptz NOT NULL,
  url         text,
  commit      text,
  created_at  timestamptz NOT NULL,
  updated_at  timestamptz NOT NULL,
  version     integer NOT NULL,
  CONSTRAINT deployment_source_external_id_key UNIQUE (source, external_id)
);

CREATE TABLE audit_entry (
  id          text PRIMARY KEY,
  at          timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  action      text NOT NULL,
  actor       text NOT NULL,
  subject     text NOT NULL,
  event_id    text,
  details     jsonb NOT NULL
);
CREATE INDEX audit_entry_subject_idx ON audit_entry (subject);
CREATE INDEX audit_entry_event_id_idx ON audit_entry (event_id);
