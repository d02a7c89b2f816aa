#!/bin/sh
# Runs every fuzz target for some seconds each: fuzz/run.sh [SECONDS] [TARGET...]
# Fails if one of them found something; its input is in artifacts/<target>/.
# What is newly covered is kept in target/found, not in the corpus; see
# README.md for keeping it.
set -eu
cd "$(dirname "$0")"
seconds=${1:-30}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- $(cargo +nightly fuzz list)
cargo +nightly fuzz build
programs=target/$(rustc +nightly -vV | sed -n 's/^host: //p')/release
export ASAN_OPTIONS=detect_odr_violation=0
found=
for target in "$@"; do
    mkdir -p "target/found/$target" "artifacts/$target"
    echo "== $target, $seconds s"
    "$programs/$target" "target/found/$target" "corpus/$target" \
        -artifact_prefix="artifacts/$target/" -max_total_time="$seconds" \
        -max_len=4096 -timeout=10 -rss_limit_mb=2048 -print_funcs=0 -verbosity=0 || found="$found $target"
done
if [ -n "$found" ]; then
    echo "found something:$found"
    exit 1
fi
echo "found nothing"
