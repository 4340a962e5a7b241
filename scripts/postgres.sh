#!/usr/bin/env bash
# A PostgreSQL of our own for tests: on the loopback, owned by an ordinary user, without a password and without fsync.
#
#   scripts/postgres.sh start   creates it if need be, starts it, prints its URL
#   scripts/postgres.sh url     prints its URL
#   scripts/postgres.sh stop    stops it
#   scripts/postgres.sh wipe    stops it and deletes its data
#   scripts/postgres.sh follow URL   makes it anew, as a standby of the server at URL, starts it, prints its URL
#   scripts/postgres.sh sql TEXT     runs statements on it
#
# HOLDFAST_PG_DIR  where it lives (default target/postgres)
# HOLDFAST_PG_PORT the port it tries first (default 54329; the next free one is taken when that is busy)
# HOLDFAST_PG_DURABLE=1   commits are synced, as in production: for measuring
# HOLDFAST_PG_PRELOAD     a library to preload into the server: for measuring with a slow disk
set -euo pipefail
cd "$(dirname "$0")/.."

first_port="${HOLDFAST_PG_PORT:-54329}"

fail() {
    echo "postgres.sh: $*" >&2
    exit 1
}

find_bin() {
    local dir
    for dir in /usr/lib/postgresql/*/bin "$(dirname "$(command -v initdb 2>/dev/null || echo /nonexistent/x)")"; do
        if [ -x "$dir/initdb" ] && [ -x "$dir/pg_ctl" ]; then
            echo "$dir"
            return
        fi
    done
    fail "PostgreSQL is not installed (looked in /usr/lib/postgresql/*/bin); run scripts/setup.sh, or: apt-get install postgresql-15"
}

# PostgreSQL refuses to run as root, so root hands it to an ordinary user.
if [ "$(id -u)" = 0 ]; then
    if id postgres >/dev/null 2>&1; then owner=postgres; else owner=nobody; fi
    as_owner() { setpriv --reuid="$owner" --regid="$(id -gn "$owner")" --clear-groups -- "$@"; }
else
    owner="$(id -un)"
    as_owner() { "$@"; }
fi

root_dir="$(pwd)/${HOLDFAST_PG_DIR:-target/postgres}"
case "${HOLDFAST_PG_DIR:-}" in /*) root_dir="$HOLDFAST_PG_DIR" ;; esac
mkdir -p "$root_dir"
# In a home directory closed to others the ordinary user cannot reach the tree: then the data goes beside it.
if ! as_owner test -x "$root_dir" 2>/dev/null; then
    root_dir="/var/tmp/holdfast-postgres-$(printf '%s' "$root_dir" | cksum | cut -d' ' -f1)"
    mkdir -p "$root_dir"
fi
if [ "$(id -u)" = 0 ]; then chown "$owner" "$root_dir"; fi
chmod 700 "$root_dir"
data="$root_dir/data"
port_file="$root_dir/port"
log="$root_dir/log"

port() { cat "$port_file" 2>/dev/null || echo "$first_port"; }
url() { echo "postgres://holdfast@127.0.0.1:$(port)/holdfast"; }
running() { [ -s "$data/postmaster.pid" ] && as_owner "$bin/pg_ctl" -D "$data" status >/dev/null 2>&1; }
answers() { as_owner "$bin/pg_isready" -q -h 127.0.0.1 -p "$(port)" -d holdfast -U holdfast; }

free_port() {
    local candidate="$first_port" last=$((first_port + 200))
    while [ "$candidate" -lt "$last" ]; do
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$candidate") 2>/dev/null; then
            echo "$candidate"
            return
        fi
        candidate=$((candidate + 1))
    done
    fail "no free port between $first_port and $last"
}

start() {
    if running && answers; then
        url
        return
    fi
    if [ ! -s "$data/PG_VERSION" ]; then
        rm -rf "$data"
        as_owner "$bin/initdb" -D "$data" -U holdfast -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$root_dir/initdb.log" 2>&1 ||
            fail "initdb failed: $(tail -n 5 "$root_dir/initdb.log")"
        # The data lives for a test run, so it need not survive a power cut: no sync, no full-page writes.
        local sync=off
        [ "${HOLDFAST_PG_DURABLE:-}" != 1 ] || sync=on
        as_owner tee -a "$data/postgresql.conf" >/dev/null <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
shared_buffers = 128MB
fsync = $sync
synchronous_commit = $sync
full_page_writes = $sync
# Statistics change when a test says so, not under it.
autovacuum = $sync
max_wal_size = 1GB
log_min_messages = warning
CONF
    fi
    if ! running; then
        rm -f "$data/postmaster.pid"
        free_port >"$port_file"
        [ "$(id -u)" = 0 ] && chown "$owner" "$port_file"
        as_owner env LD_PRELOAD="${HOLDFAST_PG_PRELOAD:-}" "$bin/pg_ctl" -D "$data" -l "$log" -o "-p $(port)" -w -t 60 start >"$root_dir/start.log" 2>&1 </dev/null ||
            fail "PostgreSQL did not start: $(tail -n 5 "$log" "$root_dir/start.log" 2>/dev/null)"
    fi
    local tries=0
    until answers; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || fail "PostgreSQL started but does not answer on port $(port); see $log"
        sleep 0.1
    done
    if ! as_owner "$bin/psql" -qAt -h 127.0.0.1 -p "$(port)" -U holdfast -d postgres \
        -c "select 1 from pg_database where datname = 'holdfast'" | grep -q 1; then
        as_owner "$bin/createdb" -h 127.0.0.1 -p "$(port)" -U holdfast holdfast
    fi
    url
}

stop() {
    if running; then
        as_owner "$bin/pg_ctl" -D "$data" -m immediate -w -t 30 stop >/dev/null
    fi
}

follow() {
    stop
    rm -rf "$data"
    as_owner "$bin/pg_basebackup" -D "$data" -d "$1" --write-recovery-conf --checkpoint=fast --no-sync \
        >"$root_dir/basebackup.log" 2>&1 || fail "pg_basebackup failed: $(tail -n 5 "$root_dir/basebackup.log")"
    start
}

bin="$(find_bin)"
case "${1:-}" in
start) start ;;
url) url ;;
stop) stop ;;
wipe)
    stop
    rm -rf "$root_dir"
    ;;
follow) follow "$2" ;;
sql) as_owner "$bin/psql" -XqAt -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$(port)" -U holdfast -d holdfast -c "$2" ;;
*) fail "say start, url, stop, wipe, follow or sql" ;;
esac
