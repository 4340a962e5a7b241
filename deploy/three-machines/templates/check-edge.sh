#!/bin/sh
# Whether the edge of this machine reaches a node: what keepalived decides by.
exec curl --silent --fail --output /dev/null --max-time 0.9 \
    --connect-to "::127.0.0.1:443" --cacert @ETC@/tls/public-ca.crt "https://@PUBLIC_NAME@/readyz"
