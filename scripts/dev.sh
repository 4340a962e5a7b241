#!/usr/bin/env bash
# Rebuilds and restarts on every change; the server reads the browser side from disk. Ctrl-C ends it.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

step "machine" scripts/setup.sh run

server=
stop() { if [ -n "$server" ]; then kill "$server" 2>/dev/null && wait "$server" 2>/dev/null || true; fi; }
trap 'stop; exit 0' INT TERM
trap stop EXIT

# The newest change time of everything that is built from.
state() {
    find app crates server xtask style migrations sdk Cargo.toml Cargo.lock package-lock.json \
        -type f ! -name '*.md' -printf '%T@ %p\n' 2>/dev/null | sort | sha256sum
}

built=
while true; do
    now="$(state)"
    if [ "$now" != "$built" ]; then
        built="$now"
        if step "browser side" cargo xtask bundle --quick && step "server" cargo build --package holdfast; then
            stop
            target/debug/holdfast serve --data-dir "${HOLDFAST_DATA_DIR:-data}" "$@" &
            server=$!
        else
            say "    waiting for the next change"
        fi
    fi
    sleep 1
done
