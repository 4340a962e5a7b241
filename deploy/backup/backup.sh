#!/bin/sh
# Takes a base backup of the whole database cluster, verifies it, and removes old ones.
#
#   backup.sh FOLDER [KEEP]
#
# Where to connect comes from libpq's own variables (PGHOST, PGPORT, PGUSER, PGPASSWORD, PGSSLMODE, PGSSLROOTCERT): the
# replication user, at the port of the replicas (5001), so that the primary has no work with it. FOLDER is on another
# machine or disk; KEEP backups remain (7 where absent). Prints the new one's folder.
#
# The master key is not in it, on purpose: a stolen backup signs nothing and reveals no license key. Keep master.key apart.
set -eu
umask 077

[ $# -ge 1 ] || {
    echo "usage: backup.sh FOLDER [KEEP]" >&2
    exit 2
}
folder="$1" keep="${2:-7}"
bin="${PG_BIN:-/usr/lib/postgresql/15/bin}"
began="$(date +%s)"
mkdir -p "$folder"
name="base-$(date -u +%Y%m%dT%H%M%SZ)"
# Under another name until it is verified: what is called base-… can be restored.
unfinished="$folder/unfinished-$name"
trap 'rm -rf "$unfinished"' EXIT

"$bin/pg_basebackup" --pgdata="$unfinished" --format=plain --wal-method=stream --checkpoint=fast \
    --manifest-checksums=SHA256 --label="$name" --no-password
"$bin/pg_verifybackup" --quiet "$unfinished"
mv "$unfinished" "$folder/$name"
trap - EXIT

# Names sort by time.
ls -1d "$folder"/base-* | head -n "-$keep" | while read -r old; do rm -rf "$old"; done
echo "$folder/$name"
echo "backup.sh: $(du -sm "$folder/$name" | cut -f1) MiB in $(($(date +%s) - began)) s, verified" >&2
