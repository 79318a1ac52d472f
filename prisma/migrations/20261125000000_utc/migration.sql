SET LOCAL statement_timeout = 0;
-- Sessions of the application are in UTC, whatever zone the server is in (Debian's initdb takes the machine's): Prisma's
-- adapter leaves out a time's offset, both ways; in any other zone the admin lists are wrong by it. On the role, as
-- lock_timeout is (role_limits), for this database only. Takes effect for connections that are opened from now on; PgBouncer
-- goes on with the zone that it learned first until it is restarted (https://github.com/pgbouncer/pgbouncer/issues/1562).
DO $$
BEGIN
  EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET timezone = %L', current_database(), 'UTC');
EXCEPTION WHEN insufficient_privilege THEN
  RAISE NOTICE 'timezone is not set on the role %: set it to UTC by hand', current_user;
END $$;
