-- What a check asks for each time that it looks: what went to the same place, before and since. As one text, so that no
-- read that knows a part of it only takes this index for its own.
CREATE INDEX deployment_place_idx ON deployment ((source || ' ' || project || ' ' || target), state_as_of);
