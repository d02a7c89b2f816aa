# shellcheck shell=bash
# Installs the foreign programs that the tests run: sourced by test.sh.
# Each function ends with the program there, or says what is missing.

# Installs Debian packages, where this is Debian and root.
debian() {
  if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
    return 1
  fi
  echo "installing $*" >&2
  if [[ -z ${apt_updated:-} ]]; then
    persist apt-get update -qq >&2 && apt_updated=1
  fi
  DEBIAN_FRONTEND=noninteractive persist \
    apt-get install -y -qq --no-install-recommends "$@" >&2
}

# What could not be had; test.sh says it again at the end, where it is read.
absent=()

missing() {
  absent+=("$*")
  echo "missing: $*" >&2
}

# Runs a command up to three times: a registry may be away for a moment.
persist() {
  local pause
  for pause in 5 20 ""; do
    "$@" && return
    [[ -n $pause ]] || return
    echo "trying again in $pause s: $1 ${2:-}" >&2
    sleep "$pause"
  done
}

install_compiler() {
  command -v cc >/dev/null || debian gcc libc6-dev ||
    missing "a C compiler (Debian: apt-get install gcc libc6-dev); SQLite and aws-lc are built with it"
}

node_is_new_enough() {
  local version
  version=$(node --version 2>/dev/null) || return 1
  version=${version#v}
  ((${version%%.*} >= 20)) && command -v npm >/dev/null
}

install_node() {
  local folder=e2e/foreign
  node_is_new_enough || debian nodejs npm
  if ! node_is_new_enough; then
    missing "Node 20 or newer with npm (found: $(node --version 2>/dev/null || echo none))"
    return
  fi
  local stamp=$folder/node_modules/.installed
  if ! cmp -s "$folder/package-lock.json" "$stamp"; then
    if persist npm --prefix "$folder" ci --no-fund --no-audit --loglevel=error >&2; then
      cp "$folder/package-lock.json" "$stamp"
    else
      missing "the npm packages of $folder/package-lock.json (npm ci failed)"
    fi
  fi
}

# Makes a virtual environment with the first Python that can: the one first
# on the path may be a shim of a Python that is not there, or lack venv.
make_venv() {
  local venv=$1 python
  for python in python3 /usr/bin/python3; do
    rm -rf "$venv"
    "$python" -m venv "$venv" && "$venv/bin/python" -m pip --version >/dev/null && return
  done
  return 1
}

install_python() {
  local venv=$1 wanted=e2e/foreign/requirements.txt
  if cmp -s "$wanted" "$venv/installed.txt"; then
    return
  fi
  if ! make_venv "$venv" 2>/dev/null; then
    debian python3 python3-venv
    if ! make_venv "$venv"; then
      missing "Python 3.10 or newer with venv (Debian: apt-get install python3-venv)"
      return
    fi
  fi
  if persist "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --retries 10 --require-hashes -r "$wanted" >&2; then
    cp "$wanted" "$venv/installed.txt"
  else
    missing "the PyPI packages of $wanted (pip install failed)"
  fi
}

install_chromium() {
  if [[ -x /usr/bin/chromium ]] && command -v chromedriver >/dev/null; then
    return
  fi
  debian chromium chromium-driver ||
    missing "Chromium and its driver (Debian: apt-get install chromium chromium-driver)"
}
