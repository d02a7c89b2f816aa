#!/bin/sh
# Runs every fuzz target for some seconds each: fuzz/run.sh [SECONDS] [TARGET...]
# Stops at the first one that finds something. What is newly covered is kept
# in fuzz/target/found, not in the corpus; see README.md for keeping it.
set -eu
cd "$(dirname "$0")"
seconds=${1:-30}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- $(cargo +nightly fuzz list)
for target in "$@"; do
    found=target/found/$target
    mkdir -p "$found"
    echo "== $target, $seconds s"
    cargo +nightly fuzz run "$target" "$found" "corpus/$target" -- \
        -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 -print_final_stats=0
done
