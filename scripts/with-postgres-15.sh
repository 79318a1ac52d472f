#!/usr/bin/env bash
# scripts/with-postgres-15.sh <command...>: runs a command against Debian's PostgreSQL 15, the oldest that is
# promised, in a folder of its own that is gone afterwards. As root, like .ci/run.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
if [ ! -x "$bin/initdb" ]; then
  echo "PostgreSQL 15 is missing: apt-get install postgresql-15" >&2
  exit 1
fi
TMPDIR=$(node "$(dirname "$0")/memory-folder.mjs")
export TMPDIR
folder=$(mktemp -d)
chown postgres "$folder"
as_postgres() { runuser -u postgres -- "$@"; }
finish() {
  as_postgres "$bin/pg_ctl" -D "$folder/data" -m fast -s stop || true
  rm -rf "$folder"
}
trap finish EXIT
port=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
# With a password, as every real server: one that trusts everybody would refuse nobody.
(umask 077 && printf 'only-on-loopback\n' >"$folder/password" && chown postgres "$folder/password")
as_postgres "$bin/initdb" -D "$folder/data" -A scram-sha-256 --pwfile="$folder/password" -E UTF8 --no-sync >"$folder/initdb.log"
# In another zone than UTC, as a server that somebody keeps may be (initdb takes the machine's): `ensureRole` has the
# tests' sessions in UTC, and the migration is held to it by tests/store/role-limits.test.ts.
as_postgres "$bin/pg_ctl" -D "$folder/data" -s -w -l "$folder/server.log" \
  -o "-p $port -k $folder -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200 -c timezone=Asia/Bangkok" start
TEST_DATABASE_URL="postgres://postgres:only-on-loopback@127.0.0.1:$port/postgres" "$@"
