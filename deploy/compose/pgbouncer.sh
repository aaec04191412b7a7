#!/bin/sh
# Writes PgBouncer's configuration from the environment and becomes PgBouncer. The password goes into a file of
# mode 0600 on a tmpfs: neither an image nor a command line holds it.
set -eu
umask 077
: "${POSTGRES_PASSWORD:?is not set}"
directory=${PGBOUNCER_DIRECTORY:-/run/pgbouncer}
user=${POSTGRES_USER:-postgres}
quoted=$(printf '%s' "$POSTGRES_PASSWORD" | sed 's/"/""/g')
printf '"%s" "%s"\n' "$user" "$quoted" > "$directory/users.txt"

# auth_query lets every role of the server log in with its own password; only the one above stands in a file.
cat > "$directory/pgbouncer.ini" <<INI
[databases]
* = host=${POSTGRES_HOST:-postgres} port=${POSTGRES_PORT:-5432} auth_user=$user
[pgbouncer]
listen_addr = ${PGBOUNCER_ADDRESS:-0.0.0.0}
listen_port = ${PGBOUNCER_PORT:-6432}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = $directory/users.txt
auth_query = select usename, passwd from pg_catalog.pg_shadow where usename = \$1
stats_users = $user
pool_mode = transaction
default_pool_size = ${PGBOUNCER_POOL_SIZE:-20}
max_client_conn = 200
INI
exec pgbouncer -q "$directory/pgbouncer.ini"
