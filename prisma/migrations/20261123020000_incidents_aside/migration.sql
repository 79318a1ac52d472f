-- What our own watch says of a figure or a rule is no outage: nothing else joins it, and users are not told of it. What
-- opened before this deployment is told as it was.
ALTER TABLE incident ADD COLUMN aside boolean NOT NULL DEFAULT false;
