-- What the checks after a deployment said: one that failed them is nothing to go back to.
ALTER TABLE deployment ADD COLUMN checked text
  CONSTRAINT deployment_checked_check CHECK (checked IN ('passed','failed','not_checked'));
