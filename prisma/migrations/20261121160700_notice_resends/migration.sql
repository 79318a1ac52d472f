-- How often a notice was sent anew after its service said that it had not arrived: each is a mail of its own.
ALTER TABLE notice ADD COLUMN resends integer NOT NULL DEFAULT 0;
