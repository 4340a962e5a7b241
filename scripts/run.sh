#!/usr/bin/env bash
# Builds and starts the server on embedded SQLite in ./data. Arguments are handed to `holdfast serve`.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

step "machine" scripts/setup.sh run
step "browser side" cargo run --profile quick --locked --quiet --package xtask -- bundle
step "server" cargo build --profile quick --locked --package holdfast
exec target/quick/holdfast serve --data-dir "${HOLDFAST_DATA_DIR:-data}" "$@"
