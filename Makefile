# Every command of the project. Each says what it does and how long it took, and can be repeated at any time.

.PHONY: run release test dev setup fmt outage failover simulate bench openapi screenshots

## Install what is missing, build, and serve on SQLite in ./data
run:
	@scripts/run.sh

## Build the program as it is delivered: target/release/holdfast
release:
	@scripts/release.sh

## Install what is missing and run everything that must hold
test:
	@scripts/test.sh

## Rebuild and restart on every change
dev:
	@scripts/dev.sh

## Only install what is missing
setup:
	@scripts/setup.sh test

## Format the sources
fmt:
	@cargo fmt --all

## Play an outage through: 50 customers, a dead server, a month, a refund
outage:
	@cargo build --locked --quiet --package holdfast
	@cargo build --locked --quiet --package holdfast-sdk --package holdfast-outage --bins --examples
	@target/debug/holdfast-outage

## Send a million devices through long outages, and play 10 000 histories of a failing network (ARGS="--histories 500")
simulate:
	@cargo run --locked --release --quiet --package holdfast-simulate -- time-warp $(ARGS)
	@cargo run --locked --release --quiet --package holdfast-simulate -- network $(ARGS)

## Break a whole cluster, one thing at a time (ARGS="--short", "--full", "--previous PATH")
failover:
	@scripts/setup.sh test
	@cargo build --locked --quiet --package holdfast --package holdfast-sdk --package holdfast-failover
	@target/debug/holdfast-failover $(ARGS)

## Measure against the stated limits (ARGS="--quick" for a short run)
bench:
	@scripts/bench.sh $(ARGS)

## Photograph every screen into docs/screenshots
screenshots:
	@cargo xtask bundle --quick
	@cargo build --locked --package holdfast
	@node end2end/browser/screenshots.mjs

## Write the API description and the list of errors anew, from the code
openapi:
	@cargo build --locked --quiet --package holdfast
	@target/debug/holdfast openapi > docs/openapi.json
	@target/debug/holdfast openapi --errors > docs/errors.md
