#!/bin/sh
# Run by Patroni when PostgreSQL on this machine starts or changes its role. Where it is the primary, etcd's leader goes to
# another machine: lost together, the place of the primary would expire 3 s later, because a new leader of etcd begins to
# count anew.
set -eu
case "${1:-} ${2:-}" in "on_start primary" | "on_role_change primary") ;; *) exit 0 ;; esac
ask() {
    curl --silent --fail --max-time 2 --cacert @ETC@/tls/ca.crt --cert @ETC@/tls/machine.crt --key @ETC@/tls/machine.key \
        --data "$2" "https://127.0.0.1:2379/v3/$1"
}
# Every number of that name.
numbers() { grep -o "\"$1\":\"[0-9]*\"" | tr -dc '0-9\n'; }

status="$(ask maintenance/status '{}')"
own="$(echo "$status" | numbers member_id)"
[ "$own" = "$(echo "$status" | numbers leader)" ] || exit 0
for member in $(ask cluster/member/list '{}' | numbers ID | grep -vx "$own"); do
    # A member that does not answer cannot lead.
    if ask maintenance/transfer-leadership "{\"targetID\":\"$member\"}" >/dev/null; then exit 0; fi
done
