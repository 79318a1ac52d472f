-- No statement of the application lasts longer than it waits for the answer (10 s, src/runtime/node-config.ts). What
-- Postgres itself ends is known not to be written; what the application stops waiting for is not known, and may still be
-- written afterwards. On the role, as lock_timeout is (role_limits), so that it holds behind every pooler. A stricter
-- limit that somebody has chosen stays; a looser one could never be used.
-- From the next connection on it holds for migrations too: each later one begins with SET LOCAL statement_timeout = 0.
DO $$
BEGIN
  IF (SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout') NOT BETWEEN 1 AND 8000 THEN
    EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET statement_timeout = %L', current_database(), '8s');
  END IF;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE NOTICE 'statement_timeout is not set on the role %: set it by hand', current_user;
END $$;
