#!/bin/sh
# Looks at this machine, the database, Patroni, etcd, all nodes and the endpoints; says what is wrong and what to do.
exec holdfast --config @ETC@/holdfast.toml doctor \
    --patroni https://@ADDRESS_1@:8008,https://@ADDRESS_2@:8008,https://@ADDRESS_3@:8008 \
    --etcd https://@ADDRESS_1@:2379,https://@ADDRESS_2@:2379,https://@ADDRESS_3@:2379 \
    --ca-file @ETC@/tls/ca.crt --cert-file @ETC@/tls/machine.crt --key-file @ETC@/tls/machine.key "$@"
