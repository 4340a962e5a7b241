#!/bin/sh
# Writes the files of one machine of a region that follows another: those of ../three-machines, with Patroni told to follow the
# other region's primary (5002 through HAProxy), and nodes writing to it until this region has one of its own (5000).
#
#   render.sh cluster.env NUMBER FOLDER
#
# cluster.env holds the settings of this region's machines, with those of region.env.example appended.
set -eu

[ $# -eq 3 ] || {
    echo "usage: render.sh cluster.env NUMBER FOLDER" >&2
    exit 2
}
settings="$1" folder="$3"
here="$(cd "$(dirname "$0")" && pwd)"
value() { sed -n "s/^$1=//p" "$settings" | tail -n 1; }
for name in OTHER_ADDRESS_1 OTHER_ADDRESS_2 OTHER_ADDRESS_3 SLOT; do
    [ -n "$(value "$name")" ] || {
        echo "render.sh: $settings does not say $name; append region.env.example" >&2
        exit 1
    }
done
"$here/../three-machines/render.sh" "$settings" "$2" "$folder" >/dev/null

# 5000: a primary of this region, which only a promotion makes, goes before the other's, and takes its connections over.
others="$(mktemp)"
trap 'rm -f "$others"' EXIT
{
    echo "    # Of the other region, until this one is promoted."
    for number in 1 2 3; do
        echo "    server $(value "OTHER_NAME_$number") $(value "OTHER_ADDRESS_$number"):5432 backup"
    done
} >"$others"
sed -i "/^listen primary\$/,/^\$/{
/http-check/a\\    default-server on-marked-up shutdown-backup-sessions
/^    server $(value NAME_3) /r $others
}" "$folder/haproxy-database.cfg"
cat >>"$folder/haproxy-database.cfg" <<CFG

# The primary of the region that this one follows, for its database alone.
listen other-region
    bind 127.0.0.1:5002
    http-check send meth OPTIONS uri /primary
    server $(value OTHER_NAME_1) $(value OTHER_ADDRESS_1):5432
    server $(value OTHER_NAME_2) $(value OTHER_ADDRESS_2):5432
    server $(value OTHER_NAME_3) $(value OTHER_ADDRESS_3):5432
CFG
# Read once, when this region's cluster is made: its leader follows instead of taking writes.
follow="    standby_cluster:\\
      host: 127.0.0.1\\
      port: 5002\\
      primary_slot_name: $(value SLOT)\\
      create_replica_methods:\\
        - basebackup"
sed -i "/^  dcs:\$/a\\
$follow" "$folder/patroni.yml"
echo "$folder"
