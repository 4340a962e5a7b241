#!/usr/bin/env bash
# Installs what building (and with `test` also testing) needs on Debian 12: packages, the compiler for the browser side,
# the npm tools. Does nothing when everything is there.
#
#   scripts/setup.sh run     what `make run` needs
#   scripts/setup.sh test    and what `make test` needs
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

purpose="${1:-run}"
stamp="target/setup-$purpose.stamp"
fingerprint="$(cat scripts/setup.sh package-lock.json | sha256sum | cut -d' ' -f1)"

target=wasm32-unknown-unknown

has() { command -v "$1" >/dev/null 2>&1; }

have_wasm_compiler() {
    [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ] || have_debian_compiler
}
have_debian_compiler() {
    [ -x /usr/bin/rustc ] && [ -d "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library/std" ]
}
has_haproxy() { has haproxy || [ -x /usr/sbin/haproxy ]; }
have_postgres() { ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || has initdb; }
# What the failover rehearsal runs: Debian's own Patroni (3.0.2) loses acknowledged writes when a primary is cut off.
patroni_version=4.1.5
have_patroni() { [ -x target/patroni/bin/patroni ] && [ "$(cat target/patroni/version 2>/dev/null)" = "$patroni_version" ]; }
have_netns() { has ip && has unshare && has setpriv; }
have_npm_tools() { [ -x node_modules/.bin/wasm-opt ] && cmp -s package-lock.json node_modules/.holdfast-lock; }

everything_is_there() {
    has cargo && has node && has cc && have_wasm_compiler && have_npm_tools || return 1
    if [ "$purpose" = test ]; then
        has chromium && have_postgres && has strace && [ -e /usr/share/doc/libfaketime ] || return 1
        has etcd && has_haproxy && has openssl && has curl && have_netns && have_patroni || return 1
    fi
}

if [ "$(cat "$stamp" 2>/dev/null)" = "$fingerprint" ] && everything_is_there; then
    exit 0
fi

say "Setting up this machine for \`make $purpose\`. This is done once."

if ! has cargo || ! has rustc; then
    problem "Rust is missing. Install it from https://rustup.rs (1.95 or later) and open a new shell, then try again."
    exit 1
fi
if ! has node || ! has npm; then
    problem "Node is missing. Install Node 20 or later with npm, then try again."
    exit 1
fi
node_major="$(node --version | sed 's/^v\([0-9]*\).*/\1/')"
if [ "$node_major" -lt 20 ]; then
    problem "Node $(node --version) is too old: 20 or later is needed."
    exit 1
fi

as_root=()
if [ "$(id -u)" != 0 ]; then
    if has sudo; then as_root=(sudo); fi
fi

apt_updated=
apt_install() {
    if ! has apt-get; then
        problem "These Debian packages are needed and there is no apt-get here: $*. Install their like and try again."
        return 1
    fi
    if [ "$(id -u)" != 0 ] && [ "${#as_root[@]}" = 0 ]; then
        problem "These packages are missing and need root or sudo to install: $*
Ask somebody who has it for: apt-get install $*"
        return 1
    fi
    if [ -z "$apt_updated" ]; then
        "${as_root[@]}" apt-get update -qq || {
            problem "apt-get update failed: is this machine's Debian mirror reachable?"
            return 1
        }
        apt_updated=1
    fi
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >target/apt.log 2>&1 </dev/null || {
        tail -n 15 target/apt.log >&2
        problem "apt-get could not install: $*"
        return 1
    }
}

packages() {
    local missing=()
    has cc || missing+=(build-essential)
    if [ "$purpose" = test ]; then
        has chromium || missing+=(chromium)
        have_postgres || missing+=(postgresql-15)
        has strace || missing+=(strace)
        [ -e /usr/share/doc/libfaketime ] || missing+=(faketime libfaketime)
        has etcd || missing+=(etcd-server)
        has_haproxy || missing+=(haproxy)
        has openssl || missing+=(openssl)
        has curl || missing+=(curl)
        have_netns || missing+=(iproute2 util-linux)
        have_patroni || [ -e /usr/share/doc/python3-venv ] || missing+=(python3-venv)
    fi
    if [ "${#missing[@]}" = 0 ]; then
        say "    nothing missing"
        return
    fi
    say "    installing ${missing[*]}"
    apt_install "${missing[@]}"
}

rust_parts() {
    if [ "$purpose" != test ] || { cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1; then
        return
    fi
    timeout 120 rustup component add rustfmt clippy || {
        problem "rustfmt and clippy are missing and rustup could not add them. Run: rustup component add rustfmt clippy"
        return 1
    }
}

wasm_compiler() {
    if have_wasm_compiler; then
        say "    there"
        return
    fi
    if has rustup && timeout 60 rustup target add "$target" >target/rustup.log 2>&1; then
        say "    rustup added $target"
        return
    fi
    say "    rustup cannot download $target here; taking Debian's compiler instead"
    apt_install rustc-web rust-web-src || {
        problem "No compiler for the browser side: neither \`rustup target add $target\` nor \`apt-get install rustc-web rust-web-src\` worked.
rustup said: $(tail -n 3 target/rustup.log 2>/dev/null)"
        return 1
    }
}

npm_tools() {
    if have_npm_tools; then
        say "    there"
        return
    fi
    # `install` with the lock file, not `ci`: registry mirrors may lack the parts for other operating systems, which are
    # then not in the lock file, and `ci` refuses that. Nothing needs a package's own install script, so none runs.
    npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error >target/npm.log 2>&1 || {
        tail -n 15 target/npm.log >&2
        problem "npm could not install the tools of package-lock.json: is the npm registry reachable?"
        return 1
    }
    cp package-lock.json node_modules/.holdfast-lock
}

# In an environment of its own. Debian's interpreter, since the rehearsal's database user must be able to reach it.
patroni() {
    if [ "$purpose" != test ] || have_patroni; then
        say "    nothing to do"
        return
    fi
    rm -rf target/patroni
    /usr/bin/python3 -m venv target/patroni &&
        target/patroni/bin/pip install --quiet --disable-pip-version-check \
            "patroni[etcd3]==$patroni_version" psycopg2-binary >target/patroni.log 2>&1 || {
        tail -n 15 target/patroni.log >&2
        problem "Patroni $patroni_version could not be installed: is the Python package index reachable?"
        return 1
    }
    printf '%s' "$patroni_version" >target/patroni/version
}

mkdir -p target
step "Debian packages" packages
step "compiler for the browser side" wasm_compiler
step "npm tools" npm_tools
step "Patroni" patroni
step "rustfmt and clippy" rust_parts
if ! everything_is_there; then
    problem "Something is still missing although every step succeeded. Remove $stamp and try again."
    exit 1
fi
printf '%s' "$fingerprint" >"$stamp"
