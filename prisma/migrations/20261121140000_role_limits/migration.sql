-- What every session of the application needs, on whichever server and behind whichever pooler: no statement
-- waits for a lock for ever, and READ COMMITTED, which the claims are built on. For this database only; a
-- lock_timeout that somebody has chosen stays. Takes effect for connections that are opened from now on.
-- Run the migrations as the application's role; for another one, repeat both lines with its name.
DO $$
BEGIN
  IF current_setting('lock_timeout') = '0' THEN
    EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET lock_timeout = %L', current_database(), '5s');
  END IF;
  IF current_setting('default_transaction_isolation') <> 'read committed' THEN
    EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET default_transaction_isolation = %L',
      current_database(), 'read committed');
  END IF;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE NOTICE 'lock_timeout and default_transaction_isolation are not set on the role %: set them by hand', current_user;
END $$;
