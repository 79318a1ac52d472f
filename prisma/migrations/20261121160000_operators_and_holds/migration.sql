-- Who may act here by a key of their own. Of the key only its SHA-256 is kept.
CREATE TABLE api_key (
  id           text PRIMARY KEY,
  name         text NOT NULL,
  role         text NOT NULL CHECK (role IN ('read','operator','approver')),
  key_hash     text NOT NULL CONSTRAINT api_key_key_hash_key UNIQUE,
  created_by   text NOT NULL,
  created_at   timestamptz NOT NULL,
  last_used_at timestamptz,
  revoked_by   text,
  revoked_at   timestamptz,
  version      integer NOT NULL
);
-- A name is one key's at a time, because audit entries say it; after a revocation it may be given again.
CREATE UNIQUE INDEX api_key_name_key ON api_key (name) WHERE revoked_at IS NULL;

-- A source whose events are kept and not worked on. The row stays after the release: it is the drain's place.
CREATE TABLE source_hold (
  id              text PRIMARY KEY,
  source          text NOT NULL,
  reason          text NOT NULL,
  held_by         text NOT NULL,
  held_at         timestamptz NOT NULL,
  let_through     jsonb NOT NULL DEFAULT '[]',
  released_by     text,
  released_at     timestamptz,
  release_reason  text,
  -- Who drains what was held, until when: one at a time keeps the order.
  drained_by      text,
  drained_until   timestamptz,
  version         integer NOT NULL
);
-- The claim of an event looks here: it holds the sources that are held now, and is empty on most days.
CREATE UNIQUE INDEX source_hold_source_key ON source_hold (source) WHERE released_at IS NULL;

-- Held events in the order in which a release works on them.
CREATE INDEX event_held_idx ON event (source, occurred_at, received_at, id) WHERE status = 'held';

ALTER TABLE attempt DROP CONSTRAINT attempt_outcome_check;
ALTER TABLE attempt ADD CONSTRAINT attempt_outcome_check CHECK (
  outcome IN ('processed','ignored','held','dead','duplicate','transient')
) NOT VALID;
ALTER TABLE attempt VALIDATE CONSTRAINT attempt_outcome_check;
