#!/usr/bin/env bash
# Measures Valetkey against others, side by side, and puts the results into
# docs/benchmarks.md, docs/img/bench-*.svg and bench/results/*.json:
#
#   bench/run.sh                    everything (about a quarter of an hour)
#   bench/run.sh NAME...            one or some: id-token sign-in provider
#                                   sessions request login memory audit size
#   bench/run.sh NAME --rounds=9    more rounds than five
#   bench/run.sh publish            only the docs, from the results there are
#
# Needs Rust, a C compiler, CMake, Go 1.24 or newer, Node 20 or newer, Python
# 3.10 or newer with venv; ripgrep and taskset for `audit`. Everything foreign is pinned by a lock file and
# stays below bench/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
root=$PWD
# The Go toolchain that is there, and no other.
export CARGO_TARGET_DIR=$root/target GOTOOLCHAIN=local

for program in cargo go node npm python3; do
  command -v "$program" >/dev/null || { echo "missing: $program" >&2; exit 1; }
done

mkdir -p target
if ! cmp -s apps/flask/requirements.txt target/venv/installed.txt; then
  rm -rf target/venv
  python3 -m venv target/venv
  target/venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r apps/flask/requirements.txt
  cp apps/flask/requirements.txt target/venv/installed.txt
fi
if ! cmp -s apps/node/package-lock.json apps/node/node_modules/.installed; then
  (cd apps/node && npm ci --no-fund --no-audit --loglevel=error)
  cp apps/node/package-lock.json apps/node/node_modules/.installed
fi
(cd apps/go && go build -trimpath -o ../../target/go-app .)
CARGO_TARGET_DIR=$root/../target cargo build --locked --release --manifest-path ../Cargo.toml -p valetkey-cli
cargo build --locked --release --bins
(cd apps/tower-sessions && cargo build --locked --release)

exec target/release/valetkey-bench "$@"
