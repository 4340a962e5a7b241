#!/bin/sh
# Makes the passwords of a cluster and its master key, once.
#
#   make-secrets.sh cluster.env FOLDER
#
# The three files belong into $ETC of every machine, with mode 600: patroni.secrets (owner root; systemd reads it),
# database-url and master.key (owner holdfast). Keep a copy of master.key away from the machines: without it a backup of
# the database signs nothing.
set -eu
umask 077

[ $# -eq 2 ] || {
    echo "usage: make-secrets.sh cluster.env FOLDER" >&2
    exit 2
}
settings="$1" folder="$2"
value() { sed -n "s/^$1=//p" "$settings" | tail -n 1; }
secret() { openssl rand -hex 24; }
mkdir -p "$folder"
for file in patroni.secrets database-url master.key; do
    if [ -e "$folder/$file" ]; then
        echo "make-secrets.sh: $folder/$file exists already; passwords are made once" >&2
        exit 1
    fi
done

holdfast="$(secret)"
cat >"$folder/patroni.secrets" <<SECRETS
PATRONI_SUPERUSER_PASSWORD=$(secret)
PATRONI_REPLICATION_PASSWORD=$(secret)
PATRONI_REWIND_PASSWORD=$(secret)
HOLDFAST_DATABASE_PASSWORD=$holdfast
SECRETS
printf 'postgres://holdfast:%s@127.0.0.1:5000/holdfast?sslmode=verify-full&sslrootcert=%s/tls/ca.crt\n' \
    "$holdfast" "$(value ETC)" >"$folder/database-url"
openssl rand -hex 32 >"$folder/master.key"
