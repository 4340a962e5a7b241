#!/bin/sh
# Restores a base backup, brings it up to date from the archived WAL, looks whether everything is in it, and says how long
# it took.
#
#   restore.sh prove BACKUP [--wal FOLDER]                         into a folder of its own that is removed afterwards
#   restore.sh restore BACKUP DATA [--wal FOLDER] [--until TIME]   into DATA, which must not exist; left stopped
#
# Run it as the database's user, never as root. `--wal` names what pg_receivewal writes (holdfast-wal.service); without
# it, the restored state is that of the backup. TIME is a moment as PostgreSQL reads it, "2026-03-01 12:00:00+00".
#
# The restored server listens on no network but the loopback. With HOLDFAST naming the program and MASTER_KEY_FILE the master
# key, `holdfast restore --prove` walks the audit logs, opens the signing keys and verifies what they signed; with
# DATABASE_URL_FILE naming the file with the URL of the cluster in use, it compares the audit logs and records the proof
# there, so that every node knows its age. Where PROOF names a file, the time of a successful proof is written to it, too.
set -eu
umask 077

usage() {
    sed -n '4,6s/^# //p' "$0" >&2
    exit 2
}
[ $# -ge 2 ] || usage
what="$1" backup="$2"
shift 2
wal='' until='' data=''
case "$what" in
prove) ;;
restore)
    [ $# -ge 1 ] || usage
    data="$1"
    shift
    ;;
*) usage ;;
esac
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || usage
    case "$1" in
    --wal) wal="$(cd "$2" && pwd)" ;;
    --until) until="$2" ;;
    *) usage ;;
    esac
    shift 2
done

bin="${PG_BIN:-/usr/lib/postgresql/15/bin}"
# Everything here speaks to the restored server alone; what leads to the cluster is not its business.
unset PGHOST PGPORT PGUSER PGPASSWORD PGDATABASE PGSSLMODE PGSSLROOTCERT PGSSLCERT PGSSLKEY PGOPTIONS PGSERVICE
port="${PORT:-54320}"
millis() { date +%s%3N; }
seconds() { awk -v ms="$1" 'BEGIN { printf "%.1f", ms / 1000 }'; }
began="$(millis)"

"$bin/pg_verifybackup" --quiet "$backup"
scratch="$(mktemp -d)"
clean_up() {
    if [ -n "$data" ]; then "$bin/pg_ctl" --pgdata="$data" --mode=fast --silent stop >/dev/null 2>&1 || true; fi
    rm -rf "$scratch"
}
trap clean_up EXIT
if [ -z "$data" ]; then data="$scratch/data"; fi
if [ -e "$data" ]; then
    echo "restore.sh: $data exists; move it away first, it may still be needed" >&2
    data=''
    exit 3
fi
cp -a "$backup" "$data"
chmod 700 "$data"

# Nothing of the old cluster's settings: they name its addresses, certificates and standbys.
mv "$data/postgresql.conf" "$data/postgresql.conf.restored"
cat >"$data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$scratch'
max_connections = 200
max_prepared_transactions = 0
max_wal_senders = 10
max_worker_processes = 8
hot_standby = on
archive_mode = off
CONF
: >"$data/postgresql.auto.conf"
rm -f "$data/standby.signal" "$data/recovery.signal" "$data/patroni.dynamic.json"
# Nobody but this user can reach the socket's folder; on the loopback a password made for this run is asked for.
password="$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
printf 'local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n' >"$data/pg_hba.conf"
if [ -n "$wal" ]; then
    # A segment that is still being received has another name, and is of use.
    cat >>"$data/postgresql.conf" <<CONF
restore_command = 'cp "$wal/%f" "%p" 2>/dev/null || cp "$wal/%f.partial" "%p"'
recovery_target_timeline = 'latest'
CONF
    if [ -n "$until" ]; then printf "recovery_target_time = '%s'\nrecovery_target_action = 'promote'\n" "$until" >>"$data/postgresql.conf"; fi
    : >"$data/recovery.signal"
fi
copied="$(millis)"

"$bin/pg_ctl" --pgdata="$data" --log="$data/restore.log" --wait --timeout=3600 --silent start || {
    tail -n 20 "$data/restore.log" >&2
    exit 1
}
ask() { "$bin/psql" -X -A -t -q -v ON_ERROR_STOP=1 -h "$scratch" -p "$port" -U postgres -d "${2:-holdfast}" -c "$1"; }
until [ "$(ask 'SELECT pg_is_in_recovery()')" = f ]; do sleep 0.2; done
recovered="$(millis)"

licenses="$(ask 'SELECT count(*) FROM licenses')"
seats="$(ask "SELECT count(*) FROM seats WHERE state = 'active'")"
last="$(ask "SELECT coalesce(to_char(to_timestamp(max(at) / 1e6) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), 'never') FROM events")"
miscounted="$(ask "SELECT count(*) FROM licenses l WHERE seats_used <> (SELECT count(*) FROM seats s WHERE s.license = l.id AND s.state = 'active')")"
[ "$miscounted" = 0 ] || {
    echo "restore.sh: $miscounted licenses count other seats than they have" >&2
    exit 1
}
if [ -n "${HOLDFAST:-}" ]; then
    # The nodes' own password is put back afterwards: what is restored for good must let them in.
    own="$(ask "SELECT rolpassword FROM pg_authid WHERE rolname = 'holdfast'" postgres)"
    ask "ALTER ROLE holdfast PASSWORD '$password'"
    restored="$scratch/database-url"
    printf 'postgres://holdfast:%s@127.0.0.1:%s/holdfast\n' "$password" "$port" >"$restored"
    mkdir "$scratch/node"
    if [ -z "${MASTER_KEY_FILE:-}" ]; then
        set -- --database-url-file "$restored" audit verify
    elif [ "$what" = prove ] && [ -n "${DATABASE_URL_FILE:-}" ]; then
        set -- --database-url-file "$DATABASE_URL_FILE" --master-key-file "$MASTER_KEY_FILE" \
            restore --prove --restored-url-file "$restored"
    else
        set -- --database-url-file "$restored" --master-key-file "$MASTER_KEY_FILE" \
            restore --prove --restored-url-file "$restored" --no-record
    fi
    "$HOLDFAST" --data-dir "$scratch/node" "$@" >"$scratch/holdfast" 2>&1 || {
        cat "$scratch/holdfast" >&2
        exit 1
    }
    cat "$scratch/holdfast"
    ask "ALTER ROLE holdfast PASSWORD '$own'"
fi
if [ "$what" = restore ]; then
    "$bin/pg_ctl" --pgdata="$data" --mode=fast --wait --silent stop
    mv "$data/postgresql.conf.restored" "$data/postgresql.conf"
fi
ended="$(millis)"
echo "restored: $licenses licenses, $seats taken seats, the last event at $last UTC"
echo "took $(seconds $((ended - began))) s: $(seconds $((copied - began))) s copying and verifying," \
    "$(seconds $((recovered - copied))) s recovering, $(seconds $((ended - recovered))) s checking"
if [ -n "${PROOF:-}" ]; then
    printf '{"at":"%s","backup":"%s","seconds":%s,"licenses":%s,"seats":%s}\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
        "$(basename "$backup")" "$(seconds $((ended - began)))" "$licenses" "$seats" >"$PROOF.new"
    mv "$PROOF.new" "$PROOF"
fi
