#!/usr/bin/env bash
# Every check of this repository, in one command:
#
#   ./test.sh           everything; installs what is missing where it can
#                       (Debian, root), else says what is missing
#   ./test.sh --quick   without foreign programs: no Node, Python, Chromium
#
# The last line counts what passed, failed and was skipped. With CI=true a
# skip is a failure.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

quick=0
for argument in "$@"; do
  case $argument in
    --quick) quick=1 ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    *) echo "unknown: $argument (--quick, --help)" >&2; exit 2 ;;
  esac
done

# Colours would hide the lines that are counted.
export CARGO_TERM_COLOR=never
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target"
# shellcheck source=scripts/foreign.sh
source scripts/foreign.sh

if ! command -v cargo >/dev/null; then
  echo "missing: Rust stable (rustup), of the rust-version in Cargo.toml or newer" >&2
  exit 1
fi
if ((quick)); then
  export VALETKEY_TEST_QUICK=1
else
  install_compiler
  install_node
  install_python "$target/venv"
  install_chromium
fi

passed=0
failed=()
log=$target/test.log
: >"$log"

# Runs one step; its output goes to the log too.
step() {
  local name=$1
  shift
  echo
  echo "== $name"
  SECONDS=0
  if "$@" 2>&1 | tee -a "$log"; then
    passed=$((passed + 1))
    echo "== $name: ok, $SECONDS s"
  else
    failed+=("$name")
    echo "== $name: FAILED, $SECONDS s"
  fi
}

rustdoc_without_warnings() {
  RUSTDOCFLAGS=-Dwarnings cargo doc --locked --no-deps --workspace --keep-going
}

# The rules of deny.toml are checked by a test of the workspace in any case
# (e2e/tests/dependencies.rs); cargo-deny itself, where it is installed, too.
dependencies() {
  if cargo deny --version >/dev/null 2>&1; then
    cargo deny --locked check bans licenses sources
  else
    cargo test --locked -p valetkey-e2e --test dependencies
  fi
}

all_tests() {
  local built
  built=$(cd "$target" && pwd)
  VALETKEY_BIN=$built/debug/valetkey VALETKEY_TEST_PYTHON=$built/venv/bin/python \
    cargo test --locked --workspace --no-fail-fast
}

step "formatting" cargo fmt --all --check
step "build" cargo build --locked --workspace --bins
step "clippy" cargo clippy --locked --workspace --all-targets --keep-going -- -D warnings
step "rustdoc" rustdoc_without_warnings
step "dependencies" dependencies
: >"$log" # only the last step's tests are counted
step "tests" all_tests

read -r ok bad ignored < <(
  sed -n 's/.*test result: [A-Za-z]*\. \([0-9]*\) passed; \([0-9]*\) failed; \([0-9]*\) ignored.*/\1 \2 \3/p' "$log" |
    awk '{ok += $1; bad += $2; ignored += $3} END {print ok + 0, bad + 0, ignored + 0}'
)
mapfile -t skips < <(grep -o '^skipped: .*' "$log" | sort)
# A skipped test ends like one that passed.
passed=$((passed + ok - ${#skips[@]}))
# A test run that failed without a failed test did not compile, or crashed.
failures=$((${#failed[@]} + bad))
for name in ${failed[@]+"${failed[@]}"}; do
  if [[ $name == tests ]] && ((bad > 0)); then
    failures=$((failures - 1))
  fi
done

echo
for what in ${absent[@]+"${absent[@]}"}; do echo "missing: $what"; done
for name in ${failed[@]+"${failed[@]}"}; do echo "failed: $name"; done
grep -E '^test .* FAILED$' "$log" | sort -u
for skip in ${skips[@]+"${skips[@]}"}; do echo "$skip"; done
if ((ok + bad == 0 && ${#failed[@]} == 0)); then
  echo "failed: no test was run"
  failures=$((failures + 1))
fi
if ((ignored > 0)); then
  echo "$ignored tests and snippets are marked as not to be run here"
fi
if [[ ${CI:-} == true ]] && ((${#skips[@]} > 0)); then
  echo "failed: in CI nothing may be skipped"
  failures=$((failures + 1))
fi
echo "$passed passed, $failures failed, ${#skips[@]} skipped"
((failures == 0))
