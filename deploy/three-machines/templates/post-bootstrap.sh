#!/bin/sh
# Run by Patroni once, on the first primary, with the connection string of the superuser: makes what Holdfast needs.
set -eu
: "${HOLDFAST_DATABASE_PASSWORD:?is set in patroni.secrets}"

# The password goes by standard input and not by the command line, which every user of the machine may read.
@PG_BIN@/psql -q -X -v ON_ERROR_STOP=1 "$1" <<SQL
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
CREATE ROLE holdfast LOGIN PASSWORD '$HOLDFAST_DATABASE_PASSWORD';
CREATE DATABASE holdfast OWNER holdfast;
REVOKE ALL ON DATABASE holdfast FROM PUBLIC;
-- So that nodes and holdfast doctor see how far the standbys are behind.
GRANT pg_monitor TO holdfast;
SQL
