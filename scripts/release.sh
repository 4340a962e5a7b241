#!/usr/bin/env bash
# Builds the program as it is delivered, with the browser side in it: target/release/holdfast.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

step "machine" scripts/setup.sh run
step "browser side" cargo xtask bundle
step "server" cargo build --release --locked --package holdfast
say "target/release/holdfast is ready; docs/running.md says how to run it"
