#!/usr/bin/env bash
# Measures against the stated limits and prints the table; also written to end2end/report/bench.md. Arguments are
# handed to the program: --quick, --only PART.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

step "machine" scripts/setup.sh test
step "browser side" cargo xtask bundle
step "programs" cargo build --release --locked --package holdfast --package holdfast-bench --package holdfast-sdk --bins --examples
code=0
target/release/holdfast-bench "$@" || code=$?
step "in a browser" node end2end/browser/speed.mjs
exit "$code"
