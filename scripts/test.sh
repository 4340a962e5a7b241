#!/usr/bin/env bash
# Everything that must hold before a change lands. The last line says how many tests passed and failed.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0
mkdir -p target/test-logs
passed=0
failed=0

finish() {
    local code=$?
    scripts/postgres.sh stop >/dev/null 2>&1 || true
    print_steps
    if [ "$code" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
    printf '\n%d passed, %d failed\n' "$passed" "$failed"
    exit "$code"
}
trap finish EXIT

# Adds what a log says to the totals: the closing lines of cargo's test runner and of node's, and our own plain one.
count() {
    local numbers
    numbers="$(awk '
        /^test result: / { for (i = 2; i <= NF; i++) { if ($i == "passed;") p += $(i - 1); if ($i == "failed;") f += $(i - 1) } }
        /^(#|ℹ) pass [0-9]+$/ { p += $3 }
        /^(#|ℹ) fail [0-9]+$/ { f += $3 }
        /^[0-9]+ passed, [0-9]+ failed$/ { p += $1; f += $3 }
        END { printf "%d %d", p, f }' "$1")"
    passed=$((passed + ${numbers% *}))
    failed=$((failed + ${numbers#* }))
}

logged() {
    local log="target/test-logs/$1.log" code=0
    shift
    "$@" 2>&1 | tee "$log" || code=$?
    count "$log"
    return "$code"
}

database() {
    HOLDFAST_TEST_POSTGRES="$(scripts/postgres.sh start)"
    export HOLDFAST_TEST_POSTGRES
    say "    $HOLDFAST_TEST_POSTGRES"
}

step "machine" scripts/setup.sh test
step "formatting" cargo fmt --all --check
step "formatting, libraries" cargo fmt --manifest-path end2end/gateways/Cargo.toml --check
step "lints, server side" cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
step "lints, browser side" cargo clippy --package holdfast-app --lib --no-default-features --features hydrate --locked --quiet -- -D warnings
step "browser side" cargo xtask bundle --strict
step "PostgreSQL" database
# They wait for processes, databases and clocks as much as they reckon.
export RUST_TEST_THREADS=$(($(nproc) + 1))
step "tests, SQLite and PostgreSQL" logged rust cargo test --workspace --locked --no-fail-fast
# Built like the tests, as one workspace, so that no dependency is compiled a second time with other features.
step "programs for the tests from outside" cargo build --workspace --bins --examples --locked --quiet
# Two at a time: each waits for its server and its browser in turns.
step "browser tests" logged browser node --test --test-concurrency=2 --test-reporter=spec end2end/browser/*.test.mjs
# A workspace of their own, asked of the program built above.
step "other systems' libraries" logged libraries cargo test --manifest-path end2end/gateways/Cargo.toml --target-dir target/gateways --locked
step "other systems' libraries, scripts" logged scripts node --test --test-reporter=spec end2end/gateways/*.test.mjs
# The program of `make outage`, built above with the others.
step "outage rehearsal" logged outage target/debug/holdfast-outage
# Likewise the program of `make failover`, in its short form.
step "failover rehearsal" logged failover target/debug/holdfast-failover --short
