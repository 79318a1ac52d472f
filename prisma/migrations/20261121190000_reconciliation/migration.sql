-- A run that compares the ledger with its source. The cursor is where it goes on after a slice or a crash: it is written
-- together with what a page has found.
CREATE TABLE reconciliation (
  id          text PRIMARY KEY,
  source      text NOT NULL,
  actor       text NOT NULL,
  status      text NOT NULL CHECK (status IN ('running','succeeded','partial','failed')),
  dry_run     boolean NOT NULL,
  livemode    boolean NOT NULL,
  range_from  timestamptz NOT NULL,
  range_to    timestamptz NOT NULL,
  only_ref    text NOT NULL,
  cursor      jsonb NOT NULL,
  counts      jsonb NOT NULL,
  balance     jsonb NOT NULL,
  errors      jsonb NOT NULL,
  started_at  timestamptz NOT NULL,
  updated_at  timestamptz NOT NULL,
  ended_at    timestamptz,
  lease_until timestamptz NOT NULL,
  version     integer NOT NULL
);
-- The same asked for twice is one run.
CREATE UNIQUE INDEX reconciliation_running_key
  ON reconciliation (source, range_from, range_to, only_ref, dry_run) WHERE status = 'running';

-- Events that a run has sent on the ordinary path and waits for; they go when it ends.
CREATE TABLE reconciliation_message (
  reconciliation_id text NOT NULL REFERENCES reconciliation (id) ON DELETE CASCADE,
  event_key         text NOT NULL,
  PRIMARY KEY (reconciliation_id, event_key)
);

-- What differs between the ledger and its source, or within the ledger: one row however often it is found.
CREATE TABLE discrepancy (
  id          text PRIMARY KEY,
  source      text NOT NULL,
  kind        text NOT NULL CHECK (kind IN (
    'missing_here','missing_there','amount','currency','state','refund','dispute','details',
    'paid_without_entitlement','entitlement_without_payment','charged_twice','altered_here'
  )),
  object_kind text NOT NULL,
  account     text NOT NULL,
  livemode    boolean NOT NULL,
  external_id text NOT NULL,
  status      text NOT NULL CHECK (status IN ('open','healed','corrected','dismissed')),
  ours        jsonb NOT NULL,
  theirs      jsonb NOT NULL,
  proposal    jsonb NOT NULL,
  first_run_id text NOT NULL,
  last_run_id  text NOT NULL,
  found_at    timestamptz NOT NULL,
  updated_at  timestamptz NOT NULL,
  closed_at   timestamptz,
  version     integer NOT NULL,
  CONSTRAINT discrepancy_key UNIQUE (external_id, kind, object_kind, account, livemode)
);
CREATE INDEX discrepancy_last_run_id_idx ON discrepancy (last_run_id, id);
CREATE INDEX discrepancy_open_idx ON discrepancy (external_id) WHERE status = 'open';

-- What is to be done about a payment, who proposed it, who approved it, and what came of it.
CREATE TABLE correction (
  id              text PRIMARY KEY,
  discrepancy_id  text REFERENCES discrepancy (id),
  kind            text NOT NULL CHECK (kind IN ('adopt','refund','cancel','grant','revoke','none')),
  account         text NOT NULL,
  livemode        boolean NOT NULL,
  external_id     text NOT NULL,
  amount_minor    bigint,
  currency        text,
  status          text NOT NULL CHECK (status IN ('planned','approved','applied','failed','rejected')),
  reason          text NOT NULL,
  planned_by      text NOT NULL,
  approved_by     text,
  idempotency_key text NOT NULL UNIQUE,
  error           text,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  applied_at      timestamptz,
  version         integer NOT NULL
);
CREATE INDEX correction_external_id_idx ON correction (external_id);
