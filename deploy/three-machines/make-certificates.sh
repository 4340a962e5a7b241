#!/bin/sh
# Makes a certificate authority of the cluster's own and one certificate per machine.
#
#   make-certificates.sh cluster.env FOLDER
#
# FOLDER/ca.key signs all of them: keep it away from the machines. FOLDER/NAME/ belongs into $ETC/tls of that machine.
# Run it again to renew the machines' certificates (825 days); the authority (10 years) is kept. An existing public.pem is
# kept, too: put the certificate of a public authority there, chain and key in one file, with its own authority's
# certificate as public-ca.crt.
set -eu
umask 077

[ $# -eq 2 ] || {
    echo "usage: make-certificates.sh cluster.env FOLDER" >&2
    exit 2
}
settings="$1" folder="$2"
value() { sed -n "s/^$1=//p" "$settings" | tail -n 1; }
mkdir -p "$folder"

if [ ! -f "$folder/ca.key" ]; then
    openssl ecparam -name prime256v1 -genkey -noout -out "$folder/ca.key"
    openssl req -x509 -new -key "$folder/ca.key" -sha256 -days 3650 -subj "/CN=$(value CLUSTER) cluster" \
        -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" \
        -out "$folder/ca.crt" 2>/dev/null
fi

# issue NAME-OF-FILES SUBJECT ALTERNATIVE-NAMES USES
issue() {
    openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
    printf 'subjectAltName=%s\nextendedKeyUsage=%s\nkeyUsage=critical,digitalSignature\nbasicConstraints=critical,CA:FALSE\n' \
        "$3" "$4" >"$1.ext"
    openssl req -new -key "$1.key" -subj "/CN=$2" |
        openssl x509 -req -CA "$folder/ca.crt" -CAkey "$folder/ca.key" -sha256 -days 825 \
            -set_serial "0x$(openssl rand -hex 16)" -extfile "$1.ext" -out "$1.crt" 2>/dev/null
    rm "$1.ext"
}

for number in 1 2 3; do
    name="$(value "NAME_$number")" address="$(value "ADDRESS_$number")"
    machine="$folder/$name"
    mkdir -p "$machine"
    cp "$folder/ca.crt" "$machine/ca.crt"
    # For both directions: the members of etcd, of Patroni and the edges show it to each other.
    issue "$machine/machine" "$name" "DNS:$name,DNS:localhost,IP:$address,IP:127.0.0.1" serverAuth,clientAuth
    cat "$machine/machine.crt" "$machine/machine.key" >"$machine/machine.pem"
    if [ ! -f "$machine/public.pem" ]; then
        host="$(value "ENDPOINT_$number" | sed 's|^https://||; s|[:/].*||')"
        case "$host" in *[!0-9.]*) host="DNS:$host" ;; *) host="IP:$host" ;; esac
        issue "$machine/public" "$(value PUBLIC_NAME)" \
            "DNS:$(value PUBLIC_NAME),IP:$(value VIRTUAL_ADDRESS),$host" serverAuth
        cat "$machine/public.crt" "$machine/public.key" >"$machine/public.pem"
        rm "$machine/public.crt" "$machine/public.key"
        cp "$folder/ca.crt" "$machine/public-ca.crt"
    fi
    # The services run as users of their own and share a group. PostgreSQL refuses a key that others can read.
    group="$(value TLS_GROUP)"
    chmod 750 "$machine"
    chmod 640 "$machine"/*
    if [ -n "$group" ] && [ "$(id -u)" = 0 ] && getent group "$group" >/dev/null; then
        chgrp "$group" "$machine" "$machine"/*
    fi
done
