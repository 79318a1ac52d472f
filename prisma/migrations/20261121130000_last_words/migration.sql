-- What only the raising signal knows is null until it comes; the empty text was a mark that a name could have.
ALTER TABLE incident ALTER COLUMN service DROP NOT NULL;
UPDATE incident SET service = NULL WHERE service = '';

-- Trouble of this very deployment: how much of it was opened lately caps what is told of it.
ALTER TABLE incident ADD COLUMN ours boolean NOT NULL DEFAULT false;
CREATE INDEX incident_ours_idx ON incident (created_at) WHERE ours;

-- Where deployments go, and the last good one there. A failed and a good deployment that are worked on at
-- once both write this row, so that neither decides on what the other has not yet written.
CREATE TABLE deployment_target (
  id           text PRIMARY KEY,
  source       text NOT NULL,
  project      text NOT NULL,
  target       text NOT NULL,
  last_good_at timestamptz,
  updated_at   timestamptz NOT NULL,
  version      integer NOT NULL,
  CONSTRAINT deployment_target_source_project_target_key UNIQUE (source, project, target)
);

-- Until when the payment's own amount is known; the epoch while only a checkout or a refund has named one.
ALTER TABLE payment ADD COLUMN money_as_of timestamptz NOT NULL DEFAULT 'epoch';
