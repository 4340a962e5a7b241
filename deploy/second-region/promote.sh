#!/bin/sh
# Makes the second region the one that takes writes. For a person who knows that the first one is gone, or has fenced it:
# two regions cannot vote, so no program decides this.
#
#   promote.sh ADDRESS-OF-A-MACHINE-OF-THE-SECOND-REGION [ETC]
#
# Afterwards the first region must not take writes again as it is: see README.md, "Let the first region return".
set -eu

[ $# -ge 1 ] || {
    echo "usage: promote.sh ADDRESS [ETC]" >&2
    exit 2
}
address="$1" etc="${2:-/etc/holdfast}"
ask() { curl --silent --show-error --fail --max-time 10 --cacert "$etc/tls/ca.crt" --cert "$etc/tls/machine.crt" --key "$etc/tls/machine.key" "$@"; }

began="$(date +%s%3N)"
ask --request PATCH --header 'Content-Type: application/json' --data '{"standby_cluster": null}' \
    "https://$address:8008/config" >/dev/null
# The leader of a standby cluster is called standby_leader; once it is promoted, leader. It takes writes a moment later.
leader() {
    ask "https://$address:8008/cluster" | tr '{' '\n' |
        sed -n 's/.*"role": *"leader".*"api_url": *"\([^"]*\)".*/\1/p'
}
until at="$(leader)" && [ -n "$at" ] && ask "$at" | grep -q '"role": *"primary"'; do
    if [ $(($(date +%s%3N) - began)) -gt 60000 ]; then
        echo "promote.sh: nobody takes writes after 60 s; look at patronictl list" >&2
        exit 1
    fi
    sleep 0.1
done
echo "promoted after $(($(date +%s%3N) - began)) ms"
