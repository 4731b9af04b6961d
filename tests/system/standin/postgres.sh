#!/bin/sh
# as the official image begins: a cluster with the user, the password's file and the database of the environment
set -eu
commands=$(echo /usr/lib/postgresql/*/bin)
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  # shellcheck disable=SC2086
  "$commands/initdb" --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --no-sync $POSTGRES_INITDB_ARGS
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  echo "CREATE DATABASE $POSTGRES_DB" | "$commands/postgres" --single -D "$PGDATA" postgres
fi
exec "$commands/postgres" -c 'listen_addresses=*'
